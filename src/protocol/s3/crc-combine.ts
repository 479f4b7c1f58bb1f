import type { ChecksumAlgorithm } from './checksum-algorithms.ts'

/** A CRC's parameters, polynomial in reflected form without its top bit. */
interface CrcField {
  readonly bits: bigint
  readonly polynomial: bigint
}

const FIELDS = {
  CRC32: { bits: 32n, polynomial: 0xedb88320n },
  CRC32C: { bits: 32n, polynomial: 0x82f63b78n },
  CRC64NVME: { bits: 64n, polynomial: 0x9a6c9329ac4bc9b5n },
} as const satisfies Partial<Record<ChecksumAlgorithm, CrcField>>

/** Algorithms whose value for a whole object follows from its parts' values and sizes. */
export type CombinableAlgorithm = keyof typeof FIELDS

/** True for a CRC. */
export function isCombinable(algorithm: ChecksumAlgorithm): algorithm is CombinableAlgorithm {
  return algorithm in FIELDS
}

/** One part's value and size. */
export interface PartCrc {
  readonly value: Uint8Array
  readonly bytes: number
}

/** CRC of the concatenation of parts (S3's FULL_OBJECT checksum of a multipart upload), big-endian. */
export function combineCrcs(algorithm: CombinableAlgorithm, parts: readonly PartCrc[]): Buffer {
  const field: CrcField = FIELDS[algorithm]
  const shifts = new Map<number, bigint>()
  let combined = 0n
  for (const part of parts) {
    let shift = shifts.get(part.bytes)
    if (shift === undefined) shifts.set(part.bytes, (shift = powerOfX(BigInt(part.bytes) * 8n, field)))
    combined = multiply(combined, shift, field) ^ BigInt(`0x${Buffer.from(part.value).toString('hex')}`)
  }
  return Buffer.from(combined.toString(16).padStart(Number(field.bits) / 4, '0'), 'hex')
}

/** x^exponent modulo the polynomial, by squaring. In reflected form the highest bit is x^0. */
function powerOfX(exponent: bigint, field: CrcField): bigint {
  const one = 1n << (field.bits - 1n)
  let result = one
  let square = one >> 1n
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = multiply(result, square, field)
    square = multiply(square, square, field)
  }
  return result
}

function multiply(left: bigint, right: bigint, field: CrcField): bigint {
  let product = 0n
  let shifted = right
  for (let bit = field.bits - 1n; bit >= 0n; bit -= 1n) {
    if (((left >> bit) & 1n) === 1n) product ^= shifted
    shifted = (shifted & 1n) === 1n ? (shifted >> 1n) ^ field.polynomial : shifted >> 1n
  }
  return product
}
