import type { StreamHeader } from '../../../envelope/header.ts'
import type { PartHeader } from '../../../envelope/parts/header.ts'
import { EnvelopeError } from '../../../envelope/envelope-error.ts'
import { PART_OVERHEAD_BYTES } from '../../../envelope/parts/layout.ts'
import { PartsOpener } from '../../../envelope/parts/parts-opener.ts'
import { PortcullisError } from '../../../errors.ts'
import type { RawHeaders } from '../../../wire/raw-headers.ts'
import { parsePartNumber } from '../complete-request.ts'
import { S3Error } from '../errors.ts'
import type { ByteRange } from '../ranges.ts'
import { contentRange } from '../ranges.ts'
import type { BackendResponse } from './backend-response.ts'
import { placeOf, readHead } from './first-stream.ts'
import { deliverWhole } from './deliver-whole.ts'
import { ClientDelivery, OpenedBody } from './object-delivery.ts'
import { readEnd } from './object-end.ts'
import type { ObjectExchange } from './object-exchange.ts'
import { storeQuery, storeRequestHeaders } from './request-headers.ts'
import { objectResponseHeaders } from './response-headers.ts'
import { passRefusal } from './store-refusal.ts'
import { plaintextBytesOf, storedObjectOf, streamsOf, totalBytesOf } from './stored-length.ts'

/** GetObject and HeadObject with `partNumber`: one part, by the store's own answer. */
export async function getPart(context: ObjectExchange): Promise<void> {
  const number = parsePartNumber(context.parameter('partNumber'))
  if (context.header('range') !== undefined) {
    throw new S3Error('InvalidRequest', 'Cannot specify both Range header and partNumber query parameter')
  }
  const response = await context.backend.send({
    method: context.exchange.method,
    bucket: context.bucket,
    key: context.key,
    query: storeQuery(context),
    headers: storeRequestHeaders(context),
  })
  if (response.status !== 200 && response.status !== 206) {
    await passRefusal(context, response)
    return
  }
  const etag = response.header('etag') ?? ''
  const streams = streamsOf(etag)
  if (streams !== undefined) {
    await answerPart(context, response, number, streams)
    return
  }
  if (number !== 1) throw new S3Error('InvalidPartNumber')
  const stored = storedObjectOf(response)
  const partial = response.status === 206 && stored.plaintextBytes > 0
  const range = partial ? { start: 0, end: stored.plaintextBytes - 1 } : undefined
  if (context.exchange.method === 'HEAD') headWhole(context, response, stored.plaintextBytes, range)
  else deliverWhole(context, response, stored, placeOf(context), range)
}

function headWhole(
  context: ObjectExchange,
  response: BackendResponse,
  plaintextBytes: number,
  range: ByteRange | undefined,
): void {
  const headers = [...objectResponseHeaders(context, response), 'accept-ranges', 'bytes']
  headers.push('content-length', String(plaintextBytes))
  if (range !== undefined) headers.push('content-range', contentRange(range, plaintextBytes))
  context.whenAdmitted(() => context.exchange.reply(range === undefined ? 200 : 206, headers, undefined))
}

async function answerPart(
  context: ObjectExchange,
  response: BackendResponse,
  number: number,
  streams: number,
): Promise<void> {
  const sealedBytes = response.contentLength
  const total = totalBytesOf(response)
  if (response.status !== 206 || sealedBytes === undefined || sealedBytes < PART_OVERHEAD_BYTES) {
    throw new PortcullisError('store-response-invalid', 'The store does not serve single parts.')
  }
  const parts = await partsOf(context, response, streams)
  if (number > parts) throw new S3Error('InvalidPartNumber')
  const plaintextBytes = sealedBytes - PART_OVERHEAD_BYTES
  const headers: RawHeaders = [
    ...objectResponseHeaders(context, response),
    'accept-ranges',
    'bytes',
    'content-length',
    String(plaintextBytes),
    'x-amz-mp-parts-count',
    String(parts),
  ]
  const sealedStart = /^bytes (\d+)-/.exec(response.header('content-range') ?? '')?.[1]
  // A part without content has no positions to name.
  if (sealedStart !== undefined && total !== undefined && plaintextBytes > 0) {
    const start = Number(sealedStart) - (number - 1) * PART_OVERHEAD_BYTES
    const whole = plaintextBytesOf(total, response.header('etag')!)
    headers.push('content-range', `bytes ${start}-${start + plaintextBytes - 1}/${whole}`)
  }
  if (context.exchange.method === 'HEAD') {
    context.whenAdmitted(() => context.exchange.reply(206, headers, undefined))
    return
  }
  const opener = new PartsOpener({ memory: context.parts.memory, streams: 1, single: true })
  const header = (found: StreamHeader): void => {
    const part = found as PartHeader
    if (part.kind !== 'part' || part.partNumber !== number || part.plaintextBytes !== plaintextBytes) {
      throw new EnvelopeError('spliced', 'the part is another one')
    }
  }
  const delivery = new ClientDelivery(context, 206, headers)
  delivery.start(new OpenedBody(context, response, { opener, place: placeOf(context), header }, delivery))
}

/** Parts as clients count them: an end record is none. */
async function partsOf(context: ObjectExchange, response: BackendResponse, streams: number): Promise<number> {
  const head = await readHead(context, placeOf(context), ['if-match', response.header('etag')!])
  if (!('stored' in head)) return streams
  return (await readEnd(context, head))?.parts ?? streams
}
