import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { S3Error } from '../../protocol/s3/errors.ts'
import type { OperationName } from '../../protocol/s3/operations.ts'
import type { ByteRange } from '../../protocol/s3/ranges.ts'
import { contentRange, parseRange, resolveRange } from '../../protocol/s3/ranges.ts'
import { checksumElement } from '../../protocol/s3/checksum-algorithms.ts'
import type { XmlFields } from '../../protocol/s3/xml-writer.ts'
import type { NewObject, StoredObject, StoredPart } from './object-index.ts'
import { keptHeaders, tagsOfDocument, tagsOfHeader } from './object-metadata.ts'
import {
  answeredByConditions,
  assertWriteConditions,
  checksumHeaders,
  objectHeaders,
} from './object-response.ts'
import { receiveBody } from './receive-body.ts'
import type { StoreRequest } from './store-request.ts'
import type { Handler, StoreState } from './store-state.ts'
import { assertBucket, objectOf, storeObject, versionHeaders } from './store-state.ts'

const putObject: Handler = async (state, store) => {
  assertBucket(state, store.bucket)
  const headers = keptHeaders(store.request.rawHeaders)
  const tags = tagsOfHeader(store.header('x-amz-tagging'))
  assertWriteConditions(state, store)
  const md5 = createHash('md5')
  const blob = await state.blobs.create()
  try {
    let bytes = 0
    const checksum = await receiveBody(store, (data) => {
      bytes += data.length
      md5.update(data)
      return blob.write(data)
    })
    await blob.finish()
    assertWriteConditions(state, store)
    const stored =
      checksum === undefined
        ? undefined
        : {
            algorithm: checksum.algorithm,
            type: 'FULL_OBJECT' as const,
            value: checksum.value.toString('base64'),
          }
    const object: NewObject = {
      etag: md5.digest('hex'),
      bytes,
      modifiedMs: Date.now(),
      headers,
      tags,
      checksum: stored,
      parts: [{ number: 1, blob: blob.name, bytes, checksum: stored?.value }],
      multipart: false,
    }
    const version = await storeObject(state, store.bucket, store.key, object)
    store.reply(200, { etag: `"${object.etag}"`, ...checksumHeaders(stored), ...version })
  } catch (thrown) {
    await blob.discard()
    throw thrown
  }
}

