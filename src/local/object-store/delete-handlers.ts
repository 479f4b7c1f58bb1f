import { S3Error } from '../../protocol/s3/errors.ts'
import type { OperationName } from '../../protocol/s3/operations.ts'
import type { XmlElement } from '../../protocol/s3/xml-reader.ts'
import { childOf, childText } from '../../protocol/s3/xml-reader.ts'
import type { DeleteConditions } from './delete-conditions.ts'
import { deletionHolds } from './delete-conditions.ts'
import type { StoredPart } from './object-index.ts'
import type { StoreRequest } from './store-request.ts'
import type { Handler, StoreState } from './store-state.ts'
import { assertBucket, versionHeaders } from './store-state.ts'
import type { StoredVersion } from './version-table.ts'
import { NULL_VERSION } from './version-table.ts'

const KEYS_PER_DELETE_MAX = 1000

/** What a removal did. */
interface Removal {
  /** The version that was removed or, where nothing was named, the delete marker that was put. */
  readonly id: string | undefined
  /** True when that is a delete marker. */
  readonly marker: boolean
  /** Parts that nothing names any more. */
  readonly unused: readonly StoredPart[]
}

/** An object of a list that is to be deleted. */
interface Entry {
  readonly key: string
  readonly versionId: string | undefined
  readonly conditions: DeleteConditions
}

/** Removes a version for good or, where none is named and the bucket keeps versions, puts a delete marker before all. */
function remove(state: StoreState, bucket: string, key: string, versionId: string | undefined): Removal {
  const { versions } = state.index
  const versioning = state.index.versioning(bucket)
  if (versionId === undefined && versioning !== undefined) {
    const { id, unused } = versions.put(bucket, key, undefined, versioning === 'Enabled')
    return { id, marker: true, unused }
  }
  const removed = versions.remove(bucket, key, versionId ?? NULL_VERSION)
  const marker = removed !== undefined && removed.object === undefined
  return { id: versionId, marker, unused: removed?.object?.parts ?? [] }
}

const deleteObject: Handler = async (state, store) => {
  assertBucket(state, store.bucket)
  const versionId = namedVersion(store.parameter('versionId'))
  const conditions = {
    etag: store.header('if-match'),
    lastModified: store.header('x-amz-if-match-last-modified-time'),
    size: store.header('x-amz-if-match-size'),
  }
  const version = versionOf(state, store.bucket, store.key, versionId)
  if (!deletionHolds(conditions, version)) throw new S3Error('PreconditionFailed')
  const { id, marker, unused } = remove(state, store.bucket, store.key, versionId)
  await state.blobs.remove(unused)
  store.reply(204, {
    ...(id === undefined ? {} : versionHeaders(state, store.bucket, id)),
    ...(marker ? { 'x-amz-delete-marker': 'true' } : {}),
  })
}

const deleteObjects: Handler = async (state, store) => {
  assertBucket(state, store.bucket)
  if (store.header('content-md5') === undefined && !hasChecksum(store)) {
    throw new S3Error(
      'InvalidRequest',
      'Missing required header for this request: Content-MD5 OR x-amz-checksum-*',
    )
  }
  const root = await store.xmlBody()
  const entries = root.children.filter(({ name }) => name === 'Object').map(entryOf)
  if (root.name !== 'Delete' || entries.length === 0 || entries.length > KEYS_PER_DELETE_MAX) {
    throw new S3Error('MalformedXML')
  }
  const refused: Entry[] = []
  const removals = state.index.atomically(() =>
    entries.flatMap((entry) => {
      const { key, versionId, conditions } = entry
      if (deletionHolds(conditions, versionOf(state, store.bucket, key, versionId)))
        return [{ key, versionId, ...remove(state, store.bucket, key, versionId) }]
      refused.push(entry)
      return []
    }),
  )
  await state.blobs.remove(removals.flatMap(({ unused }) => unused))
  const deleted = removals.map(({ key, versionId, id, marker }) => ({
    Key: key,
    VersionId: versionId,
    ...(marker ? { DeleteMarker: true, DeleteMarkerVersionId: id } : {}),
  }))
  const { s3Code: Code, message: Message } = new S3Error('PreconditionFailed')
  store.replyXml('DeleteResult', {
    Deleted: childText(root, 'Quiet') === 'true' ? undefined : deleted,
    Error: refused.map(({ key, versionId }) => ({ Key: key, VersionId: versionId, Code, Message })),
  })
}

function entryOf(element: XmlElement): Entry {
  const key = childOf(element, 'Key')?.text
  if (key === undefined || key === '') throw new S3Error('MalformedXML')
  const conditions = {
    etag: childText(element, 'ETag'),
    lastModified: childText(element, 'LastModifiedTime'),
    size: childText(element, 'Size'),
  }
  return { key, versionId: namedVersion(childText(element, 'VersionId')), conditions }
}

/** The version that a deletion is about: the named one, or the newest. */
function versionOf(
  state: StoreState,
  bucket: string,
  key: string,
  versionId: string | undefined,
): StoredVersion | undefined {
  const { versions } = state.index
  return versionId === undefined ? versions.latest(bucket, key) : versions.version(bucket, key, versionId)
}

function namedVersion(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}

function hasChecksum(store: StoreRequest): boolean {
  return store.request.rawHeaders.some((entry, index) => {
    return index % 2 === 0 && /^x-amz-(checksum-(?!mode)|trailer)/i.test(entry)
  })
}

/** Removal of objects, one or many. */
export const DELETE_HANDLERS: ReadonlyMap<OperationName, Handler> = new Map<OperationName, Handler>([
  ['DeleteObject', deleteObject],
  ['DeleteObjects', deleteObjects],
])
