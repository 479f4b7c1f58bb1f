/** The streams of docs/SPEC.md section 6, computed a second time: shares no code with src/. */
import { gcm } from '@noble/ciphers/aes.js'
import type { ReferenceContext } from './reference.ts'
import { derived, hkdf, keyId, lp, names } from './reference.ts'

const MEBIBYTE = 1024 * 1024

export interface ReferenceStream {
  readonly tenantKey: Uint8Array
  readonly context: ReferenceContext
  readonly objectName: string
  readonly objectId: Uint8Array
  /** 32 bytes; of a part and an end record the mark, 16. */
  readonly salt: Uint8Array
  /** Number of a part; absent for an object that is put whole. */
  readonly part?: number
  /** Makes it the end record of an object of this many parts; the plaintext is then that of the whole object. */
  readonly endOf?: number
  readonly trailer?: Uint8Array
  /** Least base-2 logarithm of the frame size of a part: 15, or 16 as earlier writers had it. */
  readonly frameLog2Min?: number
}

/** One stored stream of any kind. */
export function sealStreamReference(stream: ReferenceStream, plaintext: Uint8Array): Buffer {
  if (stream.part !== undefined || stream.endOf !== undefined) return sealPartReference(stream, plaintext)
  const { trailer = Buffer.alloc(0) } = stream
  const open = openHeader(stream, { frameLog2: 16, kind: 0, number: 0 }, plaintext.length, stream.salt)
  const keys = keysOf(stream, open, stream.salt)
  const count = Math.max(1, Math.ceil(plaintext.length / 65_536))
  const frames = Array.from({ length: count }, (_, i) =>
    frame(keys, i, i === count - 1 ? 1 : 0, plaintext.subarray(i * 65_536, (i + 1) * 65_536)),
  )
  const end = trailer.length === 0 ? [] : [frame(keys, count, 2, trailer)]
  return Buffer.concat([open, keys.subarray(32), ...frames, ...end])
}

function sealPartReference(stream: ReferenceStream, plaintext: Uint8Array): Buffer {
  const isEnd = stream.endOf !== undefined
  const content = isEnd ? Buffer.alloc(0) : plaintext
  const sizes = isEnd ? [16] : [15, 16, 17, 18, 19, 20, 21, 22, 23]
  const frameLog2 = sizes.find(
    (log2) => log2 >= (stream.frameLog2Min ?? 15) && content.length <= 1024 * 2 ** log2,
  )!
  const salt = Buffer.concat([stream.salt, Buffer.alloc(16)])
  const variant = { frameLog2, kind: isEnd ? 3 : 2, number: stream.endOf ?? stream.part! }
  const open = openHeader(stream, variant, plaintext.length, salt)
  const keys = keysOf(stream, open, salt)
  const count = Math.ceil(content.length / 2 ** frameLog2)
  const frames = Array.from({ length: count }, (_, i) => {
    const bytes = content.subarray(i * 2 ** frameLog2, (i + 1) * 2 ** frameLog2)
    return Buffer.concat([stream.salt, frame(keys, i, i === count - 1 ? 1 : 0, bytes)])
  })
  const trailer = frame(keys, count, 2, stream.trailer!)
  return Buffer.concat([open, keys.subarray(32), ...frames, trailer, Buffer.alloc((1024 - count) * 32)])
}

interface Variant {
  readonly frameLog2: number
  readonly kind: number
  readonly number: number
}

/** The first 88 bytes of a header. */
function openHeader(stream: ReferenceStream, variant: Variant, bytes: number, salt: Uint8Array): Buffer {
  const numbers = Buffer.alloc(12)
  numbers.writeUInt16BE(variant.number, 0)
  numbers.writeUInt16BE(stream.trailer?.length ?? 0, 2)
  numbers.writeBigUInt64BE(BigInt(bytes), 4)
  const start = Buffer.from('9350435354524d0a0102', 'hex')
  const kinds = Buffer.from([variant.frameLog2, variant.kind])
  return Buffer.concat([start, kinds, numbers, stream.objectId, keyId(stream.tenantKey), salt])
}

function keysOf(stream: ReferenceStream, open: Buffer, salt: Uint8Array): Buffer {
  const context = Buffer.concat([
    names('portcullis/stream-context/v1', stream.context),
    lp(stream.objectName),
  ])
  const info = Buffer.concat([Buffer.from('portcullis/stream-keys/v1'), lp(open), context])
  return hkdf(derived(stream.tenantKey, 'stream', 32), salt, info, 64)
}

function frame(keys: Buffer, index: number, marker: number, bytes: Uint8Array): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32BE(index, 7)
  nonce[11] = marker
  return Buffer.from(gcm(keys.subarray(0, 32), nonce).encrypt(bytes))
}

/**
 * The failure that section 6.7 names for one changed byte within the first header of an object, which was put whole
 * or, with `parts`, in parts.
 */
export function headerFailure(changed: Buffer, at: number, parts: boolean): string {
  if (at < 8) return 'not-an-envelope'
  if (at === 8) return 'unknown-version'
  if (at === 9) return 'unknown-suite'
  const kind = changed[11]!
  if (![0, 2, 3].includes(kind)) return 'not-canonical'
  if ((kind === 0) === parts) return 'spliced'
  const bytes = changed.readBigUInt64BE(16)
  if (kind === 0 ? bytes > 2n ** 46n || changed.readUInt16BE(14) > 1024 : bytes > 5n * 2n ** 30n - 32_952n) {
    return 'too-large'
  }
  const part = changed.readUInt16BE(12)
  if (kind === 0 ? part !== 0 || changed[10] !== 16 : !isCanonicalPart(changed)) return 'not-canonical'
  if (kind === 3 || (kind === 2 && part !== 1)) return 'spliced'
  return at >= 40 && at < 56 ? 'wrong-key' : 'not-authentic'
}

function isCanonicalPart(header: Buffer): boolean {
  const part = header.readUInt16BE(12)
  const bytes = Number(header.readBigUInt64BE(16))
  const least = Math.ceil(Math.log2(bytes / 1024))
  const sizes = header[11] === 3 ? [16] : [Math.max(15, least), Math.max(16, least)]
  return (
    part >= 1 &&
    part <= 10_000 &&
    header.readUInt16BE(14) === 48 &&
    sizes.includes(header[10]!) &&
    header.subarray(72, 88).every((byte) => byte === 0)
  )
}

/** A part that S3 takes anywhere in an object. */
export const FULL_PART_BYTES = 5 * MEBIBYTE
