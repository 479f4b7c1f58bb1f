import { isBucketName } from '../../protocol/s3/address.ts'
import { S3Error } from '../../protocol/s3/errors.ts'
import type { OperationName } from '../../protocol/s3/operations.ts'
import type { XmlFields } from '../../protocol/s3/xml-writer.ts'
import type { Handler, StoreState } from './store-state.ts'
import { assertBucket, objectOf } from './store-state.ts'

/** The one account of this store. */
export const OWNER = { ID: 'portcullis-local', DisplayName: 'portcullis-local' }

const ACL: XmlFields = {
  Owner: OWNER,
  AccessControlList: { Grant: { Grantee: { ID: OWNER.ID }, Permission: 'FULL_CONTROL' } },
}

const listBuckets: Handler = (state, store) => {
  const prefix = store.parameter('prefix') ?? ''
  const buckets = state.index.buckets().filter(({ name }) => name.startsWith(prefix))
  store.replyXml('ListAllMyBucketsResult', {
    Owner: OWNER,
    Buckets: {
      Bucket: buckets.map(({ name, createdMs }) => ({
        Name: name,
        CreationDate: new Date(createdMs).toISOString(),
      })),
    },
  })
}

const createBucket: Handler = (state, store) => {
  const { bucket } = store
  if (!isBucketName(bucket) || bucket.length > 63) throw new S3Error('InvalidBucketName')
  if (state.index.hasBucket(bucket))
    throw new S3Error('BucketAlreadyOwnedByYou', undefined, { BucketName: bucket })
  state.index.addBucket(bucket, Date.now())
  store.reply(200, { location: `/${bucket}` })
}

const headBucket: Handler = (state, store) => {
  assertBucket(state, store.bucket)
  store.reply(200, { 'x-amz-bucket-region': state.region, 'content-type': 'application/xml' })
}

const deleteBucket: Handler = (state, store) => {
  assertBucket(state, store.bucket)
  const empty =
    state.index.objectsFrom(store.bucket, Buffer.alloc(0), 1).length === 0 &&
    state.index.uploadsAfter(store.bucket, '', '', 1).length === 0
  if (!empty) throw new S3Error('BucketNotEmpty', undefined, { BucketName: store.bucket })
  state.index.removeBucket(store.bucket)
  store.reply(204)
}

const getBucketLocation: Handler = (state, store) => {
  assertBucket(state, store.bucket)
  // The oldest region has an empty constraint.
  const document = state.region === 'us-east-1' ? '' : state.region
  store.reply(
    200,
    { 'content-type': 'application/xml' },
    Buffer.from(
      `<?xml version="1.0" encoding="UTF-8"?>\n<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${document}</LocationConstraint>`,
    ),
  )
}

function bucketDocument(root: string, fields: XmlFields): Handler {
  return (state: StoreState, store) => {
    assertBucket(state, store.bucket)
    store.replyXml(root, fields)
  }
}

const getObjectAcl: Handler = (state, store) => {
  objectOf(state, store)
  store.replyXml('AccessControlPolicy', ACL)
}

/** Operations on buckets, and access lists, which here always say that the one account owns everything. */
export const BUCKET_HANDLERS: ReadonlyMap<OperationName, Handler> = new Map<OperationName, Handler>([
  ['ListBuckets', listBuckets],
  ['CreateBucket', createBucket],
  ['HeadBucket', headBucket],
  ['DeleteBucket', deleteBucket],
  ['GetBucketLocation', getBucketLocation],
  ['GetBucketVersioning', bucketDocument('VersioningConfiguration', {})],
  ['GetBucketAcl', bucketDocument('AccessControlPolicy', ACL)],
  ['GetObjectAcl', getObjectAcl],
])
