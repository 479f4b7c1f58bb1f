import { PART_PLAINTEXT_BYTES_MAX } from '../../../envelope/parts/layout.ts'
import { PartSealer } from '../../../envelope/parts/sealer.ts'
import type { RawHeaders } from '../../../wire/raw-headers.ts'
import { headerValue } from '../../../wire/raw-headers.ts'
import type { ChecksumAlgorithm } from '../checksum-algorithms.ts'
import { algorithmNamed, checksumElement, startChecksum } from '../checksum-algorithms.ts'
import { parsePartNumber } from '../complete-request.ts'
import { parseCopySource } from '../copy-source.ts'
import { S3Error } from '../errors.ts'
import type { ByteRange } from '../ranges.ts'
import { childText, parseXml } from '../xml-reader.ts'
import { xmlDocument } from '../xml-writer.ts'
import type { BackendRequest } from './backend.ts'
import { BackendResponse } from './backend-response.ts'
import { clientEtag, storeEtags } from './etag-form.ts'
import { CopyStream } from './copy-stream.ts'
import type { ObjectPlace, OpenedHead } from './first-stream.ts'
import { readHead } from './first-stream.ts'
import type { ForeignSource } from './foreign-object.ts'
import { openForeign, readForeignSource } from './foreign-object.ts'
import { openRange } from './get-range.ts'
import { checksumOf } from './head-object.ts'
import { readEnd } from './object-end.ts'
import type { ObjectExchange } from './object-exchange.ts'
import { assertBucketAllowed } from './object-mount.ts'
import { assertBytes, partSealing, wholeSealer } from './put-object.ts'
import { CONDITIONS, storeRequestHeaders, withoutHeaders } from './request-headers.ts'
import { objectResponseHeaders } from './response-headers.ts'
import type { Sealer } from './sealed-upload.ts'
import { assertRefusal } from './sealed-upload.ts'
import { passRefusal } from './store-refusal.ts'
import type { ObjectChecksum } from './trailer.ts'

const COPY_BYTES_MAX = 5 * 1024 ** 3 - 4 * 1024 * 1024
const TAGGING_BYTES_MAX = 64 * 1024

// Headers of the source that a copy keeps unless it is told otherwise.
const KEPT_FROM_SOURCE =
  /^(cache-control|content-disposition|content-encoding|content-language|content-type|expires|x-amz-meta-.*|x-amz-website-redirect-location)$/i

/** CopyObject: opened and sealed anew on the way, since a stream is bound to its object's name. */
export async function copyObject(context: ObjectExchange): Promise<void> {
  const source = sourceOf(context)
  const replaces = directive(context, 'x-amz-metadata-directive') === 'REPLACE'
  // A version that is named is put before the others by that: how an older one is restored.
  const ontoItself =
    source.bucket === context.bucket && source.key === context.key && source.versionId === undefined
  // In a store that is migrating, a copy onto itself without any change seals what is not sealed.
  const changes = replaces || context.header('x-amz-storage-class') !== undefined
  if (ontoItself && !changes && context.mount.origins === undefined) {
    throw new S3Error(
      'InvalidRequest',
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    )
  }
  const head = await readSource(context, source)
  if (head === undefined) return
  const bytes = bytesOf(head)
  assertBytes(bytes, COPY_BYTES_MAX)
  const own = withoutHeaders(storeRequestHeaders(context), new Set(['range']))
  const headers = replaces ? own : [...describedBySource(head.response.headers), ...addedByRequest(own)]
  const tagging = await taggingOf(context, head)
  if (tagging !== undefined) headers.push('x-amz-tagging', tagging)
  const sealer = await wholeSealer(context, context.bucket, context.key, bytes)
  const request: BackendRequest = { method: 'PUT', bucket: context.bucket, key: context.key, headers }
  const carried = await carriedChecksum(context, head)
  const range = { start: 0, end: bytes - 1 }
  const copied = await copySealed(context, head, range, request, sealer, carried)
  await answerCopy(context, 'CopyObjectResult', head, copied)
}

