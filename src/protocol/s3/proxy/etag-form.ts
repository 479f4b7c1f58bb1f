import type { ChecksumAlgorithm } from '../checksum-algorithms.ts'
import { CHECKSUM_ALGORITHMS, CHECKSUM_BYTES } from '../checksum-algorithms.ts'

// Many clients take an entity tag of 32 hexadecimal digits for the MD5 of the content, whatever the encryption
// headers say, and would find every object corrupt. With a part count, it is one of a multipart object to all of them.
const SUFFIX = '-0'
const LIKE_MD5 = /^"?[0-9a-fA-F]{32}"?$/
const MARKED = /([0-9a-fA-F]{32})-0(?:-[0-9a-f]{10,66})?("?)(?=[\s,]|$)/g
const CHECKSUM = /-0-([0-9a-f]{2})([0-9a-f]{8,64})$/

/** A store's entity tag as clients see it: never one that could be an MD5. */
export function clientEtag(storeEtag: string): string {
  if (!LIKE_MD5.test(storeEtag)) return storeEtag
  return storeEtag.endsWith('"') ? `${storeEtag.slice(0, -1)}${SUFFIX}"` : storeEtag + SUFFIX
}

/** A checksum of a part's content. */
export interface PartChecksum {
  readonly algorithm: ChecksumAlgorithm
  /** Base64. */
  readonly value: string
}

/**
 * The entity tag of an uploaded part as its client sees it. It also carries the checksum that was verified with the part,
 * which completion needs and cannot ask for: the parts of an open upload cannot be read.
 */
export function partEtag(storeEtag: string, checksum: PartChecksum | undefined): string {
  const etag = clientEtag(storeEtag)
  if (checksum === undefined) return etag
  const code = CHECKSUM_ALGORITHMS.indexOf(checksum.algorithm) + 1
  const carried = Buffer.from([code, ...Buffer.from(checksum.value, 'base64')]).toString('hex')
  return etag.replace(/-0("?)$/, `${SUFFIX}-${carried}$1`)
}

/** The checksum that the entity tag of a part, without quotes, carries. */
export function checksumOfEtag(etag: string): PartChecksum | undefined {
  const [, code = '', digits = ''] = CHECKSUM.exec(etag) ?? []
  const algorithm = CHECKSUM_ALGORITHMS[Number.parseInt(code, 16) - 1]
  if (algorithm === undefined || digits.length !== CHECKSUM_BYTES[algorithm] * 2) return undefined
  return { algorithm, value: Buffer.from(digits, 'hex').toString('base64') }
}

/** Entity tags of a client, one or a list, as the store knows them. */
export function storeEtags(clientEtags: string): string {
  return clientEtags.includes(SUFFIX) ? clientEtags.replace(MARKED, '$1$2') : clientEtags
}
