import { S3Error } from './errors.ts'
import { decodeText } from './uri-encoding.ts'

/** What a request is about. */
export type Address =
  | { readonly level: 'service' }
  | { readonly level: 'bucket'; readonly bucket: string }
  | { readonly level: 'object'; readonly bucket: string; readonly key: string }

/** Where buckets are found in a request. */
export interface Addressing {
  /** Host names without port below which `bucket.` may stand (virtual-host style); path style works on any host. */
  readonly virtualHostDomains: readonly string[]
}

const KEY_BYTES_MAX = 1024

/**
 * Bucket and key of a request, path style or virtual-host style. A key is taken as it is: `..`, `//` and any
 * Unicode are ordinary characters (Amazon S3 user guide, "Object keys"). A leading `/` separates bucket and key once.
 * Throws `InvalidURI`, `InvalidBucketName` or `KeyTooLongError`.
 */
export function parseAddress(path: string, host: string | undefined, addressing: Addressing): Address {
  if (!path.startsWith('/')) throw new S3Error('InvalidURI')
  const hostBucket = bucketOfHost(host, addressing.virtualHostDomains)
  if (hostBucket !== undefined) return addressOf(hostBucket, path.slice(1))
  const slash = path.indexOf('/', 1)
  const bucket = decodeText(slash === -1 ? path.slice(1) : path.slice(1, slash))
  if (bucket === '') {
    if (path === '/') return { level: 'service' }
    throw new S3Error('InvalidURI')
  }
  return addressOf(bucket, slash === -1 ? '' : path.slice(slash + 1))
}

function addressOf(bucket: string, encodedKey: string): Address {
  if (!isBucketName(bucket)) throw new S3Error('InvalidBucketName', undefined, { BucketName: bucket })
  if (encodedKey === '') return { level: 'bucket', bucket }
  const key = decodeText(encodedKey)
  assertKeyLength(key)
  return { level: 'object', bucket, key }
}

/** Throws `KeyTooLongError` past 1,024 bytes. */
export function assertKeyLength(key: string): void {
  const bytes = Buffer.byteLength(key)
  if (bytes > KEY_BYTES_MAX) {
    throw new S3Error('KeyTooLongError', undefined, {
      Size: String(bytes),
      MaxSizeAllowed: String(KEY_BYTES_MAX),
    })
  }
}

/** S3's naming rule for buckets, with the length that older buckets could have; never `.` or `..`. */
export function isBucketName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/.test(name) && !name.includes('..')
}

function bucketOfHost(host: string | undefined, domains: readonly string[]): string | undefined {
  if (host === undefined || domains.length === 0) return undefined
  const name = host.replace(/:\d+$/, '').toLowerCase()
  for (const domain of domains) {
    if (name.length > domain.length + 1 && name.endsWith(`.${domain}`))
      return name.slice(0, -domain.length - 1)
  }
  return undefined
}
