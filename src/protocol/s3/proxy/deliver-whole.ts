import { EnvelopeError } from '../../../envelope/envelope-error.ts'
import type { StreamHeader } from '../../../envelope/header.ts'
import type { PartHeader } from '../../../envelope/parts/header.ts'
import { assertMayBeLast, PartsOpener } from '../../../envelope/parts/parts-opener.ts'
import type { TenantKey } from '../../../keyring/tenant-key.ts'
import type { RawHeaders } from '../../../wire/raw-headers.ts'
import type { ByteRange } from '../ranges.ts'
import { contentRange } from '../ranges.ts'
import type { BackendResponse } from './backend-response.ts'
import type { ObjectPlace, OpenedHead } from './first-stream.ts'
import { assertFirst } from './first-stream.ts'
import { HeldEnd } from './held-end.ts'
import { ClientDelivery, OpenedBody } from './object-delivery.ts'
import { readEnd } from './object-end.ts'
import type { ObjectExchange } from './object-exchange.ts'
import { checksumHeaders, objectResponseHeaders } from './response-headers.ts'
import type { StoredObject } from './stored-length.ts'
import { decodeTrailer } from './trailer.ts'
import { readWholeChecksum, wantsChecksum } from './whole-checksum.ts'
import { WholeOpener } from './whole-opener.ts'

/** Objects up to here are verified to their end before the head is sent, which then carries their checksum. */
const HELD_BYTES_MAX = 128 * 1024

/** Answers with all of a stored object whose bytes `response` carries; as a range of it where one was asked for. */
export function deliverWhole(
  context: ObjectExchange,
  response: BackendResponse,
  stored: StoredObject,
  place: ObjectPlace,
  range?: ByteRange,
): void {
  const headers = objectResponseHeaders(context, response)
  headers.push('accept-ranges', 'bytes', 'content-length', String(stored.plaintextBytes))
  if (range !== undefined) headers.push('content-range', contentRange(range, stored.plaintextBytes))
  const status = range === undefined ? 200 : 206
  if (stored.streams === undefined) deliverStream(context, response, { stored, place, status, headers })
  else deliverParts(context, response, { stored, place, status, headers }, stored.streams)
}

interface Answer {
  readonly stored: StoredObject
  readonly place: ObjectPlace
  readonly status: number
  readonly headers: RawHeaders
}

function deliverStream(context: ObjectExchange, response: BackendResponse, answer: Answer): void {
  const { stored, place, status, headers } = answer
  const opener = new WholeOpener(context.parts.memory)
  const checked = wantsChecksum(context)
  const held = checked && stored.sealedBytes <= HELD_BYTES_MAX
  const delivery = new ClientDelivery(
    context,
    status,
    headers,
    held ? () => checksumHeaders(decodeTrailer(opener.trailer!)) : undefined,
  )
  const look = async (header: StreamHeader, key: TenantKey): Promise<void> => {
    const checksum = await readWholeChecksum(context, { place, response, stored, header }, key)
    delivery.addHeaders(checksumHeaders(checksum))
  }
  const header = (first: StreamHeader, key: TenantKey): void | Promise<void> => {
    assertFirst(first, stored)
    if (checked && !held) return look(first, key)
  }
  delivery.start(new OpenedBody(context, response, { opener, place, header }, delivery))
}

function deliverParts(
  context: ObjectExchange,
  response: BackendResponse,
  answer: Answer,
  streams: number,
): void {
  const { stored, place, status, headers } = answer
  const opener = new PartsOpener({ memory: context.parts.memory, streams })
  const delivery = new ClientDelivery(context, status, headers)
  const sink = new HeldEnd(delivery)
  // Nothing is released before the end of the object is known to be there, where one request can tell.
  const look = async (head: OpenedHead): Promise<void> => {
    const end = await readEnd(context, head)
    if (end === undefined) sink.hold()
    if (wantsChecksum(context)) delivery.addHeaders(checksumHeaders(end?.checksum))
  }
  let first = true
  const header = (found: StreamHeader): void | Promise<void> => {
    if (!first) return
    first = false
    assertFirst(found, stored)
    if (streams > 1) return look({ place, response, stored, header: found })
    if (found.plaintextBytes !== stored.plaintextBytes) {
      throw new EnvelopeError('truncated', 'the object has not the length that it was sealed with')
    }
    assertMayBeLast(found as PartHeader)
  }
  delivery.start(new OpenedBody(context, response, { opener, place, header }, sink))
}
