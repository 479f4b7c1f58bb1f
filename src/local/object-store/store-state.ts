import { S3Error } from '../../protocol/s3/errors.ts'
import type { BlobFiles } from './blob-files.ts'
import type { NewObject, ObjectIndex, StoredObject } from './object-index.ts'
import type { StoreRequest } from './store-request.ts'
import type { StoredVersion } from './version-table.ts'

/** What every handler works on. */
export interface StoreState {
  readonly index: ObjectIndex
  readonly blobs: BlobFiles
  readonly region: string
}

/** Handles one operation. */
export type Handler = (state: StoreState, store: StoreRequest) => void | Promise<void>

/** Throws `NoSuchBucket` unless the request's bucket exists. */
export function assertBucket(state: StoreState, bucket: string): void {
  if (!state.index.hasBucket(bucket)) throw new S3Error('NoSuchBucket', undefined, { BucketName: bucket })
}

/**
 * The object that a request is about. Throws `NoSuchBucket`, `NoSuchKey`, `NoSuchVersion`, or `MethodNotAllowed` for a delete
 * marker that is named.
 */
export function objectOf(state: StoreState, store: StoreRequest): StoredObject {
  return findObject(state, store.bucket, store.key, store.parameter('versionId'))
}

/** An object by name, and by version where one is named. */
export function findObject(
  state: StoreState,
  bucket: string,
  key: string,
  versionId: string | undefined,
): StoredObject {
  assertBucket(state, bucket)
  const { versions } = state.index
  if (versionId !== undefined && versionId !== '') {
    const version = versions.version(bucket, key, versionId)
    if (version === undefined) {
      throw new S3Error('NoSuchVersion', undefined, { Key: key, VersionId: versionId })
    }
    if (version.object !== undefined) return version.object
    throw new S3Error(
      'MethodNotAllowed',
      undefined,
      {},
      { headers: { ...markerHeaders(version), Allow: 'DELETE' } },
    )
  }
  const latest = versions.latest(bucket, key)
  if (latest?.object !== undefined) return latest.object
  const headers = latest === undefined ? {} : markerHeaders(latest)
  throw new S3Error('NoSuchKey', undefined, { Key: key }, { headers })
}

/** Headers of an answer about a delete marker. */
export function markerHeaders({ id, modifiedMs }: StoredVersion): Record<string, string> {
  return {
    'x-amz-delete-marker': 'true',
    'x-amz-version-id': id,
    'last-modified': new Date(modifiedMs).toUTCString(),
  }
}

/** The version header of an answer about an object; none where its bucket never kept versions. */
export function versionHeaders(state: StoreState, bucket: string, id: string): Record<string, string> {
  return state.index.versioning(bucket) === undefined ? {} : { 'x-amz-version-id': id }
}

/**
 * Stores an object as its bucket keeps versions: before the others, or in place of the one that is there, whose files are
 * removed. `also` is written with it, as one. Returns the version header.
 */
export async function storeObject(
  state: StoreState,
  bucket: string,
  key: string,
  object: NewObject,
  also: () => void = () => {},
): Promise<Record<string, string>> {
  const { index, blobs } = state
  const { id, unused } = index.atomically(() => {
    also()
    return index.versions.put(bucket, key, object, index.versioning(bucket) === 'Enabled')
  })
  await blobs.remove(unused)
  return versionHeaders(state, bucket, id)
}
