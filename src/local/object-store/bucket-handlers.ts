import { S3Error } from '../../protocol/s3/errors.ts'
import type { OperationName } from '../../protocol/s3/operations.ts'
import { childText } from '../../protocol/s3/xml-reader.ts'
import type { XmlFields } from '../../protocol/s3/xml-writer.ts'
import type { StoreRequest } from './store-request.ts'
import type { Handler } from './store-state.ts'
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

// Stricter than names that can be asked for: older buckets of Amazon S3 have others.
const NEW_NAME = /^(?!.*\.\.)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/

const createBucket: Handler = (state, store) => {
  const { bucket } = store
  if (!NEW_NAME.test(bucket)) throw new S3Error('InvalidBucketName', undefined, { BucketName: bucket })
  // Amazon's oldest region lets an owner create a bucket again.
  if (state.index.hasBucket(bucket) && state.region !== 'us-east-1')
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
  if (!state.index.isEmpty(store.bucket)) {
    throw new S3Error('BucketNotEmpty', undefined, { BucketName: store.bucket })
  }
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

const getBucketAcl: Handler = (state, store) => {
  assertBucket(state, store.bucket)
  store.replyXml('AccessControlPolicy', ACL)
}

const getBucketVersioning: Handler = (state, store) => {
  assertBucket(state, store.bucket)
  store.replyXml('VersioningConfiguration', { Status: state.index.versioning(store.bucket) })
}

const putBucketVersioning: Handler = async (state, store) => {
  assertBucket(state, store.bucket)
  const root = await store.xmlBody()
  const status = childText(root, 'Status')
  if (root.name !== 'VersioningConfiguration' || (status !== 'Enabled' && status !== 'Suspended')) {
    throw new S3Error('MalformedXML')
  }
  state.index.setVersioning(store.bucket, status)
  store.reply(200)
}

// The one account owns everything and there is nobody else: these are all that it can say.
const CANNED_ACLS = new Set(['private', 'bucket-owner-full-control', 'bucket-owner-read'])

function assertCannedAcl(store: StoreRequest): void {
  if (!CANNED_ACLS.has(store.header('x-amz-acl') ?? '')) {
    throw new S3Error(
      'NotImplemented',
      'This store knows canned access lists of its one account only: private.',
    )
  }
}

const putBucketAcl: Handler = (state, store) => {
  assertBucket(state, store.bucket)
  assertCannedAcl(store)
  store.reply(200)
}

const putObjectAcl: Handler = (state, store) => {
  objectOf(state, store)
  assertCannedAcl(store)
  store.reply(200)
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
  ['GetBucketVersioning', getBucketVersioning],
  ['PutBucketVersioning', putBucketVersioning],
  ['GetBucketAcl', getBucketAcl],
  ['PutBucketAcl', putBucketAcl],
  ['PutObjectAcl', putObjectAcl],
  ['GetObjectAcl', getObjectAcl],
])
