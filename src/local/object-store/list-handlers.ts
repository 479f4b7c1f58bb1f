import { S3Error } from '../../protocol/s3/errors.ts'
import type { OperationName } from '../../protocol/s3/operations.ts'
import { encodeText } from '../../protocol/s3/uri-encoding.ts'
import type { XmlFields } from '../../protocol/s3/xml-writer.ts'
import { OWNER } from './bucket-handlers.ts'
import type { StoredObject } from './object-index.ts'
import type { StoreRequest } from './store-request.ts'
import type { Handler, StoreState } from './store-state.ts'
import { assertBucket } from './store-state.ts'
import { NEWEST, type ScanPosition, type StoredVersion } from './version-table.ts'

const KEYS_MAX = 1000
const BATCH = 500

/** What a list asks for. */
interface Listing {
  readonly prefix: string
  readonly delimiter: string
  /** Keys and common prefixes after this one. */
  readonly after: string
  /** Older versions than this one of the key `after` as well. */
  readonly afterVersion: string | undefined
  /** Only what requests without a version see. */
  readonly inSight: boolean
  readonly keysMax: number
}

interface Entry {
  readonly key: string
  readonly version: StoredVersion
}

interface Page {
  readonly entries: readonly Entry[]
  readonly prefixes: readonly string[]
  readonly truncated: boolean
  /** Last key or common prefix of the page. */
  readonly last: string
}

function scan(state: StoreState, bucket: string, listing: Listing): Page {
  const entries: Entry[] = []
  const prefixes: string[] = []
  const prefix = Buffer.from(listing.prefix)
  let from = startOf(state, bucket, listing)
  let last = ''
  for (;;) {
    const batch = state.index.versions.from(bucket, from, BATCH, listing.inSight)
    let skipped = false
    for (const { key: keyBytes, age, version } of batch) {
      if (!keyBytes.subarray(0, prefix.length).equals(prefix))
        return { entries, prefixes, truncated: false, last }
      const key = keyBytes.toString()
      const rolled = commonPrefix(key, listing)
      const full = entries.length + prefixes.length >= listing.keysMax
      if (full) return { entries, prefixes, truncated: listing.keysMax > 0, last }
      last = rolled ?? key
      if (rolled !== undefined) {
        prefixes.push(rolled)
        from = { key: successor(Buffer.from(rolled)), age: NEWEST }
        skipped = true
        break
      }
      entries.push({ key, version })
      from = { key: keyBytes, age: age + 1 }
    }
    if (!skipped && batch.length < BATCH) return { entries, prefixes, truncated: false, last }
  }
}

function startOf(state: StoreState, bucket: string, listing: Listing): ScanPosition {
  const prefix = { key: Buffer.from(listing.prefix), age: NEWEST }
  if (listing.after === '') return prefix
  const after = positionAfter(state, bucket, listing)
  return Buffer.compare(after.key, prefix.key) < 0 ? prefix : after
}

function positionAfter(state: StoreState, bucket: string, listing: Listing): ScanPosition {
  const { after, afterVersion } = listing
  if (commonPrefix(after, listing) === after) return { key: successor(Buffer.from(after)), age: NEWEST }
  if (afterVersion !== undefined) return state.index.versions.positionAfter(bucket, after, afterVersion)
  return { key: Buffer.concat([Buffer.from(after), Buffer.alloc(1)]), age: NEWEST }
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
  return page.entries.map(({ key, version }) => objectEntry(encode(key), version.object!, withOwner))
}

function objectEntry(key: string, object: StoredObject, withOwner: boolean): XmlFields {
  return {
    Key: key,
    LastModified: new Date(object.modifiedMs).toISOString(),
    ETag: `"${object.etag}"`,
    ...(object.checksum === undefined
      ? {}
      : { ChecksumAlgorithm: object.checksum.algorithm, ChecksumType: object.checksum.type }),
    Size: object.bytes,
    ...(withOwner ? { Owner: OWNER } : {}),
    StorageClass: object.headers['x-amz-storage-class'] ?? 'STANDARD',
  }
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
    KeyCount: page.entries.length + page.prefixes.length,
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
  const [marker, versionMarker] = [
    store.parameter('key-marker') ?? '',
    store.parameter('version-id-marker') ?? '',
  ]
  if (versionMarker !== '' && marker === '') {
    throw new S3Error('InvalidArgument', 'A version-id marker cannot be specified without a key marker.')
  }
  const afterVersion = versionMarker === '' ? undefined : versionMarker
  const listing = { ...listingOf(store, marker), inSight: false, afterVersion }
  const page = scan(state, store.bucket, listing)
  const lastEntry = page.entries.at(-1)
  store.replyXml('ListVersionsResult', {
    Name: store.bucket,
    Prefix: encode(listing.prefix),
    KeyMarker: encode(marker),
    VersionIdMarker: versionMarker,
    NextKeyMarker: page.truncated ? encode(page.last) : undefined,
    NextVersionIdMarker: page.truncated && lastEntry?.key === page.last ? lastEntry.version.id : undefined,
    MaxKeys: listing.keysMax,
    Delimiter: listing.delimiter === '' ? undefined : encode(listing.delimiter),
    EncodingType: store.parameter('encoding-type') === 'url' ? 'url' : undefined,
    IsTruncated: page.truncated,
    Version: page.entries.flatMap(({ key, version }) => {
      const { id, latest, object } = version
      return object === undefined
        ? []
        : [{ ...objectEntry(encode(key), object, true), VersionId: id, IsLatest: latest }]
    }),
    DeleteMarker: page.entries.flatMap(({ key, version }) => {
      const { id, latest, object, modifiedMs } = version
      if (object !== undefined) return []
      const LastModified = new Date(modifiedMs).toISOString()
      return [{ Key: encode(key), VersionId: id, IsLatest: latest, LastModified, Owner: OWNER }]
    }),
    CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: encode(prefix) })),
  })
}

function listingOf(store: StoreRequest, after: string): Listing {
  return {
    prefix: store.parameter('prefix') ?? '',
    delimiter: store.parameter('delimiter') ?? '',
    after,
    afterVersion: undefined,
    inSight: true,
    keysMax: store.count('max-keys', KEYS_MAX, KEYS_MAX),
  }
}

/** Lists of objects. */
export const LIST_HANDLERS: ReadonlyMap<OperationName, Handler> = new Map<OperationName, Handler>([
  ['ListObjects', listObjects],
  ['ListObjectsV2', listObjectsV2],
  ['ListObjectVersions', listObjectVersions],
])
