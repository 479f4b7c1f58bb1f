import { S3Error } from '../../protocol/s3/errors.ts'
import type { BlobFiles } from './blob-files.ts'
import type { ObjectIndex, StoredObject } from './object-index.ts'
import type { StoreRequest } from './store-request.ts'

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

/** The object that a request is about. Throws `NoSuchBucket`, `NoSuchKey` or `NoSuchVersion`. */
export function objectOf(state: StoreState, store: StoreRequest): StoredObject {
  return findObject(state, store.bucket, store.key, store.parameter('versionId'))
}

/** An object by name; this store keeps no versions, so the only version is `null`. */
export function findObject(
  state: StoreState,
  bucket: string,
  key: string,
  versionId: string | undefined,
): StoredObject {
  assertBucket(state, bucket)
  if (versionId !== undefined && versionId !== '' && versionId !== 'null') throw new S3Error('NoSuchVersion')
  const object = state.index.object(bucket, key)
  if (object === undefined) throw new S3Error('NoSuchKey', undefined, { Key: key })
  return object
}

/** Puts an object in place of what stands under its name, and removes the files of the latter. */
export async function replaceObject(
  state: StoreState,
  bucket: string,
  key: string,
  object: StoredObject,
): Promise<void> {
  const previous = state.index.object(bucket, key)
  state.index.putObject(bucket, key, object)
  if (previous !== undefined) await state.blobs.remove(previous.parts)
}
