import type { Address } from './address.ts'
import { S3Error } from './errors.ts'
import type { QueryParameter } from './uri-encoding.ts'

/**
 * What becomes of an operation: `handled` = content or sizes are involved, so the gateway transforms it;
 * `passed` = verified, signed anew and forwarded, as it touches no covered content; `refused` = NotImplemented.
 */
export type Action = 'handled' | 'passed' | 'refused'

type Level = Address['level']
type Row = readonly [method: string, level: Level, selector: string, name: string, action: Action]

/**
 * Every operation of the Amazon S3 API, and what is harmless of Ceph's, by method, level and the query parameter (or header) that selects it.
 * What is not here is refused.
 */
export const OPERATIONS = [
  ['GET', 'service', '', 'ListBuckets', 'passed'],
  // An extension of Ceph: what a user has stored, and may.
  ['GET', 'service', 'usage', 'GetUsage', 'passed'],

  ['GET', 'object', '', 'GetObject', 'handled'],
  ['HEAD', 'object', '', 'HeadObject', 'handled'],
  ['PUT', 'object', '', 'PutObject', 'handled'],
  ['PUT', 'object', 'x-amz-copy-source', 'CopyObject', 'handled'],
  ['POST', 'bucket', '', 'PostObject', 'handled'],
  ['DELETE', 'object', '', 'DeleteObject', 'passed'],
  ['POST', 'bucket', 'delete', 'DeleteObjects', 'handled'],
  ['GET', 'object', 'attributes', 'GetObjectAttributes', 'handled'],
  ['GET', 'bucket', '', 'ListObjects', 'handled'],
  ['GET', 'bucket', 'list-type', 'ListObjectsV2', 'handled'],
  ['GET', 'bucket', 'versions', 'ListObjectVersions', 'handled'],

  ['POST', 'object', 'uploads', 'CreateMultipartUpload', 'handled'],
  ['PUT', 'object', 'uploadId', 'UploadPart', 'handled'],
  ['PUT', 'object', 'uploadId x-amz-copy-source', 'UploadPartCopy', 'handled'],
  ['GET', 'object', 'uploadId', 'ListParts', 'handled'],
  ['POST', 'object', 'uploadId', 'CompleteMultipartUpload', 'handled'],
  ['DELETE', 'object', 'uploadId', 'AbortMultipartUpload', 'passed'],
  ['GET', 'bucket', 'uploads', 'ListMultipartUploads', 'passed'],

  ['GET', 'object', 'tagging', 'GetObjectTagging', 'passed'],
  ['PUT', 'object', 'tagging', 'PutObjectTagging', 'passed'],
  ['DELETE', 'object', 'tagging', 'DeleteObjectTagging', 'passed'],
  ['GET', 'object', 'acl', 'GetObjectAcl', 'passed'],
  ['PUT', 'object', 'acl', 'PutObjectAcl', 'passed'],
  ['GET', 'object', 'legal-hold', 'GetObjectLegalHold', 'passed'],
  ['PUT', 'object', 'legal-hold', 'PutObjectLegalHold', 'passed'],
  ['GET', 'object', 'retention', 'GetObjectRetention', 'passed'],
  ['PUT', 'object', 'retention', 'PutObjectRetention', 'passed'],
  ['POST', 'object', 'restore', 'RestoreObject', 'passed'],
  // The store would query, seed, append or rename ciphertext that is bound to its name.
  ['POST', 'object', 'select', 'SelectObjectContent', 'refused'],
  ['GET', 'object', 'torrent', 'GetObjectTorrent', 'refused'],
  ['PUT', 'object', 'renameObject', 'RenameObject', 'refused'],
  ['PUT', 'object', 'append', 'AppendObject', 'refused'],
  ['PUT', 'object', 'encryption', 'UpdateObjectEncryption', 'refused'],

  ['PUT', 'bucket', '', 'CreateBucket', 'passed'],
  ['HEAD', 'bucket', '', 'HeadBucket', 'passed'],
  ['DELETE', 'bucket', '', 'DeleteBucket', 'passed'],
  ['GET', 'bucket', 'location', 'GetBucketLocation', 'passed'],
  ['GET', 'bucket', 'versioning', 'GetBucketVersioning', 'passed'],
  ['PUT', 'bucket', 'versioning', 'PutBucketVersioning', 'passed'],
  ['GET', 'bucket', 'acl', 'GetBucketAcl', 'passed'],
  ['PUT', 'bucket', 'acl', 'PutBucketAcl', 'passed'],
  ['GET', 'bucket', 'cors', 'GetBucketCors', 'passed'],
  ['PUT', 'bucket', 'cors', 'PutBucketCors', 'passed'],
  ['DELETE', 'bucket', 'cors', 'DeleteBucketCors', 'passed'],
  ['GET', 'bucket', 'lifecycle', 'GetBucketLifecycleConfiguration', 'passed'],
  ['PUT', 'bucket', 'lifecycle', 'PutBucketLifecycleConfiguration', 'passed'],
  ['DELETE', 'bucket', 'lifecycle', 'DeleteBucketLifecycle', 'passed'],
  ['GET', 'bucket', 'policy', 'GetBucketPolicy', 'passed'],
  ['PUT', 'bucket', 'policy', 'PutBucketPolicy', 'passed'],
  ['DELETE', 'bucket', 'policy', 'DeleteBucketPolicy', 'passed'],
  ['GET', 'bucket', 'policyStatus', 'GetBucketPolicyStatus', 'passed'],
  ['GET', 'bucket', 'tagging', 'GetBucketTagging', 'passed'],
  ['PUT', 'bucket', 'tagging', 'PutBucketTagging', 'passed'],
  ['DELETE', 'bucket', 'tagging', 'DeleteBucketTagging', 'passed'],
  ['GET', 'bucket', 'object-lock', 'GetObjectLockConfiguration', 'passed'],
  ['PUT', 'bucket', 'object-lock', 'PutObjectLockConfiguration', 'passed'],
  ['GET', 'bucket', 'publicAccessBlock', 'GetPublicAccessBlock', 'passed'],
  ['PUT', 'bucket', 'publicAccessBlock', 'PutPublicAccessBlock', 'passed'],
  ['DELETE', 'bucket', 'publicAccessBlock', 'DeletePublicAccessBlock', 'passed'],
  ['GET', 'bucket', 'ownershipControls', 'GetBucketOwnershipControls', 'passed'],
  ['PUT', 'bucket', 'ownershipControls', 'PutBucketOwnershipControls', 'passed'],
  ['DELETE', 'bucket', 'ownershipControls', 'DeleteBucketOwnershipControls', 'passed'],
  ['GET', 'bucket', 'requestPayment', 'GetBucketRequestPayment', 'passed'],
  ['PUT', 'bucket', 'requestPayment', 'PutBucketRequestPayment', 'passed'],
  ['GET', 'bucket', 'logging', 'GetBucketLogging', 'passed'],
  ['PUT', 'bucket', 'logging', 'PutBucketLogging', 'passed'],
  ['GET', 'bucket', 'notification', 'GetBucketNotificationConfiguration', 'passed'],
  ['PUT', 'bucket', 'notification', 'PutBucketNotificationConfiguration', 'passed'],
  ['GET', 'bucket', 'replication', 'GetBucketReplication', 'passed'],
  ['GET', 'bucket', 'accelerate', 'GetBucketAccelerateConfiguration', 'passed'],
  // What the store encrypts by itself says nothing about the tenant's key: this gateway answers for it.
  ['GET', 'bucket', 'encryption', 'GetBucketEncryption', 'handled'],
  ['PUT', 'bucket', 'encryption', 'PutBucketEncryption', 'refused'],
  ['DELETE', 'bucket', 'encryption', 'DeleteBucketEncryption', 'refused'],
  // A copy elsewhere would have to decrypt, a website would publish ciphertext.
  ['PUT', 'bucket', 'replication', 'PutBucketReplication', 'refused'],
  ['DELETE', 'bucket', 'replication', 'DeleteBucketReplication', 'refused'],
  ['PUT', 'bucket', 'accelerate', 'PutBucketAccelerateConfiguration', 'refused'],
  ['GET', 'bucket', 'website', 'GetBucketWebsite', 'passed'],
  ['PUT', 'bucket', 'website', 'PutBucketWebsite', 'refused'],
  ['DELETE', 'bucket', 'website', 'DeleteBucketWebsite', 'passed'],
  ['GET', 'bucket', 'inventory', 'GetBucketInventoryConfiguration', 'refused'],
  ['PUT', 'bucket', 'inventory', 'PutBucketInventoryConfiguration', 'refused'],
  ['DELETE', 'bucket', 'inventory', 'DeleteBucketInventoryConfiguration', 'refused'],
  ['GET', 'bucket', 'analytics', 'GetBucketAnalyticsConfiguration', 'refused'],
  ['PUT', 'bucket', 'analytics', 'PutBucketAnalyticsConfiguration', 'refused'],
  ['DELETE', 'bucket', 'analytics', 'DeleteBucketAnalyticsConfiguration', 'refused'],
  ['GET', 'bucket', 'metrics', 'GetBucketMetricsConfiguration', 'refused'],
  ['PUT', 'bucket', 'metrics', 'PutBucketMetricsConfiguration', 'refused'],
  ['DELETE', 'bucket', 'metrics', 'DeleteBucketMetricsConfiguration', 'refused'],
  ['GET', 'bucket', 'intelligent-tiering', 'GetBucketIntelligentTieringConfiguration', 'refused'],
  ['PUT', 'bucket', 'intelligent-tiering', 'PutBucketIntelligentTieringConfiguration', 'refused'],
  ['DELETE', 'bucket', 'intelligent-tiering', 'DeleteBucketIntelligentTieringConfiguration', 'refused'],
  ['GET', 'bucket', 'session', 'CreateSession', 'refused'],
] as const satisfies readonly Row[]

