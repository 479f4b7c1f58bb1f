import { EnvelopeError } from '../envelope-error.ts'
import type { StreamHeader } from '../header.ts'
import { PART_NUMBER_MAX } from '../header.ts'
import { STREAM_HEADER_BYTES } from '../sizes.ts'
import { frameLog2Of, MARK_BYTES, PART_PLAINTEXT_BYTES_MAX, PART_TRAILER_BYTES } from './layout.ts'

const MAGIC = Buffer.from('9350435354524d0a', 'hex')
const VERSION = 1
const SUITE = 2
const KIND = { part: 2, end: 3 } as const
/** Plaintext of an object at most: 10,000 parts. */
const OBJECT_BYTES_MAX = PART_NUMBER_MAX * PART_PLAINTEXT_BYTES_MAX

/** Offsets of docs/SPEC.md section 6.1. */
const AT = {
  version: 8,
  suite: 9,
  frameLog2: 10,
  kind: 11,
  number: 12,
  trailerBytes: 14,
  plaintextBytes: 16,
  objectId: 24,
  keyId: 40,
  salt: 56,
  commitment: 88,
} as const

/** Header of a part of an object, or of the record behind its last part. */
export interface PartHeader extends StreamHeader {
  readonly kind: keyof typeof KIND
  /** Of a part its number; of an end record the number of parts. */
  readonly partNumber: number
}

/** What a writer decides about a header. */
export interface NewPartHeader {
  readonly kind: keyof typeof KIND
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
  if (objectId.length !== 16 || keyId.length !== 16 || mark.length !== MARK_BYTES)
    throw new RangeError('identifiers and marks have 16 bytes')
  assertRange(partNumber, 1, PART_NUMBER_MAX)
  assertRange(plaintextBytes, 0, kind === 'part' ? PART_PLAINTEXT_BYTES_MAX : OBJECT_BYTES_MAX)
  const bytes = Buffer.alloc(STREAM_HEADER_BYTES)
  MAGIC.copy(bytes)
  bytes[AT.version] = VERSION
  bytes[AT.suite] = SUITE
  bytes[AT.frameLog2] = frameLog2Of(kind === 'part' ? plaintextBytes : 0)
  bytes[AT.kind] = KIND[kind]
  bytes.writeUInt16BE(partNumber, AT.number)
  bytes.writeUInt16BE(PART_TRAILER_BYTES, AT.trailerBytes)
  bytes.writeBigUInt64BE(BigInt(plaintextBytes), AT.plaintextBytes)
  bytes.set(objectId, AT.objectId)
  bytes.set(keyId, AT.keyId)
  bytes.set(mark, AT.salt)
  return fieldsOf(bytes, kind)
}

/**
 * Reads a header of a part or an end record: the checks of docs/SPEC.md section 6.7, and that every field has the one
 * value it can have. Copies what it keeps.
 */
export function parsePartHeader(bytes: Buffer): PartHeader {
  const magicBytes = Math.min(MAGIC.length, bytes.length)
  if (!bytes.subarray(0, magicBytes).equals(MAGIC.subarray(0, magicBytes))) {
    throw new EnvelopeError('not-an-envelope', 'there is no stream header')
  }
  if (bytes.length > AT.version && bytes[AT.version] !== VERSION) {
    throw new EnvelopeError('unknown-version', 'the stream is of another version')
  }
  if (bytes.length < STREAM_HEADER_BYTES)
    throw new EnvelopeError('truncated', 'the stream ends within its header')
  if (bytes[AT.suite] !== SUITE) throw new EnvelopeError('unknown-suite', 'the stream is of another suite')
  const kind = bytes[AT.kind] === KIND.part ? 'part' : bytes[AT.kind] === KIND.end ? 'end' : undefined
  if (kind === undefined) throw new EnvelopeError('spliced', 'the stream is no part of an object')
  const header = fieldsOf(Buffer.from(bytes.subarray(0, STREAM_HEADER_BYTES)), kind)
  const plaintextBytesMax = kind === 'part' ? PART_PLAINTEXT_BYTES_MAX : OBJECT_BYTES_MAX
  if (header.plaintextBytes > plaintextBytesMax)
    throw new EnvelopeError('too-large', 'the part declares a length beyond the limits')
  const canonical =
    header.partNumber >= 1 &&
    header.partNumber <= PART_NUMBER_MAX &&
    header.trailerBytes === PART_TRAILER_BYTES &&
    bytes[AT.frameLog2] === frameLog2Of(kind === 'part' ? header.plaintextBytes : 0) &&
    header.salt.subarray(MARK_BYTES).every((byte) => byte === 0)
  if (!canonical) throw new EnvelopeError('not-canonical', 'the part has an impossible header')
  return header
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

function fieldsOf(bytes: Buffer, kind: PartHeader['kind']): PartHeader {
  return {
    bytes,
    kind,
    partNumber: bytes.readUInt16BE(AT.number),
    trailerBytes: bytes.readUInt16BE(AT.trailerBytes),
    plaintextBytes: Number(bytes.readBigUInt64BE(AT.plaintextBytes)),
    objectId: bytes.subarray(AT.objectId, AT.keyId),
    keyId: bytes.subarray(AT.keyId, AT.salt),
    salt: bytes.subarray(AT.salt, AT.commitment),
    commitment: bytes.subarray(AT.commitment),
  }
}

function assertRange(value: number, least: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw new RangeError('a part is out of its limits')
}
