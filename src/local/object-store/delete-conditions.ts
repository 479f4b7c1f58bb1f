import { matchesEtag } from '../../protocol/s3/conditions.ts'
import { S3Error } from '../../protocol/s3/errors.ts'
import type { StoredVersion } from './version-table.ts'

/** What must hold of an object that is to be deleted; each as it was sent. */
export interface DeleteConditions {
  readonly etag: string | undefined
  readonly lastModified: string | undefined
  readonly size: string | undefined
}

/**
 * True when conditions hold of the version that a deletion is about. What is not there can be deleted under any; a delete
 * marker has no entity tag and no size. Throws `InvalidArgument` for a time that is none.
 */
export function deletionHolds(conditions: DeleteConditions, version: StoredVersion | undefined): boolean {
  const { etag, lastModified, size } = conditions
  if (version === undefined) return true
  const { object } = version
  if (etag !== undefined && !matchesEtag(etag, object?.etag ?? '')) return false
  if (size !== undefined && Number(size) !== object?.bytes) return false
  if (lastModified === undefined) return true
  const asked = Date.parse(lastModified)
  if (Number.isNaN(asked)) throw new S3Error('InvalidArgument', 'The last modified time is not a time.')
  return Math.floor(asked / 1000) === Math.floor(version.modifiedMs / 1000)
}
