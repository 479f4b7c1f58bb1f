import { matchesEtag } from '../../protocol/s3/conditions.ts'
import { S3Error } from '../../protocol/s3/errors.ts'
import type { OperationName } from '../../protocol/s3/operations.ts'
import type { XmlElement } from '../../protocol/s3/xml-reader.ts'
import { childOf, childText } from '../../protocol/s3/xml-reader.ts'
import type { StoredPart } from './object-index.ts'
import type { StoreRequest } from './store-request.ts'
import type { Handler, StoreState } from './store-state.ts'
import { assertBucket, versionHeaders } from './store-state.ts'
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
  const object = state.index.object(store.bucket, store.key)
  const ifMatch = store.header('if-match')
  if (ifMatch !== undefined && object !== undefined && !matchesEtag(ifMatch, object.etag)) {
    throw new S3Error('PreconditionFailed', undefined, { Condition: 'If-Match' })
  }
  const { id, marker, unused } = remove(
    state,
    store.bucket,
    store.key,
    namedVersion(store.parameter('versionId')),
  )
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
  const removals = state.index.atomically(() =>
    entries.map(({ key, versionId }) => ({ key, versionId, ...remove(state, store.bucket, key, versionId) })),
  )
  await state.blobs.remove(removals.flatMap(({ unused }) => unused))
  const deleted = removals.map(({ key, versionId, id, marker }) => ({
    Key: key,
    VersionId: versionId,
    ...(marker ? { DeleteMarker: true, DeleteMarkerVersionId: id } : {}),
  }))
  store.replyXml('DeleteResult', { Deleted: childText(root, 'Quiet') === 'true' ? undefined : deleted })
}

function entryOf(element: XmlElement): { readonly key: string; readonly versionId: string | undefined } {
  const key = childOf(element, 'Key')?.text
  if (key === undefined || key === '') throw new S3Error('MalformedXML')
  return { key, versionId: namedVersion(childText(element, 'VersionId')) }
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
