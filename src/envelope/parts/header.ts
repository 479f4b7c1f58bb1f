import { EnvelopeError } from '../envelope-error.ts'
import type { HeaderVariant, StreamHeader } from '../header.ts'
import { PART_NUMBER_MAX, readHeader, writeHeader } from '../header.ts'
import { frameLog2Of, MARK_BYTES, PART_PLAINTEXT_BYTES_MAX, PART_TRAILER_BYTES } from './layout.ts'

/** Plaintext of an object at most: 10,000 parts. */
const OBJECT_BYTES_MAX = PART_NUMBER_MAX * PART_PLAINTEXT_BYTES_MAX

/** Header of a part of an object, or of the record behind its last part. */
export interface PartHeader extends StreamHeader {
  readonly kind: 'part' | 'end'
  /** Of a part its number; of an end record the number of parts. */
  readonly partNumber: number
}

/** What a writer decides about a header. */
export interface NewPartHeader {
  readonly kind: PartHeader['kind']
  readonly partNumber: number
  /** Of a part its plaintext length; of an end record that of the whole object. */
  readonly plaintextBytes: number
  readonly objectId: Uint8Array
  readonly keyId: Uint8Array
  /** The first 16 bytes of the salt, which stand before each frame; the rest is zero. */
  readonly mark: Uint8Array
}

/** A header with room for the commitment, which `StreamKeys.seal` writes in place. */
export function newPartHeader(fields: NewPartHeader): PartHeader {
  const { kind, partNumber, plaintextBytes, objectId, keyId, mark } = fields
  if (mark.length !== MARK_BYTES) throw new RangeError('marks have 16 bytes')
  assertRange(partNumber, 1, PART_NUMBER_MAX)
  assertRange(plaintextBytes, 0, plaintextBytesMaxOf(kind))
  const header = writeHeader(
    { plaintextBytes, trailerBytes: PART_TRAILER_BYTES, objectId, keyId },
    { kind, frameLog2: frameLog2For(kind, plaintextBytes), number: partNumber },
  )
  header.salt.set(mark)
  return { ...header, kind, partNumber }
}

/**
 * Reads a header of a part or an end record: checks 1 to 7 of docs/SPEC.md section 6.7, so that every field has the
 * one value it can have. Copies what it keeps.
 *
 * @throws EnvelopeError also when fewer than 120 bytes are there
 */
export function parsePartHeader(bytes: Buffer): PartHeader {
  const { header, kind, frameLog2, number } = readHeader(bytes)
  if (kind === 'whole') throw new EnvelopeError('spliced', 'the stream is no part of an object')
  if (header.plaintextBytes > plaintextBytesMaxOf(kind))
    throw new EnvelopeError('too-large', 'the part declares a length beyond the limits')
  const canonical =
    number >= 1 &&
    number <= PART_NUMBER_MAX &&
    header.trailerBytes === PART_TRAILER_BYTES &&
    frameLog2 === frameLog2For(kind, header.plaintextBytes) &&
    header.salt.subarray(MARK_BYTES).every((byte) => byte === 0)
  if (!canonical) throw new EnvelopeError('not-canonical', 'the part has an impossible header')
  return { ...header, kind, partNumber: number }
}

/** The header of another part of the same object, as it must be when its key, length and mark are as supposed. */
export function siblingHeader(
  first: PartHeader,
  partNumber: number,
  plaintextBytes: number,
  mark: Uint8Array,
): PartHeader {
  return newPartHeader({
    kind: 'part',
    partNumber,
    plaintextBytes,
    objectId: first.objectId,
    keyId: first.keyId,
    mark,
  })
}

/** The 16 bytes that stand before each frame of a part. */
export function markOf(header: PartHeader): Buffer {
  return header.salt.subarray(0, MARK_BYTES)
}

function plaintextBytesMaxOf(kind: PartHeader['kind']): number {
  return kind === 'part' ? PART_PLAINTEXT_BYTES_MAX : OBJECT_BYTES_MAX
}

// An end record has no frames, whatever the length that it states.
function frameLog2For(kind: HeaderVariant['kind'], plaintextBytes: number): number {
  return frameLog2Of(kind === 'part' ? plaintextBytes : 0)
}

function assertRange(value: number, least: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw new RangeError('a part is out of its limits')
}
