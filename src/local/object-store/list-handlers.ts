import { S3Error } from '../../protocol/s3/errors.ts'
import type { OperationName } from '../../protocol/s3/operations.ts'
import { encodeText } from '../../protocol/s3/uri-encoding.ts'
import type { XmlFields } from '../../protocol/s3/xml-writer.ts'
import { OWNER } from './bucket-handlers.ts'
import type { StoredObject } from './object-index.ts'
import type { StoreRequest } from './store-request.ts'
import type { Handler, StoreState } from './store-state.ts'
import { assertBucket } from './store-state.ts'

const KEYS_MAX = 1000
const BATCH = 500

/** What a list asks for. */
interface Listing {
  readonly prefix: string
  readonly delimiter: string
  /** Keys and common prefixes after this one. */
  readonly after: string
  readonly keysMax: number
}

interface Page {
  readonly objects: readonly { readonly key: string; readonly object: StoredObject }[]
  readonly prefixes: readonly string[]
  readonly truncated: boolean
  /** Last key or common prefix of the page. */
  readonly last: string
}

function scan(state: StoreState, bucket: string, listing: Listing): Page {
  const objects: { key: string; object: StoredObject }[] = []
  const prefixes: string[] = []
  const prefix = Buffer.from(listing.prefix)
  let from = startOf(listing)
  let last = ''
  for (;;) {
    const batch = state.index.objectsFrom(bucket, from, BATCH)
    let skipped = false
    for (const { key: keyBytes, row } of batch) {
      if (!keyBytes.subarray(0, prefix.length).equals(prefix))
        return { objects, prefixes, truncated: false, last }
      const key = keyBytes.toString()
      const rolled = commonPrefix(key, listing)
      const full = objects.length + prefixes.length >= listing.keysMax
      if (full) return { objects, prefixes, truncated: listing.keysMax > 0, last }
      last = rolled ?? key
      if (rolled !== undefined) {
        prefixes.push(rolled)
        from = successor(Buffer.from(rolled))
        skipped = true
        break
      }
      objects.push({ key, object: row })
      from = Buffer.concat([keyBytes, Buffer.alloc(1)])
    }
    if (!skipped && batch.length < BATCH) return { objects, prefixes, truncated: false, last }
  }
}

function startOf(listing: Listing): Buffer {
  const prefix = Buffer.from(listing.prefix)
  if (listing.after === '') return prefix
  const rolled = commonPrefix(listing.after, listing)
  const after =
    rolled !== undefined && rolled === listing.after
      ? successor(Buffer.from(rolled))
      : Buffer.concat([Buffer.from(listing.after), Buffer.alloc(1)])
  return Buffer.compare(after, prefix) < 0 ? prefix : after
}

function commonPrefix(key: string, { prefix, delimiter }: Listing): string | undefined {
  if (delimiter === '' || !key.startsWith(prefix)) return undefined
  const at = key.indexOf(delimiter, prefix.length)
  return at === -1 ? undefined : key.slice(0, at + delimiter.length)
}

/** The first byte string after all that begin with `bytes`. */
function successor(bytes: Buffer): Buffer {
  const next = Buffer.from(bytes)
  for (let index = next.length - 1; index >= 0; index -= 1) {
    if (next[index]! < 0xff) {
      next[index]! += 1
      return next.subarray(0, index + 1)
    }
  }
  return Buffer.alloc(1025, 0xff)
}

/** Writes keys as the request's `encoding-type` says. */
function keyEncoder(store: StoreRequest): (key: string) => string {
  const type = store.parameter('encoding-type')
  if (type === undefined || type === '') return (key) => key
  if (type !== 'url') throw new S3Error('InvalidArgument', 'Invalid Encoding Method specified in Request')
  return (key) => encodeText(key, true)
}

function contents(page: Page, encode: (key: string) => string, withOwner: boolean): XmlFields[] {
  return page.objects.map(({ key, object }) => ({
    Key: encode(key),
    LastModified: new Date(object.modifiedMs).toISOString(),
    ETag: `"${object.etag}"`,
    ...(object.checksum === undefined
      ? {}
      : { ChecksumAlgorithm: object.checksum.algorithm, ChecksumType: object.checksum.type }),
    Size: object.bytes,
    ...(withOwner ? { Owner: OWNER } : {}),
    StorageClass: object.headers['x-amz-storage-class'] ?? 'STANDARD',
  }))
}