/** Name of an operation in the Amazon S3 API. */
export type OperationName = (typeof OPERATIONS)[number][3]

/** A recognised operation. */
export interface Operation {
  readonly name: OperationName
  readonly action: Action
}

const BY_SELECTOR = new Map<string, Operation>(
  OPERATIONS.map(([method, level, selector, name, action]) => [
    `${method} ${level} ${selector}`,
    { name, action },
  ]),
)

/** Query parameters that choose an operation. */
const SELECTORS: ReadonlySet<string> = new Set(
  OPERATIONS.flatMap(([, , selector]) => selector.split(' ')).filter(
    (name) => name !== '' && name !== 'x-amz-copy-source',
  ),
)

/** Query parameters that only modify one. Any other could mean an extension of the store that bypasses encryption. */
const MODIFIERS: ReadonlySet<string> = new Set([
  'partNumber',
  'versionId',
  'prefix',
  'delimiter',
  'marker',
  'max-keys',
  'encoding-type',
  'continuation-token',
  'start-after',
  'fetch-owner',
  'key-marker',
  'version-id-marker',
  'upload-id-marker',
  'max-uploads',
  'max-parts',
  'part-number-marker',
  'max-buckets',
  'bucket-region',
  'allow-unordered',
  'read-stats',
  'x-id',
  'id',
  'response-cache-control',
  'response-content-disposition',
  'response-content-encoding',
  'response-content-language',
  'response-content-type',
  'response-expires',
])