/** UploadPartCopy: as CopyObject, into a part. */
export async function uploadPartCopy(context: ObjectExchange): Promise<void> {
  const number = parsePartNumber(context.parameter('partNumber'))
  const headers = storeRequestHeaders(context)
  const head = await readSource(context, sourceOf(context))
  if (head === undefined) return
  const range = copyRange(context, bytesOf(head))
  const bytes = range.end - range.start + 1
  assertBytes(bytes, PART_PLAINTEXT_BYTES_MAX)
  const sealer = new PartSealer(await partSealing(context), number, bytes)
  const query: [string, string][] = [
    ['partNumber', String(number)],
    ['uploadId', context.parameter('uploadId') ?? ''],
  ]
  const request: BackendRequest = { method: 'PUT', bucket: context.bucket, key: context.key, query, headers }
  const copied = await copySealed(context, head, range, request, sealer, { kind: 'none' })
  await answerCopy(context, 'CopyPartResult', head, copied)
}

/** What is copied: an object that is sealed or, from a store that is migrating, a foreign one, which gets sealed so. */
type CopySource = OpenedHead | ForeignSource

function bytesOf(source: CopySource): number {
  return 'stored' in source ? source.stored.plaintextBytes : source.bytes
}

function openSource(context: ObjectExchange, source: CopySource, range: ByteRange) {
  return 'stored' in source ? openRange(context, source, range) : openForeign(context, source, range)
}

/** Where the checksum of a copy comes from. */
type Carried =
  | { readonly kind: 'none' }
  | { readonly kind: 'known'; readonly checksum: ObjectChecksum }
  | { readonly kind: 'computed'; readonly algorithm: ChecksumAlgorithm }

interface Copied {
  readonly response: BackendResponse
  readonly checksum: ObjectChecksum | undefined
}

async function copySealed(
  context: ObjectExchange,
  head: CopySource,
  range: ByteRange,
  request: BackendRequest,
  sealer: Sealer,
  carried: Carried,
): Promise<Copied> {
  try {
    const running = carried.kind === 'computed' ? startChecksum(carried.algorithm) : undefined
    let checksum = carried.kind === 'known' ? carried.checksum : undefined
    const body = range.end < range.start ? undefined : await openSource(context, head, range)
    if (body === undefined && range.end >= range.start) {
      throw new S3Error('PreconditionFailed', 'The copy source has been replaced.')
    }
    const witness = {
      data: (chunk: Buffer) => running?.update(chunk),
      end: () => {
        if (carried.kind === 'computed' && running !== undefined) {
          checksum = {
            algorithm: carried.algorithm,
            type: 'FULL_OBJECT',
            value: running.digest().toString('base64'),
          }
        }
        return checksum
      },
    }
    const stream = new CopyStream(context, sealer, witness, body)
    const response = await context.backend.send({ ...request, body: { stream, bytes: sealer.sealedBytes } })
    if (!stream.finished) {
      await response.collect(TAGGING_BYTES_MAX)
      stream.destroy()
      assertRefusal(response)
    }
    return { response, checksum }
  } finally {
    sealer.destroy()
  }
}

async function answerCopy(
  context: ObjectExchange,
  root: string,
  source: CopySource,
  { response, checksum }: Copied,
): Promise<void> {
  if (response.status !== 200) {
    await passRefusal(context, response)
    return
  }
  await response.collect(TAGGING_BYTES_MAX)
  const body = xmlDocument(root, {
    LastModified: new Date(context.parts.wallTimeMs()).toISOString(),
    ETag: clientEtag(response.header('etag') ?? ''),
    ...(checksum === undefined
      ? {}
      : { [checksumElement(checksum.algorithm)]: checksum.value, ChecksumType: checksum.type }),
  })
  const headers = withoutHeaders(objectResponseHeaders(context, response), new Set(['etag', 'content-type']))
  headers.push('content-type', 'application/xml', 'content-length', String(body.length))
  const version = headerValue(source.response.headers, 'x-amz-version-id')
  if (version !== undefined) headers.push('x-amz-copy-source-version-id', version)
  context.whenAdmitted(() => context.exchange.reply(200, headers, body))
}

