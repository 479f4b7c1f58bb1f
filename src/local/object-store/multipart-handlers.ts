import { createHash, randomBytes } from 'node:crypto'
import { algorithmNamed, checksumElement, checksumHeader } from '../../protocol/s3/checksum-algorithms.ts'
import { readCompleteRequest, parsePartNumber } from '../../protocol/s3/complete-request.ts'
import type { CompletedPart } from '../../protocol/s3/complete-request.ts'
import { S3Error } from '../../protocol/s3/errors.ts'
import { checksumTypeFor, multipartChecksum } from '../../protocol/s3/multipart-checksum.ts'
import type { OperationName } from '../../protocol/s3/operations.ts'
import { encodeText } from '../../protocol/s3/uri-encoding.ts'
import { OWNER } from './bucket-handlers.ts'
import type { NewObject, StoredChecksum, StoredUpload, UploadedPart } from './object-index.ts'
import { keptHeaders, tagsOfHeader } from './object-metadata.ts'
import { assertWriteConditions } from './object-response.ts'
import { receiveBody } from './receive-body.ts'
import type { StoreRequest } from './store-request.ts'
import type { Handler, StoreState } from './store-state.ts'
import { assertBucket, storeObject } from './store-state.ts'

const PART_BYTES_MIN = 5 * 1024 * 1024
const UPLOADS_MAX = 1000

/** The upload that a request is about. Throws `NoSuchUpload`. */
export function uploadOf(state: StoreState, store: StoreRequest): StoredUpload {
  assertBucket(state, store.bucket)
  const upload = state.index.upload(store.parameter('uploadId') ?? '')
  if (upload === undefined || upload.bucket !== store.bucket || upload.key !== store.key) {
    throw new S3Error('NoSuchUpload', undefined, { UploadId: store.parameter('uploadId') ?? '' })
  }
  return upload
}

/** The part number of a request. */
export function partNumberOf(store: StoreRequest): number {
  return parsePartNumber(store.parameter('partNumber'))
}

const createMultipartUpload: Handler = (state, store) => {
  assertBucket(state, store.bucket)
  const named = store.header('x-amz-checksum-algorithm')
  const algorithm = named === undefined ? undefined : algorithmNamed(named)
  if (named !== undefined && algorithm === undefined) {
    throw new S3Error('InvalidRequest', 'Checksum algorithm provided is unsupported.')
  }
  const asked = store.header('x-amz-checksum-type')
  if (algorithm === undefined && asked !== undefined) {
    throw new S3Error(
      'InvalidRequest',
      'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.',
    )
  }
  const type = algorithm === undefined ? undefined : checksumTypeFor(algorithm, asked)
  const upload: StoredUpload = {
    id: randomBytes(24).toString('base64url'),
    bucket: store.bucket,
    key: store.key,
    headers: keptHeaders(store.request.rawHeaders),
    tags: tagsOfHeader(store.header('x-amz-tagging')),
    checksumAlgorithm: algorithm,
    checksumType: type,
    createdMs: Date.now(),
  }
  state.index.addUpload(upload)
  store.request.resume()
  store.replyXml(
    'InitiateMultipartUploadResult',
    { Bucket: store.bucket, Key: store.key, UploadId: upload.id },
    algorithm === undefined ? {} : { 'x-amz-checksum-algorithm': algorithm, 'x-amz-checksum-type': type! },
  )
}

const uploadPart: Handler = async (state, store) => {
  const upload = uploadOf(state, store)
  const number = partNumberOf(store)
  const md5 = createHash('md5')
  const blob = await state.blobs.create()
  try {
    let bytes = 0
    const checksum = await receiveBody(
      store,
      (data) => {
        bytes += data.length
        md5.update(data)
        return blob.write(data)
      },
      upload.checksumAlgorithm,
    )
    await blob.finish()
    if (upload.checksumAlgorithm !== undefined && checksum?.algorithm !== upload.checksumAlgorithm) {
      throw new S3Error(
        'InvalidRequest',
        `Checksum Type mismatch occurred, expected checksum Type: ${upload.checksumAlgorithm}, actual checksum Type: ${checksum?.algorithm}`,
      )
    }
    const value = checksum?.value.toString('base64')
    const part: UploadedPart = {
      number,
      blob: blob.name,
      bytes,
      checksum: value,
      etag: md5.digest('hex'),
      modifiedMs: Date.now(),
    }
    uploadOf(state, store)
    const previous = state.index.part(upload.id, number)
    state.index.putPart(upload.id, part)
    if (previous !== undefined) await state.blobs.remove([previous])
    store.reply(200, {
      etag: `"${part.etag}"`,
      ...(checksum === undefined ? {} : { [checksumHeader(checksum.algorithm)]: value! }),
    })
  } catch (thrown) {
    await blob.discard()
    throw thrown
  }
}

