import { EnvelopeError } from '../envelope-error.ts'
import type { StreamHeader } from '../header.ts'
import { PART_NUMBER_MAX, readHeader, writeHeader } from '../header.ts'
import type { PartSize } from './layout.ts'
import {
  frameLog2Before,
  frameLog2Of,
  MARK_BYTES,
  PART_PLAINTEXT_BYTES_MAX,
  PART_TRAILER_BYTES,
} from './layout.ts'

/** In an end record, which has no frames. */
const END_FRAME_LOG2 = 16
/** Plaintext of an object at most: 10,000 parts. */
const OBJECT_BYTES_MAX = PART_NUMBER_MAX * PART_PLAINTEXT_BYTES_MAX

/** Header of a part of an object, or of the record behind its last part. */
export interface PartHeader extends StreamHeader {
  readonly kind: 'part' | 'end'
  /** Of a part its number; of an end record the number of parts. */
  readonly partNumber: number
  /** Base-2 logarithm of the frame size; of an end record without meaning. */
  readonly frameLog2: number
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
  /** Of a part by an earlier writer, from `frameLog2Before`; else as parts are laid out now. */
  readonly frameLog2?: number
}

/** A header with room for the commitment, which `StreamKeys.seal` writes in place. */
export function newPartHeader(fields: NewPartHeader): PartHeader {
  const { kind, partNumber, plaintextBytes, objectId, keyId, mark } = fields
  if (mark.length !== MARK_BYTES) throw new RangeError('marks have 16 bytes')
  assertRange(partNumber, 1, PART_NUMBER_MAX)
  assertRange(plaintextBytes, 0, plaintextBytesMaxOf(kind))
  const frameLog2 = kind === 'end' ? END_FRAME_LOG2 : (fields.frameLog2 ?? frameLog2Of(plaintextBytes))
  const header = writeHeader(
    { plaintextBytes, trailerBytes: PART_TRAILER_BYTES, objectId, keyId },
    { kind, frameLog2, number: partNumber },
  )
  header.salt.set(mark)
  return { ...header, kind, partNumber, frameLog2 }
}

/**
 * Reads a header of a part or an end record: checks 1 to 7 of docs/SPEC.md section 6.7, so that every field has a
 * value it can have. Copies what it keeps.
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
    isFrameLog2(frameLog2, kind, header.plaintextBytes) &&
    header.salt.subarray(MARK_BYTES).every((byte) => byte === 0)
  if (!canonical) throw new EnvelopeError('not-canonical', 'the part has an impossible header')
  return { ...header, kind, partNumber: number, frameLog2 }
}

/** The header of another part of the same object, as it must be when its key, layout and mark are as supposed. */
export function siblingHeader(
  first: PartHeader,
  partNumber: number,
  { plaintextBytes, frameLog2 }: PartSize,
  mark: Uint8Array,
): PartHeader {
  const { objectId, keyId } = first
  return newPartHeader({ kind: 'part', partNumber, plaintextBytes, frameLog2, objectId, keyId, mark })
}

/** The 16 bytes that stand before each frame of a part. */
export function markOf(header: PartHeader): Buffer {
  return header.salt.subarray(0, MARK_BYTES)
}

function plaintextBytesMaxOf(kind: PartHeader['kind']): number {
  return kind === 'part' ? PART_PLAINTEXT_BYTES_MAX : OBJECT_BYTES_MAX
}

function isFrameLog2(frameLog2: number, kind: PartHeader['kind'], plaintextBytes: number): boolean {
  if (kind === 'end') return frameLog2 === END_FRAME_LOG2
  return frameLog2 === frameLog2Of(plaintextBytes) || frameLog2 === frameLog2Before(plaintextBytes)
}

function assertRange(value: number, least: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw new RangeError('a part is out of its limits')
}
