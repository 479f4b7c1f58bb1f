import { createHash } from 'node:crypto'
import { S3Error } from '../../protocol/s3/errors.ts'
import type { ChecksumAlgorithm } from '../../protocol/s3/checksum-algorithms.ts'
import { algorithmNamed, checksumElement, startChecksum } from '../../protocol/s3/checksum-algorithms.ts'
import { parseCopySource } from '../../protocol/s3/copy-source.ts'
import type { OperationName } from '../../protocol/s3/operations.ts'
import type { ByteRange } from '../../protocol/s3/ranges.ts'
import type { StoredChecksum, StoredObject, StoredPart, UploadedPart, NewObject } from './object-index.ts'
import { keptHeaders, tagsOfHeader } from './object-metadata.ts'
import { assertCopyConditions, assertWriteConditions } from './object-response.ts'
import { partNumberOf, uploadOf } from './multipart-handlers.ts'
import type { StoreRequest } from './store-request.ts'
import type { Handler, StoreState } from './store-state.ts'
import { assertBucket, findObject, storeObject, versionHeaders } from './store-state.ts'

const COPY_BYTES_MAX = 5 * 1024 ** 3

const copyObject: Handler = async (state, store) => {
  assertBucket(state, store.bucket)
  const source = sourceOf(state, store)
  const replaces = directive(store, 'x-amz-metadata-directive') === 'REPLACE'
  const replacesTags = directive(store, 'x-amz-tagging-directive') === 'REPLACE'
  if (source.object.bytes > COPY_BYTES_MAX) {
    throw new S3Error(
      'InvalidRequest',
      `The specified copy source is larger than the maximum allowable size for a copy source: ${COPY_BYTES_MAX}`,
    )
  }
  const ontoItself = source.bucket === store.bucket && source.key === store.key && !source.versionNamed
  if (ontoItself && !replaces && store.header('x-amz-storage-class') === undefined) {
    throw new S3Error(
      'InvalidRequest',
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    )
  }
  assertWriteConditions(state, store)
  const algorithm = namedAlgorithm(store) ?? source.object.checksum?.algorithm
  const range = { start: 0, end: source.object.bytes - 1 }
  const copied = await copyBytes(state, source.object, range, algorithm)
  assertWriteConditions(state, store)
  const checksum: StoredChecksum | undefined =
    algorithm === undefined ? undefined : { algorithm, type: 'FULL_OBJECT', value: copied.checksum! }
  const object: NewObject = {
    etag: copied.etag,
    bytes: source.object.bytes,
    modifiedMs: Date.now(),
    headers: replaces ? keptHeaders(store.request.rawHeaders) : source.object.headers,
    tags: replacesTags ? tagsOfHeader(store.header('x-amz-tagging')) : source.object.tags,
    checksum,
    parts: [{ number: 1, blob: copied.blob, bytes: source.object.bytes, checksum: checksum?.value }],
    multipart: false,
  }
  const version = await storeObject(state, store.bucket, store.key, object)
  store.replyXml(
    'CopyObjectResult',
    {
      LastModified: new Date(object.modifiedMs).toISOString(),
      ETag: `"${object.etag}"`,
      ...(checksum === undefined
        ? {}
        : { [checksumElement(checksum.algorithm)]: checksum.value, ChecksumType: checksum.type }),
    },
    { ...version, ...sourceVersion(state, source) },
  )
}

const uploadPartCopy: Handler = async (state, store) => {
  const upload = uploadOf(state, store)
  const number = partNumberOf(store)
  const source = sourceOf(state, store)
  const range = copyRange(store, source.object.bytes)
  const copied = await copyBytes(state, source.object, range, upload.checksumAlgorithm)
  const part: UploadedPart = {
    number,
    blob: copied.blob,
    bytes: range.end - range.start + 1,
    checksum: copied.checksum,
    etag: copied.etag,
    modifiedMs: Date.now(),
  }
  const previous: StoredPart | undefined = state.index.part(upload.id, number)
  uploadOf(state, store)
  state.index.putPart(upload.id, part)
  if (previous !== undefined) await state.blobs.remove([previous])
  store.replyXml(
    'CopyPartResult',
    { LastModified: new Date(part.modifiedMs).toISOString(), ETag: `"${part.etag}"` },
    sourceVersion(state, source),
  )
}

interface Source {
  readonly bucket: string
  readonly key: string
  readonly versionNamed: boolean
  readonly object: StoredObject
}

function sourceVersion(state: StoreState, { bucket, object }: Source): Record<string, string> {
  const id = versionHeaders(state, bucket, object.versionId)['x-amz-version-id']
  return id === undefined ? {} : { 'x-amz-copy-source-version-id': id }
}

function sourceOf(state: StoreState, store: StoreRequest): Source {
  const { bucket, key, versionId } = parseCopySource(store.header('x-amz-copy-source')!)
  const object = findObject(state, bucket, key, versionId)
  assertCopyConditions(store, object)
  return { bucket, key, versionNamed: versionId !== undefined, object }
}

function directive(store: StoreRequest, name: string): 'COPY' | 'REPLACE' {
  const value = store.header(name) ?? 'COPY'
  if (value !== 'COPY' && value !== 'REPLACE') throw new S3Error('InvalidArgument', `Unknown ${name}.`)
  return value
}

function namedAlgorithm(store: StoreRequest): ChecksumAlgorithm | undefined {
  const name = store.header('x-amz-checksum-algorithm')
  if (name === undefined) return undefined
  const algorithm = algorithmNamed(name)
  if (algorithm === undefined)
    throw new S3Error('InvalidRequest', 'Checksum algorithm provided is unsupported.')
  return algorithm
}

function copyRange(store: StoreRequest, bytes: number): ByteRange {
  const header = store.header('x-amz-copy-source-range')
  if (header === undefined) return { start: 0, end: bytes - 1 }
  const match = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(header)
  if (match === null) {
    throw new S3Error(
      'InvalidArgument',
      'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy',
    )
  }
  const range = { start: Number(match[1]), end: Number(match[2]) }
  if (range.start > range.end || range.end >= bytes) {
    throw new S3Error('InvalidArgument', `Range specified is not valid for source object of size: ${bytes}`)
  }
  return range
}

interface Copied {
  readonly blob: string
  readonly etag: string
  /** Base64. */
  readonly checksum: string | undefined
}

async function copyBytes(
  state: StoreState,
  source: StoredObject,
  range: ByteRange,
  algorithm: ChecksumAlgorithm | undefined,
): Promise<Copied> {
  const md5 = createHash('md5')
  const checksum = algorithm === undefined ? undefined : startChecksum(algorithm)
  const blob = await state.blobs.create()
  try {
    for await (const chunk of state.blobs.read(source.parts, range)) {
      md5.update(chunk)
      checksum?.update(chunk)
      await blob.write(chunk)
    }
    await blob.finish()
  } catch (thrown) {
    await blob.discard()
    throw thrown
  }
  return { blob: blob.name, etag: md5.digest('hex'), checksum: checksum?.digest().toString('base64') }
}

/** Copies within the store. */
export const COPY_HANDLERS: ReadonlyMap<OperationName, Handler> = new Map<OperationName, Handler>([
  ['CopyObject', copyObject],
  ['UploadPartCopy', uploadPartCopy],
])
