import { createHash } from 'node:crypto'
import type { ChecksumAlgorithm } from '../checksum-algorithms.ts'

// Many clients take an entity tag of 32 hexadecimal digits for the MD5 of the content, whatever the encryption
// headers say, and would find every object corrupt. With a part count, it is one of a multipart object to all of them.
const SUFFIX = '-0'
const LIKE_MD5 = /^("?)([0-9a-fA-F]{32})("?)$/
const MARKED = /([0-9a-fA-F]{32})-0(?:-[0-9a-f]{16})?("?)(?=[\s,]|$)/g
const CHECKSUM_MARK = /-0-([0-9a-f]{16})$/

/** A store's entity tag as clients see it: never one that could be an MD5. */
export function clientEtag(storeEtag: string): string {
  return storeEtag.replace(LIKE_MD5, `$1$2${SUFFIX}$3`)
}

/** A checksum of a part. */
interface PartChecksum {
  readonly algorithm: ChecksumAlgorithm
  /** Base64. */
  readonly value: string
}

/**
 * The entity tag of an uploaded part as its client sees it. It also names the checksum that was verified with the part:
 * the parts of an open upload cannot be read, so that completion could not compare the checksums that it lists.
 */
export function partEtag(storeEtag: string, checksum: PartChecksum | undefined): string {
  const etag = clientEtag(storeEtag)
  if (checksum === undefined) return etag
  return etag.replace(/-0("?)$/, `${SUFFIX}-${checksumMark(checksum)}$1`)
}

/** False when an entity tag, without quotes, names another checksum of its part; true too when it names none. */
export function etagAllows(etag: string, checksum: PartChecksum): boolean {
  const mark = CHECKSUM_MARK.exec(etag)?.[1]
  return mark === undefined || mark === checksumMark(checksum)
}

function checksumMark({ algorithm, value }: PartChecksum): string {
  return createHash('sha256').update(`${algorithm}:${value}`).digest('hex').slice(0, 16)
}

/** Entity tags of a client, one or a list, as the store knows them. */
export function storeEtags(clientEtags: string): string {
  return clientEtags.includes(SUFFIX) ? clientEtags.replace(MARKED, '$1$2') : clientEtags
}