const listObjects: Handler = (state, store) => {
  assertBucket(state, store.bucket)
  const encode = keyEncoder(store)
  const marker = store.parameter('marker') ?? ''
  const listing = listingOf(store, marker)
  const page = scan(state, store.bucket, listing)
  store.replyXml('ListBucketResult', {
    Name: store.bucket,
    Prefix: encode(listing.prefix),
    Marker: encode(marker),
    NextMarker: page.truncated && listing.delimiter !== '' ? encode(page.last) : undefined,
    MaxKeys: listing.keysMax,
    Delimiter: listing.delimiter === '' ? undefined : encode(listing.delimiter),
    EncodingType: store.parameter('encoding-type') === 'url' ? 'url' : undefined,
    IsTruncated: page.truncated,
    Contents: contents(page, encode, true),
    CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: encode(prefix) })),
  })
}

const listObjectsV2: Handler = (state, store) => {
  assertBucket(state, store.bucket)
  if (store.parameter('list-type') !== '2') throw new S3Error('InvalidArgument', 'Invalid list type')
  const encode = keyEncoder(store)
  const token = store.parameter('continuation-token')
  if (token === '') throw new S3Error('InvalidArgument', 'The continuation token provided is incorrect')
  const startAfter = store.parameter('start-after') ?? ''
  const listing = listingOf(
    store,
    token === undefined ? startAfter : Buffer.from(token, 'base64url').toString(),
  )
  const page = scan(state, store.bucket, listing)
  store.replyXml('ListBucketResult', {
    Name: store.bucket,
    Prefix: encode(listing.prefix),
    StartAfter: startAfter === '' ? undefined : encode(startAfter),
    ContinuationToken: token,
    NextContinuationToken: page.truncated ? Buffer.from(page.last).toString('base64url') : undefined,
    KeyCount: page.objects.length + page.prefixes.length,
    MaxKeys: listing.keysMax,
    Delimiter: listing.delimiter === '' ? undefined : encode(listing.delimiter),
    EncodingType: store.parameter('encoding-type') === 'url' ? 'url' : undefined,
    IsTruncated: page.truncated,
    Contents: contents(page, encode, store.parameter('fetch-owner') === 'true'),
    CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: encode(prefix) })),
  })
}

const listObjectVersions: Handler = (state, store) => {
  assertBucket(state, store.bucket)
  const encode = keyEncoder(store)
  const marker = store.parameter('key-marker') ?? ''
  const listing = listingOf(store, marker)
  const page = scan(state, store.bucket, listing)
  store.replyXml('ListVersionsResult', {
    Name: store.bucket,
    Prefix: encode(listing.prefix),
    KeyMarker: encode(marker),
    VersionIdMarker: store.parameter('version-id-marker') ?? '',
    NextKeyMarker: page.truncated ? encode(page.last) : undefined,
    NextVersionIdMarker: page.truncated ? 'null' : undefined,
    MaxKeys: listing.keysMax,
    Delimiter: listing.delimiter === '' ? undefined : encode(listing.delimiter),
    EncodingType: store.parameter('encoding-type') === 'url' ? 'url' : undefined,
    IsTruncated: page.truncated,
    Version: contents(page, encode, true).map((entry) => ({
      ...entry,
      VersionId: 'null',
      IsLatest: true,
    })),
    CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: encode(prefix) })),
  })
}

function listingOf(store: StoreRequest, after: string): Listing {
  return {
    prefix: store.parameter('prefix') ?? '',
    delimiter: store.parameter('delimiter') ?? '',
    after,
    keysMax: store.count('max-keys', KEYS_MAX, KEYS_MAX),
  }
}

/** Lists of objects. */
export const LIST_HANDLERS: ReadonlyMap<OperationName, Handler> = new Map<OperationName, Handler>([
  ['ListObjects', listObjects],
  ['ListObjectsV2', listObjectsV2],
  ['ListObjectVersions', listObjectVersions],
])