const completeMultipartUpload: Handler = async (state, store) => {
  const upload = uploadOf(state, store)
  const listed = readCompleteRequest(await store.xmlBody())
  const parts = chosenParts(state, uploadOf(state, store), listed)
  assertWriteConditions(state, store)
  const md5 = createHash('md5')
  for (const part of parts) md5.update(Buffer.from(part.etag, 'hex'))
  const checksum = uploadChecksum(upload, parts)
  assertAnnouncedChecksum(store, checksum)
  const object: NewObject = {
    etag: `${md5.digest('hex')}-${parts.length}`,
    bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
    modifiedMs: Date.now(),
    headers: upload.headers,
    tags: upload.tags,
    checksum,
    parts: parts.map(({ number, blob, bytes, checksum: value }) => ({
      number,
      blob,
      bytes,
      checksum: value,
    })),
    multipart: true,
  }
  const used = new Set(parts.map(({ blob }) => blob))
  const unused = state.index.parts(upload.id).filter(({ blob }) => !used.has(blob))
  const version = await storeObject(state, store.bucket, store.key, object, () =>
    state.index.removeUpload(upload.id),
  )
  await state.blobs.remove(unused)
  store.replyXml(
    'CompleteMultipartUploadResult',
    {
      Location: `http://${store.header('host') ?? ''}/${store.bucket}/${encodeText(store.key, true)}`,
      Bucket: store.bucket,
      Key: store.key,
      ETag: `"${object.etag}"`,
      ...(checksum === undefined
        ? {}
        : { [checksumElement(checksum.algorithm)]: checksum.value, ChecksumType: checksum.type }),
    },
    version,
  )
}

function chosenParts(
  state: StoreState,
  upload: StoredUpload,
  listed: readonly CompletedPart[],
): UploadedPart[] {
  const uploaded = new Map(state.index.parts(upload.id).map((part) => [part.number, part]))
  return listed.map(({ number, etag, checksum }, index) => {
    const part = uploaded.get(number)
    const wrongChecksum =
      checksum !== undefined && part?.checksum !== undefined && checksum.value !== part.checksum
    if (part === undefined || part.etag !== etag || wrongChecksum) {
      throw new S3Error('InvalidPart', undefined, {
        UploadId: upload.id,
        PartNumber: String(number),
        ETag: etag,
      })
    }
    if (index < listed.length - 1 && part.bytes < PART_BYTES_MIN) {
      throw new S3Error('EntityTooSmall', undefined, {
        ProposedSize: String(part.bytes),
        MinSizeAllowed: String(PART_BYTES_MIN),
        PartNumber: String(number),
        ETag: etag,
      })
    }
    return part
  })
}

function uploadChecksum(upload: StoredUpload, parts: readonly UploadedPart[]): StoredChecksum | undefined {
  const { checksumAlgorithm: algorithm, checksumType: type } = upload
  if (algorithm === undefined || type === undefined) return undefined
  const values = parts.map((part) => ({
    value: Buffer.from(part.checksum ?? '', 'base64'),
    bytes: part.bytes,
  }))
  return { algorithm, type, value: multipartChecksum(algorithm, type, values) }
}

function assertAnnouncedChecksum(store: StoreRequest, checksum: StoredChecksum | undefined): void {
  if (checksum === undefined) return
  const announced = store.header(checksumHeader(checksum.algorithm))
  if (announced !== undefined && announced !== checksum.value) {
    throw new S3Error(
      'BadDigest',
      `The ${checksum.algorithm} you specified did not match the calculated checksum.`,
    )
  }
}