function sourceOf(context: ObjectExchange): ObjectPlace {
  const source = parseCopySource(context.header('x-amz-copy-source')!)
  assertBucketAllowed(context.accessKey, source.bucket)
  return source
}

/** The head of the source, under the copy's conditions; undefined after passing on a refusal. */
async function readSource(context: ObjectExchange, source: ObjectPlace): Promise<CopySource | undefined> {
  context.exchange.continue()
  context.exchange.request.resume()
  const conditions: RawHeaders = []
  for (const name of CONDITIONS) {
    const value = context.header(`x-amz-copy-source-${name}`)
    if (value !== undefined) conditions.push(name, storeEtags(value))
  }
  const head =
    (await readForeignSource(context, source, conditions)) ?? (await readHead(context, source, conditions))
  if (!(head instanceof BackendResponse)) {
    // Nothing of an object made of parts is copied unless its end is there.
    if ('stored' in head && head.stored.streams !== undefined) await readEnd(context, head)
    return head
  }
  if (head.status === 304) throw new S3Error('PreconditionFailed')
  await passRefusal(context, head)
  return undefined
}

function directive(context: ObjectExchange, name: string): 'COPY' | 'REPLACE' {
  const value = context.header(name) ?? 'COPY'
  if (value !== 'COPY' && value !== 'REPLACE') throw new S3Error('InvalidArgument', `Unknown ${name}.`)
  return value
}

function describedBySource(headers: RawHeaders): RawHeaders {
  return headers.filter((_, index) => KEPT_FROM_SOURCE.test(headers[index - (index % 2)]!))
}

/** What a request says about the copy beside the metadata that it does not replace. */
function addedByRequest(headers: RawHeaders): RawHeaders {
  return headers.filter((_, index) => {
    const name = headers[index - (index % 2)]!
    return !KEPT_FROM_SOURCE.test(name) && name !== 'x-amz-tagging'
  })
}

async function taggingOf(context: ObjectExchange, head: CopySource): Promise<string | undefined> {
  if (directive(context, 'x-amz-tagging-directive') === 'REPLACE') return context.header('x-amz-tagging')
  if (head.response.header('x-amz-tagging-count') === undefined) return undefined
  const { bucket, key } = head.place
  const { response, body } = await context.backend.call(
    { method: 'GET', bucket, key, query: [['tagging', '']] },
    TAGGING_BYTES_MAX,
  )
  if (response.status !== 200) return undefined
  const tags = parseXml(body).children.flatMap((set) => set.children)
  return new URLSearchParams(
    tags.map((tag) => [childText(tag, 'Key') ?? '', childText(tag, 'Value') ?? '']),
  ).toString()
}

/** The plaintext stays the same, so a whole object's checksum stays with it, unless another algorithm is asked for. */
async function carriedChecksum(context: ObjectExchange, head: CopySource): Promise<Carried> {
  const named = context.header('x-amz-checksum-algorithm')
  const algorithm = named === undefined ? undefined : algorithmNamed(named)
  if (named !== undefined && algorithm === undefined) {
    throw new S3Error('InvalidRequest', 'Checksum algorithm provided is unsupported.')
  }
  const known = 'stored' in head ? await checksumOf(context, head) : undefined
  const sameAlgorithm = algorithm === undefined || known?.algorithm === algorithm
  if (known?.type === 'FULL_OBJECT' && sameAlgorithm) return { kind: 'known', checksum: known }
  const computed = algorithm ?? known?.algorithm
  return computed === undefined ? { kind: 'none' } : { kind: 'computed', algorithm: computed }
}

function copyRange(context: ObjectExchange, bytes: number): ByteRange {
  const header = context.header('x-amz-copy-source-range')
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
    throw new S3Error('InvalidRange', `Range specified is not valid for source object of size: ${bytes}`)
  }
  return range
}
