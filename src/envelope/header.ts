import { EnvelopeError } from './envelope-error.ts'
import { STREAM_HEADER_BYTES, STREAM_PLAINTEXT_BYTES_MAX, TRAILER_BYTES_MAX } from './sizes.ts'

const MAGIC = Buffer.from('9350435354524d0a', 'hex')
const VERSION = 1
const SUITE = 2
const FRAME_BYTES_LOG2 = 16
const KIND_WHOLE = 0
const KIND_PART = 1

/** Part numbers of S3. */
export const PART_NUMBER_MAX = 10_000
export const OBJECT_ID_BYTES = 16
export const SALT_BYTES = 32
export const COMMITMENT_BYTES = 32

/** Offsets of docs/SPEC.md section 6.1. */
const AT = {
  version: 8,
  suite: 9,
  frameSize: 10,
  kind: 11,
  partNumber: 12,
  trailerBytes: 14,
  plaintextBytes: 16,
  objectId: 24,
  keyId: 40,
  salt: 56,
  commitment: 88,
} as const

/** Bytes of the header that the keys of its stream are derived from: all but the commitment. */
export const COMMITTED_BYTES = AT.commitment

/** The open part of a stream, as read: nothing of it is authenticated before the stream's keys are derived. */
export interface StreamHeader {
  /** All 120 bytes. */
  readonly bytes: Buffer
  /** 1 to 10,000 for a part of a multipart object, undefined for a whole object. */
  readonly partNumber: number | undefined
  readonly trailerBytes: number
  readonly plaintextBytes: number
  /** 16 bytes, equal in all parts of one object. */
  readonly objectId: Buffer
  /** 16 bytes. */
  readonly keyId: Buffer
  /** 32 bytes. */
  readonly salt: Buffer
  /** 32 bytes. */
  readonly commitment: Buffer
}

/** What a writer decides about a header. */
export interface NewHeader {
  readonly partNumber: number | undefined
  readonly trailerBytes: number
  readonly plaintextBytes: number
  readonly objectId: Uint8Array
  readonly keyId: Uint8Array
}

/** A header with room for salt and commitment, which the caller writes in place. */
export function newHeader(fields: NewHeader): StreamHeader {
  const { partNumber, trailerBytes, plaintextBytes, objectId, keyId } = fields
  if (objectId.length !== OBJECT_ID_BYTES || keyId.length !== 16)
    throw new RangeError('identifiers have 16 bytes')
  if (!Number.isSafeInteger(trailerBytes) || trailerBytes < 0 || trailerBytes > TRAILER_BYTES_MAX) {
    throw new RangeError('a trailer has 0 to 1,024 bytes')
  }
  if (
    !Number.isSafeInteger(plaintextBytes) ||
    plaintextBytes < 0 ||
    plaintextBytes > STREAM_PLAINTEXT_BYTES_MAX
  ) {
    throw new RangeError('a stream holds 0 to 2^46 bytes')
  }
  if (partNumber !== undefined && !isPartNumber(partNumber))
    throw new RangeError('part numbers are 1 to 10,000')
  const bytes = Buffer.alloc(STREAM_HEADER_BYTES)
  MAGIC.copy(bytes)
  bytes[AT.version] = VERSION
  bytes[AT.suite] = SUITE
  bytes[AT.frameSize] = FRAME_BYTES_LOG2
  bytes[AT.kind] = partNumber === undefined ? KIND_WHOLE : KIND_PART
  bytes.writeUInt16BE(partNumber ?? 0, AT.partNumber)
  bytes.writeUInt16BE(trailerBytes, AT.trailerBytes)
  bytes.writeBigUInt64BE(BigInt(plaintextBytes), AT.plaintextBytes)
  bytes.set(objectId, AT.objectId)
  bytes.set(keyId, AT.keyId)
  return fieldsOf(bytes)
}

/**
 * Reads the header at the beginning of `bytes`; checks 1 to 6 of docs/SPEC.md section 6.7. Copies what it keeps.
 *
 * @throws EnvelopeError also when fewer than 120 bytes are there
 */
export function parseHeader(bytes: Buffer): StreamHeader {
  const magicBytes = Math.min(MAGIC.length, bytes.length)
  if (!bytes.subarray(0, magicBytes).equals(MAGIC.subarray(0, magicBytes))) {
    throw new EnvelopeError('not-an-envelope', 'there is no stream header')
  }
  if (bytes.length > AT.version && bytes[AT.version] !== VERSION) {
    throw new EnvelopeError('unknown-version', 'the stream is of another version')
  }
  if (bytes.length < STREAM_HEADER_BYTES)
    throw new EnvelopeError('truncated', 'the stream ends within its header')
  if (bytes[AT.suite] !== SUITE || bytes[AT.frameSize] !== FRAME_BYTES_LOG2) {
    throw new EnvelopeError('unknown-suite', 'the stream is of another suite')
  }
  const kind = bytes[AT.kind]!
  const partNumber = bytes.readUInt16BE(AT.partNumber)
  const isSound = kind === KIND_WHOLE ? partNumber === 0 : kind === KIND_PART && isPartNumber(partNumber)
  if (!isSound) throw new EnvelopeError('not-canonical', 'the stream has an impossible kind or part number')
  if (
    bytes.readUInt16BE(AT.trailerBytes) > TRAILER_BYTES_MAX ||
    bytes.readBigUInt64BE(AT.plaintextBytes) > BigInt(STREAM_PLAINTEXT_BYTES_MAX)
  ) {
    throw new EnvelopeError('too-large', 'the stream declares lengths beyond the limits')
  }
  return fieldsOf(Buffer.from(bytes.subarray(0, STREAM_HEADER_BYTES)))
}

function fieldsOf(bytes: Buffer): StreamHeader {
  return {
    bytes,
    partNumber: bytes[AT.kind] === KIND_PART ? bytes.readUInt16BE(AT.partNumber) : undefined,
    trailerBytes: bytes.readUInt16BE(AT.trailerBytes),
    plaintextBytes: Number(bytes.readBigUInt64BE(AT.plaintextBytes)),
    objectId: bytes.subarray(AT.objectId, AT.keyId),
    keyId: bytes.subarray(AT.keyId, AT.salt),
    salt: bytes.subarray(AT.salt, AT.commitment),
    commitment: bytes.subarray(AT.commitment),
  }
}

function isPartNumber(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= PART_NUMBER_MAX
}
