import { EnvelopeError } from '../../../envelope/envelope-error.ts'
import type { PartHeader } from '../../../envelope/parts/header.ts'
import { parsePartHeader } from '../../../envelope/parts/header.ts'
import { PART_OVERHEAD_BYTES, PART_TRAILER_BYTES, partFrames } from '../../../envelope/parts/layout.ts'
import { assertMayBeLast } from '../../../envelope/parts/parts-opener.ts'
import { STREAM_HEADER_BYTES } from '../../../envelope/sizes.ts'
import { StreamKeys } from '../../../envelope/stream-keys.ts'
import { openTrailer } from '../../../envelope/stream-trailer.ts'
import type { OpenedHead } from './first-stream.ts'
import { readStored } from './first-stream.ts'
import type { ObjectExchange } from './object-exchange.ts'
import type { ObjectChecksum } from './trailer.ts'
import { decodeTrailer } from './trailer.ts'

const SEALED_TRAILER_BYTES = PART_TRAILER_BYTES + 16

/** What stands at the end of an object made of parts. */
export interface ObjectEnd {
  /** Parts, without the end record. */
  readonly parts: number
  /** Of the whole object, if it is kept. */
  readonly checksum: ObjectChecksum | undefined
}

/**
 * Reads and verifies the end of an object made of parts: one small request where all parts but the last are alike, else
 * two. Undefined when it is neither there nor an end record: then reading the whole object finds whether it has its end.
 *
 * @throws EnvelopeError `truncated` when the end is missing
 */
export async function readEnd(context: ObjectExchange, head: OpenedHead): Promise<ObjectEnd | undefined> {
  const { streams, sealedBytes } = head.stored
  const supposed = streams === 1 ? 0 : (streams! - 1) * (head.header.plaintextBytes + PART_OVERHEAD_BYTES)
  // An end record has one length, whatever the parts before it have.
  const behind = sealedBytes - PART_OVERHEAD_BYTES
  const end = supposed > behind ? undefined : await readEndAt(context, head, supposed)
  return end ?? (supposed === behind || streams === 1 ? undefined : readEndAt(context, head, behind))
}

/** The end of an object if it is the stream that begins at `start`. */
async function readEndAt(
  context: ObjectExchange,
  head: OpenedHead,
  start: number,
): Promise<ObjectEnd | undefined> {
  const { stored } = head
  const streams = stored.streams!
  const first = head.header as PartHeader
  const response = await readStored(context, head, start, start + STREAM_HEADER_BYTES + SEALED_TRAILER_BYTES)
  if (response === undefined) return undefined
  const bytes = await response.collect(STREAM_HEADER_BYTES + SEALED_TRAILER_BYTES)
  const last = streams === 1 ? first : headerAt(bytes)
  if (last === undefined) return undefined
  const sealedLength = last.kind === 'end' ? PART_OVERHEAD_BYTES : last.plaintextBytes + PART_OVERHEAD_BYTES
  if (start + sealedLength !== stored.sealedBytes) return undefined
  await assertSealedHere(context, head, last)
  if (last.kind === 'part') {
    if (last.partNumber !== streams) throw new EnvelopeError('spliced', 'the last part is of another number')
    assertMayBeLast(last)
    return { parts: streams, checksum: undefined }
  }
  if (last.partNumber !== streams - 1 || last.plaintextBytes !== stored.plaintextBytes) {
    throw new EnvelopeError('truncated', 'the end belongs to another number of parts')
  }
  const trailer = await trailerOf(context, head, last, bytes.subarray(STREAM_HEADER_BYTES))
  return { parts: last.partNumber, checksum: decodeTrailer(trailer) }
}

function headerAt(bytes: Buffer): PartHeader | undefined {
  try {
    return parsePartHeader(bytes)
  } catch (thrown) {
    if (thrown instanceof EnvelopeError) return undefined
    throw thrown
  }
}

async function assertSealedHere(context: ObjectExchange, head: OpenedHead, last: PartHeader): Promise<void> {
  if (!last.objectId.equals(head.header.objectId)) {
    throw new EnvelopeError('spliced', 'the end belongs to another object')
  }
  const key = await context.openingKey(last.keyId)
  const { bucket, key: name } = head.place
  const streamContext = context.contextOf(key.scope.tenant, bucket, name)

  StreamKeys.open(context.parts.memory, key.derived('stream'), last, streamContext).wipe()
}

async function trailerOf(
  context: ObjectExchange,
  head: OpenedHead,
  header: PartHeader,
  sealed: Buffer,
): Promise<Buffer> {
  const key = await context.openingKey(header.keyId)
  const streamContext = context.contextOf(key.scope.tenant, head.place.bucket, head.place.key)
  const frames = header.kind === 'end' ? 0 : partFrames(header)
  return openTrailer(context.parts.memory, key.derived('stream'), header, streamContext, frames, sealed)
}
