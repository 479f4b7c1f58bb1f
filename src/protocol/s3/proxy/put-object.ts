import { partsObjectId } from '../../../envelope/object-id.ts'
import { PART_PLAINTEXT_BYTES_MAX } from '../../../envelope/parts/layout.ts'
import type { PartSealing } from '../../../envelope/parts/sealer.ts'
import { PartSealer } from '../../../envelope/parts/sealer.ts'
import { StreamSealer } from '../../../envelope/stream-sealer.ts'
import type { RawHeaders } from '../../../wire/raw-headers.ts'
import { headerValue } from '../../../wire/raw-headers.ts'
import { parsePartNumber } from '../complete-request.ts'
import { matchesEtag } from '../conditions.ts'
import { S3Error } from '../errors.ts'
import { ClientBody } from './client-body.ts'
import { clientEtag, partEtag } from './etag-form.ts'
import type { ObjectExchange } from './object-exchange.ts'
import { storeQuery, storeRequestHeaders } from './request-headers.ts'
import { checksumHeaders, objectResponseHeaders } from './response-headers.ts'
import type { Uploaded } from './sealed-upload.ts'
import { HELD_BYTES_MAX, uploadSealed } from './sealed-upload.ts'
import { passRefusal } from './store-refusal.ts'
import { TRAILER_BYTES } from './trailer.ts'

/** What a store takes in one request, less what sealing adds to it. */
export const OBJECT_BYTES_MAX = 5 * 1024 ** 3 - 4 * 1024 * 1024

/** PutObject: the body sealed as one stream. */
export async function putObject(context: ObjectExchange): Promise<void> {
  const headers = storeRequestHeaders(context)
  const body = new ClientBody(context)
  assertBytes(body.bytes, OBJECT_BYTES_MAX)
  await assertConditions(context, headers, body.bytes)
  const sealer = await wholeSealer(context, context.bucket, context.key, body.bytes)
  const { bucket, key } = context
  const request = { method: 'PUT', bucket, key, query: storeQuery(context), headers }
  await answerUpload(context, await uploadSealed(context, request, body, sealer))
}

/**
 * Asks before a large body is sent whether the store will refuse it. The store decides in the end, but many close the
 * connection on a body that they do not want, and their reason is lost.
 */
async function assertConditions(context: ObjectExchange, headers: RawHeaders, bytes: number): Promise<void> {
  const ifMatch = headerValue(headers, 'if-match')
  const ifNoneMatch = headerValue(headers, 'if-none-match')
  if (bytes <= HELD_BYTES_MAX || (ifMatch === undefined && ifNoneMatch === undefined)) return
  const { bucket, key } = context
  const { status, etag } = await context.backend.send({ method: 'HEAD', bucket, key }).then((response) => {
    return { status: response.status, etag: response.header('etag') ?? '' }
  })
  if (status === 404 && ifMatch !== undefined) throw new S3Error('NoSuchKey', undefined, { Key: key })
  if (status !== 200) return
  if (ifMatch !== undefined && !matchesEtag(ifMatch, etag)) throw new S3Error('PreconditionFailed')
  if (ifNoneMatch !== undefined && matchesEtag(ifNoneMatch, etag)) throw new S3Error('PreconditionFailed')
}

/** UploadPart: the body sealed as one part. */
export async function uploadPart(context: ObjectExchange): Promise<void> {
  const number = parsePartNumber(context.parameter('partNumber'))
  const headers = storeRequestHeaders(context)
  const body = new ClientBody(context)
  assertBytes(body.bytes, PART_PLAINTEXT_BYTES_MAX)
  const sealer = new PartSealer(await partSealing(context), number, body.bytes)
  const { bucket, key } = context
  const request = { method: 'PUT', bucket, key, query: storeQuery(context), headers }
  await answerUpload(context, await uploadSealed(context, request, body, sealer), partEtag)
}

/** Seals an object that is put whole. */
export async function wholeSealer(
  context: ObjectExchange,
  bucket: string,
  key: string,
  plaintextBytes: number,
): Promise<StreamSealer> {
  const tenantKey = await context.sealingKey()
  return new StreamSealer({
    memory: context.parts.memory,
    keyId: tenantKey.id,
    streamKey: tenantKey.derived('stream'),
    context: context.contextOf(context.accessKey.writer, bucket, key),
    plaintextBytes,
    trailerBytes: TRAILER_BYTES,
  })
}

/** What seals the parts, and the end, of an upload: the one that the request names, if it is no other. */
export async function partSealing(
  context: ObjectExchange,
  uploadId = context.parameter('uploadId') ?? '',
): Promise<PartSealing> {
  if (uploadId === '') throw new S3Error('NoSuchUpload')
  const tenantKey = await context.sealingKey()
  return {
    memory: context.parts.memory,
    keyId: tenantKey.id,
    streamKey: tenantKey.derived('stream'),
    context: context.contextOf(context.accessKey.writer, context.bucket, context.key),
    objectId: partsObjectId(uploadId),
  }
}

/** Throws `EntityTooLarge` past a limit. */
export function assertBytes(bytes: number, bytesMax: number): void {
  if (bytes > bytesMax) {
    throw new S3Error('EntityTooLarge', undefined, {
      ProposedSize: String(bytes),
      MaxSizeAllowed: String(bytesMax),
    })
  }
}

async function answerUpload(
  context: ObjectExchange,
  { response, checksum }: Uploaded,
  etagOf: typeof partEtag = clientEtag,
): Promise<void> {
  if (response.status !== 200) {
    await passRefusal(context, response)
    return
  }
  await response.collect(64 * 1024)
  const headers = [
    ...objectResponseHeaders(context, response, (etag) => etagOf(etag, checksum)),
    ...checksumHeaders(checksum),
    'content-length',
    '0',
  ]
  context.whenAdmitted(() => context.exchange.reply(200, headers, undefined))
}