const abortMultipartUpload: Handler = async (state, store) => {
  const upload = uploadOf(state, store)
  const parts = state.index.parts(upload.id)
  state.index.removeUpload(upload.id)
  await state.blobs.remove(parts)
  store.reply(204)
}

const listParts: Handler = (state, store) => {
  const upload = uploadOf(state, store)
  const max = store.count('max-parts', 1000, 1000)
  const marker = store.count('part-number-marker', 0, 10_000)
  const found = state.index.parts(upload.id, marker, max + 1)
  const page = found.slice(0, max)
  const algorithm = upload.checksumAlgorithm
  store.replyXml('ListPartsResult', {
    Bucket: store.bucket,
    Key: store.key,
    UploadId: upload.id,
    Initiator: OWNER,
    Owner: OWNER,
    StorageClass: upload.headers['x-amz-storage-class'] ?? 'STANDARD',
    PartNumberMarker: marker,
    NextPartNumberMarker: page.at(-1)?.number ?? 0,
    MaxParts: max,
    IsTruncated: found.length > page.length,
    ChecksumAlgorithm: algorithm,
    ChecksumType: upload.checksumType,
    Part: page.map((part) => ({
      PartNumber: part.number,
      LastModified: new Date(part.modifiedMs).toISOString(),
      ETag: `"${part.etag}"`,
      Size: part.bytes,
      ...(algorithm === undefined || part.checksum === undefined
        ? {}
        : { [checksumElement(algorithm)]: part.checksum }),
    })),
  })
}

const listMultipartUploads: Handler = (state, store) => {
  assertBucket(state, store.bucket)
  const max = store.count('max-uploads', UPLOADS_MAX, UPLOADS_MAX)
  const prefix = store.parameter('prefix') ?? ''
  const delimiter = store.parameter('delimiter') ?? ''
  const encoded = store.parameter('encoding-type') === 'url'
  const encode = (key: string): string => (encoded ? encodeText(key, true) : key)
  const uploads: StoredUpload[] = []
  const prefixes = new Set<string>()
  let key = store.parameter('key-marker') ?? ''
  let id = store.parameter('upload-id-marker') ?? (key === '' ? '' : '\u{10ffff}')
  let truncated = false
  for (;;) {
    const [next] = state.index.uploadsAfter(store.bucket, key, id, 1)
    if (next === undefined) break
    if (next.key.startsWith(prefix)) {
      if (uploads.length + prefixes.size >= max) {
        truncated = true
        break
      }
      const at = delimiter === '' ? -1 : next.key.indexOf(delimiter, prefix.length)
      if (at === -1) uploads.push(next)
      else prefixes.add(next.key.slice(0, at + delimiter.length))
    }
    key = next.key
    id = next.id
  }
  store.replyXml('ListMultipartUploadsResult', {
    Bucket: store.bucket,
    KeyMarker: encode(store.parameter('key-marker') ?? ''),
    UploadIdMarker: store.parameter('upload-id-marker') ?? '',
    NextKeyMarker: truncated ? encode(key) : undefined,
    NextUploadIdMarker: truncated ? id : undefined,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    EncodingType: encoded ? 'url' : undefined,
    MaxUploads: max,
    IsTruncated: truncated,
    Upload: uploads.map((upload) => ({
      Key: encode(upload.key),
      UploadId: upload.id,
      Initiator: OWNER,
      Owner: OWNER,
      StorageClass: upload.headers['x-amz-storage-class'] ?? 'STANDARD',
      Initiated: new Date(upload.createdMs).toISOString(),
    })),
    CommonPrefixes: [...prefixes].map((common) => ({ Prefix: encode(common) })),
  })
}

/** Multipart uploads, but for parts that are copied. */
export const MULTIPART_HANDLERS: ReadonlyMap<OperationName, Handler> = new Map<OperationName, Handler>([
  ['CreateMultipartUpload', createMultipartUpload],
  ['UploadPart', uploadPart],
  ['CompleteMultipartUpload', completeMultipartUpload],
  ['AbortMultipartUpload', abortMultipartUpload],
  ['ListParts', listParts],
  ['ListMultipartUploads', listMultipartUploads],
])