/**
 * Recognises the operation of a request. `copies` says whether `x-amz-copy-source` is present.
 * Throws `MethodNotAllowed` for a method that S3 does not have, `NotImplemented` for anything not in the table or
 * refused by it, and `InvalidArgument` where a request asks for two operations at once.
 */
export function recognise(
  method: string,
  address: Address,
  query: readonly QueryParameter[],
  copies: boolean,
): Operation {
  const selectors: string[] = []
  for (const { name } of query) {
    if (SELECTORS.has(name)) selectors.push(name)
    else if (!MODIFIERS.has(name) && !/^x-amz-/i.test(name)) {
      throw new S3Error('NotImplemented', undefined, { ParameterName: name })
    }
  }
  if (selectors.length > 1) {
    throw new S3Error('InvalidArgument', `Conflicting query string parameters: ${selectors.join(', ')}`)
  }
  const copySelector = copies && method === 'PUT' && address.level === 'object' ? 'x-amz-copy-source' : ''
  const selector = [selectors[0] ?? '', copySelector].filter((part) => part !== '').join(' ')
  const operation = BY_SELECTOR.get(`${method} ${address.level} ${selector}`)
  if (operation === undefined) {
    const known = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'].includes(method) && selectors.length > 0
    throw new S3Error(known ? 'NotImplemented' : 'MethodNotAllowed')
  }
  if (operation.action === 'refused')
    throw new S3Error('NotImplemented', undefined, { Operation: operation.name })
  return operation
}