const getObject: Handler = async (state, store) => {
  const object = objectOf(state, store)
  if (answeredByConditions(state, store, object)) return
  const headers = objectHeaders(state, store, object)
  const selection = selectedPart(store, object) ?? selectedRange(store, object)
  const wantsChecksum = store.header('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED'
  if (wantsChecksum && selection === undefined) Object.assign(headers, checksumHeaders(object.checksum))
  if (selection?.part !== undefined) headers['x-amz-mp-parts-count'] = String(object.parts.length)
  const range = selection?.range ?? { start: 0, end: object.bytes - 1 }
  headers['content-length'] = String(range.end - range.start + 1)
  if (selection !== undefined && object.bytes > 0)
    headers['content-range'] = contentRange(range, object.bytes)
  store.response.writeHead(selection === undefined || object.bytes === 0 ? 200 : 206, headers)
  if (store.request.method === 'HEAD') store.response.end()
  else await send(state, store, object, range)
}

async function send(
  state: StoreState,
  store: StoreRequest,
  object: StoredObject,
  range: ByteRange,
): Promise<void> {
  const { response } = store
  for await (const chunk of state.blobs.read(object.parts, range)) {
    if (response.destroyed) return
    if (!response.write(chunk)) await drained(response)
  }
  response.end()
}

/** Resolves when more can be written, or never will be. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.once('drain', done)
    response.once('close', done)
  })
}

interface Selection {
  readonly range: ByteRange
  readonly part: StoredPart | undefined
}

function selectedRange(store: StoreRequest, object: StoredObject): Selection | undefined {
  const request = parseRange(store.header('range'))
  if (request === undefined) return undefined
  const range = resolveRange(request, object.bytes)
  if (range === undefined) {
    throw new S3Error(
      'InvalidRange',
      undefined,
      { RangeRequested: store.header('range')!, ActualObjectSize: String(object.bytes) },
      { headers: { 'Content-Range': `bytes */${object.bytes}` } },
    )
  }
  return { range, part: undefined }
}

function selectedPart(store: StoreRequest, object: StoredObject): Selection | undefined {
  const number = store.parameter('partNumber')
  if (number === undefined) return undefined
  if (store.header('range') !== undefined) {
    throw new S3Error('InvalidRequest', 'Cannot specify both Range header and partNumber query parameter')
  }
  // Parts count from 1 in the order of the object, whatever numbers they were uploaded under.
  const index = /^\d{1,5}$/.test(number) ? Number(number) - 1 : -1
  const part = object.parts[index]
  if (index < 0 || index > 9999)
    throw new S3Error('InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive')
  if (part === undefined) throw new S3Error('InvalidPartNumber')
  if (!object.multipart) return undefined
  let start = 0
  for (const earlier of object.parts.slice(0, index)) start += earlier.bytes
  return { range: { start, end: start + part.bytes - 1 }, part }
}

const getObjectAttributes: Handler = (state, store) => {
  const object = objectOf(state, store)
  const wanted = new Set(
    (store.header('x-amz-object-attributes') ?? '').split(',').map((name) => name.trim()),
  )
  const known = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize']
  if (wanted.size === 0 || [...wanted].some((name) => !known.includes(name))) {
    throw new S3Error('InvalidArgument', 'Invalid attribute name specified.')
  }
  const { checksum } = object
  store.replyXml(
    'GetObjectAttributesResponse',
    {
      ETag: wanted.has('ETag') ? object.etag : undefined,
      Checksum:
        wanted.has('Checksum') && checksum !== undefined
          ? { [checksumElement(checksum.algorithm)]: checksum.value, ChecksumType: checksum.type }
          : undefined,
      ObjectParts: wanted.has('ObjectParts') && object.multipart ? objectParts(store, object) : undefined,
      StorageClass: wanted.has('StorageClass')
        ? (object.headers['x-amz-storage-class'] ?? 'STANDARD')
        : undefined,
      ObjectSize: wanted.has('ObjectSize') ? object.bytes : undefined,
    },
    {
      'last-modified': new Date(object.modifiedMs).toUTCString(),
      ...versionHeaders(state, store.bucket, object.versionId),
    },
  )
}

function objectParts(store: StoreRequest, object: StoredObject): XmlFields {
  const max = Math.min(Number(store.header('x-amz-max-parts') ?? 1000), 1000)
  const marker = Number(store.header('x-amz-part-number-marker') ?? 0)
  const parts = object.parts
    .map((part, index) => ({ ...part, number: index + 1 }))
    .filter(({ number }) => number > marker)
  const page = parts.slice(0, max)
  return {
    PartsCount: object.parts.length,
    PartNumberMarker: marker,
    NextPartNumberMarker: page.at(-1)?.number ?? 0,
    MaxParts: max,
    IsTruncated: parts.length > page.length,
    Part: page.map((part) => ({
      PartNumber: part.number,
      Size: part.bytes,
      ...(part.checksum === undefined || object.checksum === undefined
        ? {}
        : { [checksumElement(object.checksum.algorithm)]: part.checksum }),
    })),
  }
}

const getObjectTagging: Handler = (state, store) => {
  const object = objectOf(state, store)
  store.replyXml(
    'Tagging',
    { TagSet: { Tag: object.tags.map(([Key, Value]) => ({ Key, Value })) } },
    versionHeaders(state, store.bucket, object.versionId),
  )
}

const putObjectTagging: Handler = async (state, store) => {
  objectOf(state, store)
  const tags = tagsOfDocument(await store.xmlBody())
  const object = { ...objectOf(state, store), tags }
  state.index.versions.update(store.bucket, store.key, object)
  store.reply(200, versionHeaders(state, store.bucket, object.versionId))
}

const deleteObjectTagging: Handler = (state, store) => {
  const object = { ...objectOf(state, store), tags: [] }
  state.index.versions.update(store.bucket, store.key, object)
  store.reply(204, versionHeaders(state, store.bucket, object.versionId))
}

/** Operations on single objects, but for their removal. */
export const OBJECT_HANDLERS: ReadonlyMap<OperationName, Handler> = new Map<OperationName, Handler>([
  ['PutObject', putObject],
  ['GetObject', getObject],
  ['HeadObject', getObject],
  ['GetObjectAttributes', getObjectAttributes],
  ['GetObjectTagging', getObjectTagging],
  ['PutObjectTagging', putObjectTagging],
  ['DeleteObjectTagging', deleteObjectTagging],
])
