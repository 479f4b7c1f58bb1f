import { EnvelopeError } from '../../../envelope/envelope-error.ts'
import { PART_TRAILER_BYTES } from '../../../envelope/parts/layout.ts'
import type { ChecksumAlgorithm } from '../checksum-algorithms.ts'
import { CHECKSUM_ALGORITHMS, CHECKSUM_BYTES } from '../checksum-algorithms.ts'
import type { ObjectChecksum as VerifiedChecksum } from '../expected-checksums.ts'
import type { ChecksumType } from '../multipart-checksum.ts'

/** A checksum of an object's plaintext as clients see it. */
export interface ObjectChecksum {
  readonly algorithm: ChecksumAlgorithm
  readonly type: ChecksumType
  /** Base64, with `-N` when composite. */
  readonly value: string
}

/** A verified digest of a whole body as clients see it. */
export function ofFullObject(verified: VerifiedChecksum | undefined): ObjectChecksum | undefined {
  return (
    verified && {
      algorithm: verified.algorithm,
      type: 'FULL_OBJECT',
      value: verified.value.toString('base64'),
    }
  )
}

/** Bytes of the trailer of every object, part and end record. */
export const TRAILER_BYTES = PART_TRAILER_BYTES

const AT = { algorithm: 0, type: 1, parts: 2, value: 4 } as const

/** The trailer that keeps a checksum, sealed, with the object it is of (docs/SPEC.md section 6.4). */
export function encodeTrailer(checksum: ObjectChecksum | undefined): Buffer {
  const trailer = Buffer.alloc(TRAILER_BYTES)
  if (checksum === undefined) return trailer
  const [value = '', parts = '0'] = checksum.value.split('-')
  trailer[AT.algorithm] = CHECKSUM_ALGORITHMS.indexOf(checksum.algorithm) + 1
  trailer[AT.type] = checksum.type === 'COMPOSITE' ? 1 : 0
  trailer.writeUInt16BE(Number(parts), AT.parts)
  trailer.set(Buffer.from(value, 'base64'), AT.value)
  return trailer
}

/** The checksum in a verified trailer, if there is one. Throws `not-canonical` for one that no writer makes. */
export function decodeTrailer(trailer: Buffer): ObjectChecksum | undefined {
  const code = trailer[AT.algorithm]!
  if (code === 0) return undefined
  const algorithm = CHECKSUM_ALGORITHMS[code - 1]
  if (algorithm === undefined)
    throw new EnvelopeError('not-canonical', 'the trailer names an unknown checksum')
  const value = trailer.toString('base64', AT.value, AT.value + CHECKSUM_BYTES[algorithm])
  if (trailer[AT.type] === 0) return { algorithm, type: 'FULL_OBJECT', value }
  return { algorithm, type: 'COMPOSITE', value: `${value}-${trailer.readUInt16BE(AT.parts)}` }
}
