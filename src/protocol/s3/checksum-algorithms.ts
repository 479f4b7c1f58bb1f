import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { crc32c } from './crc32c.ts'
import { Crc64Nvme } from './crc64nvme.ts'

/** Checksums that S3 clients may send and ask back, by the name in `x-amz-checksum-algorithm`. */
export const CHECKSUM_ALGORITHMS = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number]

/** A checksum over data pushed in pieces. */
export interface RunningChecksum {
  update(data: Uint8Array): void
  /** The checksum's bytes; called once, last. */
  digest(): Buffer
}

/** Bytes of each algorithm's value. */
export const CHECKSUM_BYTES: Readonly<Record<ChecksumAlgorithm, number>> = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
}

const STARTERS: Readonly<Record<ChecksumAlgorithm | 'MD5', () => RunningChecksum>> = {
  CRC32: () => new RunningCrc32(crc32),
  CRC32C: () => new RunningCrc32(crc32c),
  CRC64NVME: () => new Crc64Nvme(),
  SHA1: () => createHash('sha1'),
  SHA256: () => createHash('sha256'),
  MD5: () => createHash('md5'),
}

/** Starts a checksum. */
export function startChecksum(algorithm: ChecksumAlgorithm | 'MD5'): RunningChecksum {
  return STARTERS[algorithm]()
}

/** The algorithm of a header or trailer such as `x-amz-checksum-crc32`, by its lower-case name. */
export function algorithmOfHeader(lowerCaseName: string): ChecksumAlgorithm | undefined {
  return BY_HEADER.get(lowerCaseName)
}

/** The header that carries an algorithm's value. */
export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`
}

/** The element that carries an algorithm's value in S3's documents, such as `ChecksumCRC32`. */
export function checksumElement(algorithm: ChecksumAlgorithm): string {
  return `Checksum${algorithm}`
}

/** An algorithm by its name in any case. */
export function algorithmNamed(name: string): ChecksumAlgorithm | undefined {
  const upper = name.toUpperCase()
  return CHECKSUM_ALGORITHMS.find((algorithm) => algorithm === upper)
}

const BY_HEADER = new Map(CHECKSUM_ALGORITHMS.map((algorithm) => [checksumHeader(algorithm), algorithm]))

class RunningCrc32 implements RunningChecksum {
  readonly #update: (data: Uint8Array, previous: number) => number
  #value = 0

  constructor(update: (data: Uint8Array, previous: number) => number) {
    this.#update = update
  }

  update(data: Uint8Array): void {
    this.#value = this.#update(data, this.#value)
  }

  digest(): Buffer {
    const bytes = Buffer.allocUnsafe(4)
    bytes.writeUInt32BE(this.#value)
    return bytes
  }
}
