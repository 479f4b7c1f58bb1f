import type { ChecksumAlgorithm } from './checksum-algorithms.ts'
import { startChecksum } from './checksum-algorithms.ts'
import { combineCrcs, isCombinable } from './crc-combine.ts'
import { S3Error } from './errors.ts'

/** How a multipart object's checksum comes about: over its content, or over its parts' checksums. */
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE'

/** A part's checksum value and size. */
export interface PartChecksum {
  readonly value: Buffer
  readonly bytes: number
}

/**
 * The type for an algorithm, given what a client asked for: CRC64NVME is always of the full object, SHA never.
 * Throws `InvalidRequest` for a combination that S3 does not have.
 */
export function checksumTypeFor(algorithm: ChecksumAlgorithm, asked: string | undefined): ChecksumType {
  const type = asked?.toUpperCase() ?? (algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE')
  const known = type === 'FULL_OBJECT' || type === 'COMPOSITE'
  const possible = type === 'FULL_OBJECT' ? isCombinable(algorithm) : algorithm !== 'CRC64NVME'
  if (!known || !possible) {
    throw new S3Error(
      'InvalidRequest',
      `The ${type} checksum type cannot be used with the ${algorithm} checksum algorithm.`,
    )
  }
  return type
}

/** A multipart object's checksum in base64, with `-N` when composite. */
export function multipartChecksum(
  algorithm: ChecksumAlgorithm,
  type: ChecksumType,
  parts: readonly PartChecksum[],
): string {
  if (type === 'FULL_OBJECT' && isCombinable(algorithm))
    return combineCrcs(algorithm, parts).toString('base64')
  const running = startChecksum(algorithm)
  for (const part of parts) running.update(part.value)
  return `${running.digest().toString('base64')}-${parts.length}`
}
