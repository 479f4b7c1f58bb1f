import { EnvelopeError } from './envelope-error.ts'
import { STREAM_HEADER_BYTES, STREAM_PLAINTEXT_BYTES_MAX, TRAILER_BYTES_MAX } from './sizes.ts'

const MAGIC = Buffer.from('9350435354524d0a', 'hex')
const VERSION = 1
const SUITE = 2
const WHOLE_FRAME_LOG2 = 16
/** What a stream is: the kinds of docs/SPEC.md section 6.1. */
export const STREAM_KIND = { whole: 0, part: 2, end: 3 } as const

/** Part numbers of S3. */
export const PART_NUMBER_MAX = 10_000
export const OBJECT_ID_BYTES = 16
export const SALT_BYTES = 32
export const COMMITMENT_BYTES = 32

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

/** Bytes of the header that the keys of its stream are derived from: all but the commitment. */
export const COMMITTED_BYTES = AT.commitment

/** The open part of a stream, as read: nothing of it is authenticated before the stream's keys are derived. */
export interface StreamHeader {
  /** All 120 bytes. */
  readonly bytes: Buffer
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
  readonly trailerBytes: number
  readonly plaintextBytes: number
  readonly objectId: Uint8Array
  readonly keyId: Uint8Array
}

/** The bytes of a header whose meaning depends on its kind. */
export interface HeaderVariant {
  readonly kind: keyof typeof STREAM_KIND
  /** Base-2 logarithm of the frame size. */
  readonly frameLog2: number
  /** 0 for a whole object, the part's number, or the number of parts. */
  readonly number: number
}

/** A header of a whole object, with room for salt and commitment, which the caller writes in place. */
export function newHeader(fields: NewHeader): StreamHeader {
  const { trailerBytes, plaintextBytes } = fields
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
  return writeHeader(fields, { kind: 'whole', frameLog2: WHOLE_FRAME_LOG2, number: 0 })
}

/**
 * Reads the header of a whole object at the beginning of `bytes`: checks 1 to 7 of docs/SPEC.md section 6.7. Copies
 * what it keeps.
 *
 * @throws EnvelopeError also when fewer than 120 bytes are there
 */
export function parseHeader(bytes: Buffer): StreamHeader {
  const { header, kind, frameLog2, number } = readHeader(bytes)
  if (kind !== 'whole') throw new EnvelopeError('spliced', 'the stream is a part of another object')
  if (header.trailerBytes > TRAILER_BYTES_MAX || header.plaintextBytes > STREAM_PLAINTEXT_BYTES_MAX) {
    throw new EnvelopeError('too-large', 'the stream declares lengths beyond the limits')
  }
  if (number !== 0 || frameLog2 !== WHOLE_FRAME_LOG2) {
    throw new EnvelopeError('not-canonical', 'the stream has an impossible part number or frame size')
  }
  return header
}

/** Writes a header of any kind; the kind's own limits are the caller's matter. */
export function writeHeader(fields: NewHeader, variant: HeaderVariant): StreamHeader {
  if (fields.objectId.length !== OBJECT_ID_BYTES || fields.keyId.length !== 16)
    throw new RangeError('identifiers have 16 bytes')
  const bytes = Buffer.alloc(STREAM_HEADER_BYTES)
  MAGIC.copy(bytes)
  bytes[AT.version] = VERSION
  bytes[AT.suite] = SUITE
  bytes[AT.frameLog2] = variant.frameLog2
  bytes[AT.kind] = STREAM_KIND[variant.kind]
  bytes.writeUInt16BE(variant.number, AT.number)
  bytes.writeUInt16BE(fields.trailerBytes, AT.trailerBytes)
  bytes.writeBigUInt64BE(BigInt(fields.plaintextBytes), AT.plaintextBytes)
  bytes.set(fields.objectId, AT.objectId)
  bytes.set(fields.keyId, AT.keyId)
  return fieldsOf(bytes)
}

/** Reads a header of any kind: checks 1 to 5 of docs/SPEC.md section 6.7. Copies what it keeps. */
export function readHeader(bytes: Buffer): HeaderVariant & { readonly header: StreamHeader } {
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
  const kind = KIND_NAMES.get(bytes[AT.kind]!)
  if (kind === undefined) throw new EnvelopeError('not-canonical', 'the stream is of no kind there is')
  return {
    header: fieldsOf(Buffer.from(bytes.subarray(0, STREAM_HEADER_BYTES))),
    kind,
    frameLog2: bytes[AT.frameLog2]!,
    number: bytes.readUInt16BE(AT.number),
  }
}

/** True when stored bytes begin as every stream does; says nothing about whether they open. */
export function beginsLikeStream(bytes: Buffer): boolean {
  return bytes.length >= MAGIC.length && bytes.subarray(0, MAGIC.length).equals(MAGIC)
}

const KIND_NAMES: ReadonlyMap<number, HeaderVariant['kind']> = new Map([
  [STREAM_KIND.whole, 'whole'],
  [STREAM_KIND.part, 'part'],
  [STREAM_KIND.end, 'end'],
])

function fieldsOf(bytes: Buffer): StreamHeader {
  return {
    bytes,
    trailerBytes: bytes.readUInt16BE(AT.trailerBytes),
    plaintextBytes: Number(bytes.readBigUInt64BE(AT.plaintextBytes)),
    objectId: bytes.subarray(AT.objectId, AT.keyId),
    keyId: bytes.subarray(AT.keyId, AT.salt),
    salt: bytes.subarray(AT.salt, AT.commitment),
    commitment: bytes.subarray(AT.commitment),
  }
}
