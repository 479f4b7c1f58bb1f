import type { PartHeader } from '../../../envelope/parts/header.ts'
import { parsePartHeader } from '../../../envelope/parts/header.ts'
import { PART_OVERHEAD_BYTES } from '../../../envelope/parts/layout.ts'
import { STREAM_HEADER_BYTES } from '../../../envelope/sizes.ts'
import { EnvelopeError } from '../../../envelope/envelope-error.ts'
import type { XmlElement } from '../xml-reader.ts'
import { childOf, childText, parseXml } from '../xml-reader.ts'
import { S3Error } from '../errors.ts'
import type { BackendResponse } from './backend-response.ts'
import type { OpenedHead } from './first-stream.ts'
import { readStored, versionQuery } from './first-stream.ts'
import type { ObjectExchange } from './object-exchange.ts'
import type { PartLengths } from './part-plan.ts'
import { lengthsOf } from './part-plan.ts'

const ANSWER_BYTES_MAX = 1024 * 1024
const PAGE = 1000

/**
 * Plaintext lengths of the parts of an object that is not made of equal ones: from the store's GetObjectAttributes if
 * it has that, else by walking from header to header. Undefined when the object has been replaced meanwhile.
 */
export async function findLengths(
  context: ObjectExchange,
  head: OpenedHead,
): Promise<PartLengths | undefined> {
  const sealed = await attributeLengths(context, head)
  if (sealed !== undefined) return lengthsOf(sealed)
  return walkHeaders(context, head)
}

async function attributeLengths(context: ObjectExchange, head: OpenedHead): Promise<number[] | undefined> {
  const { place, stored } = head
  const lengths: number[] = []
  for (let marker = 0; lengths.length < stored.streams!; marker = lengths.length) {
    const response = await context.backend.send({
      method: 'GET',
      bucket: place.bucket,
      key: place.key,
      query: [['attributes', ''], ...versionQuery(place)],
      headers: [
        'x-amz-object-attributes',
        'ObjectParts',
        'x-amz-max-parts',
        String(PAGE),
        'x-amz-part-number-marker',
        String(marker),
      ],
    })
    const parts = await attributedParts(response)
    for (const part of parts) lengths.push(Number(childText(part, 'Size')) - PART_OVERHEAD_BYTES)
    if (parts.length === 0) return undefined
  }
  const sound = lengths.every((bytes) => Number.isSafeInteger(bytes) && bytes >= 0)
  const total = lengths.reduce((sum, bytes) => sum + bytes, 0)
  return sound && lengths.length === stored.streams && total === stored.plaintextBytes ? lengths : undefined
}

/** The parts in an answer; none from a store that lacks the operation, of which some then send the object itself. */
async function attributedParts(response: BackendResponse): Promise<readonly XmlElement[]> {
  const isDocument = /xml/i.test(response.header('content-type') ?? '')
  if (response.status !== 200 || !isDocument || (response.contentLength ?? 0) > ANSWER_BYTES_MAX) {
    response.abort()
    return []
  }
  const body = await response.collect(ANSWER_BYTES_MAX)
  try {
    return childOf(parseXml(body), 'ObjectParts')?.children.filter(({ name }) => name === 'Part') ?? []
  } catch (thrown) {
    if (thrown instanceof S3Error) return []
    throw thrown
  }
}

async function walkHeaders(context: ObjectExchange, head: OpenedHead): Promise<PartLengths | undefined> {
  const lengths: number[] = []
  let header = head.header as PartHeader
  let at = 0
  for (;;) {
    const partBytes = header.kind === 'end' ? 0 : header.plaintextBytes
    lengths.push(partBytes)
    at += partBytes + PART_OVERHEAD_BYTES
    if (lengths.length === head.stored.streams) break
    const response = await readStored(context, head, at, at + STREAM_HEADER_BYTES)
    if (response === undefined) return undefined
    header = parsePartHeader(await response.collect(STREAM_HEADER_BYTES))
  }
  if (at !== head.stored.sealedBytes) throw new EnvelopeError('truncated', 'the parts do not fill the object')
  return lengthsOf(lengths)
}
