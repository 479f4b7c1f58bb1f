import { randomBytes, randomUUID } from 'node:crypto'

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

function base32(length: number): string {
  let text = ''
  for (const byte of randomBytes(length)) text += BASE32[byte & 31]
  return text
}

/** Access key id: `AKIA` for long-term keys, `ASIA` for temporary ones, 20 characters as in AWS. */
export function newAccessKeyId(prefix: 'AKIA' | 'ASIA'): string {
  return prefix + base32(16)
}

/** Secret access key: 40 characters of base64 over 30 random bytes. */
export function newSecretAccessKey(): string {
  return randomBytes(30).toString('base64')
}

/** Unique id of a role (`AROA`) or user (`AIDA`). */
export function newUniqueId(prefix: 'AROA' | 'AIDA'): string {
  return prefix + base32(17)
}

/** Key id: a UUID, or `mrk-` and 32 hex digits for a multi-region key. */
export function newKeyId(multiRegion: boolean): string {
  return multiRegion ? `mrk-${randomUUID().replaceAll('-', '')}` : randomUUID()
}

/** 32 random bytes as 64 hex digits: ids of grants and key materials. */
export function newHexId(): string {
  return randomBytes(32).toString('hex')
}

/** Request and event ids. */
export const newRequestId: () => string = randomUUID
