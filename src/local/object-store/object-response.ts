import { checksumHeader } from '../../protocol/s3/checksum-algorithms.ts'
import type { Conditions } from '../../protocol/s3/conditions.ts'
import { evaluateConditions, matchesEtag } from '../../protocol/s3/conditions.ts'
import { S3Error } from '../../protocol/s3/errors.ts'
import type { StoredChecksum, StoredObject } from './object-index.ts'
import type { StoreRequest } from './store-request.ts'
import type { StoreState } from './store-state.ts'
import { versionHeaders } from './store-state.ts'

const OVERRIDES = new Map([
  ['response-cache-control', 'cache-control'],
  ['response-content-disposition', 'content-disposition'],
  ['response-content-encoding', 'content-encoding'],
  ['response-content-language', 'content-language'],
  ['response-content-type', 'content-type'],
  ['response-expires', 'expires'],
])

/** Headers of a read, without those that depend on the range. */
export function objectHeaders(
  state: StoreState,
  store: StoreRequest,
  object: StoredObject,
): Record<string, string> {
  const headers: Record<string, string> = {
    ...object.headers,
    ...versionHeaders(state, store.bucket, object.versionId),
    etag: `"${object.etag}"`,
    'last-modified': new Date(object.modifiedMs).toUTCString(),
    'accept-ranges': 'bytes',
  }
  if (headers['x-amz-storage-class'] === 'STANDARD') delete headers['x-amz-storage-class']
  if (object.tags.length > 0) headers['x-amz-tagging-count'] = String(object.tags.length)
  for (const { name, value } of store.query) {
    const overridden = OVERRIDES.get(name)
    if (overridden !== undefined) headers[overridden] = value
  }
  return headers
}

/** Headers of a checksum. */
export function checksumHeaders(checksum: StoredChecksum | undefined): Record<string, string> {
  if (checksum === undefined) return {}
  return { [checksumHeader(checksum.algorithm)]: checksum.value, 'x-amz-checksum-type': checksum.type }
}

/** Evaluates a read's conditions; returns true after answering 304. Throws `PreconditionFailed`. */
export function answeredByConditions(state: StoreState, store: StoreRequest, object: StoredObject): boolean {
  const outcome = evaluateConditions(conditionsOf(store, ''), validatorsOf(object))
  if (outcome === 'failed') throw new S3Error('PreconditionFailed')
  if (outcome === 'met') return false
  const { etag, 'last-modified': lastModified } = objectHeaders(state, store, object)
  store.reply(304, { etag: etag!, 'last-modified': lastModified! })
  return true
}

/** Throws `PreconditionFailed` unless the `x-amz-copy-source-if-*` conditions hold. */
export function assertCopyConditions(store: StoreRequest, source: StoredObject): void {
  if (evaluateConditions(conditionsOf(store, 'x-amz-copy-source-'), validatorsOf(source)) !== 'met') {
    throw new S3Error('PreconditionFailed')
  }
}

/**
 * Throws `PreconditionFailed` or `NoSuchKey` unless a write's `If-Match` or `If-None-Match` holds now, and
 * `NotImplemented` for an `If-None-Match` other than `*`, which Amazon S3 does not have on writes.
 */
export function assertWriteConditions(state: StoreState, store: StoreRequest): void {
  const ifMatch = store.header('if-match')
  const ifNoneMatch = store.header('if-none-match')
  if (ifMatch === undefined && ifNoneMatch === undefined) return
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') {
    throw new S3Error('NotImplemented', undefined, { Header: 'If-None-Match' })
  }
  const present = state.index.object(store.bucket, store.key)
  if (ifMatch !== undefined) {
    if (present === undefined) throw new S3Error('NoSuchKey', undefined, { Key: store.key })
    if (!matchesEtag(ifMatch, present.etag))
      throw new S3Error('PreconditionFailed', undefined, { Condition: 'If-Match' })
  }
  if (ifNoneMatch !== undefined && present !== undefined) {
    throw new S3Error('PreconditionFailed', undefined, { Condition: 'If-None-Match' })
  }
}

function validatorsOf(object: StoredObject): { etag: string; lastModifiedMs: number } {
  return { etag: object.etag, lastModifiedMs: object.modifiedMs }
}

function conditionsOf(store: StoreRequest, prefix: string): Conditions {
  return {
    ifMatch: store.header(`${prefix}if-match`),
    ifNoneMatch: store.header(`${prefix}if-none-match`),
    ifModifiedSince: store.header(`${prefix}if-modified-since`),
    ifUnmodifiedSince: store.header(`${prefix}if-unmodified-since`),
  }
}
