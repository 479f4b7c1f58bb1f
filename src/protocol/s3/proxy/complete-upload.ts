import { PART_OVERHEAD_BYTES } from '../../../envelope/parts/layout.ts'
import type { ChecksumAlgorithm } from '../checksum-algorithms.ts'
import { CHECKSUM_ALGORITHMS, checksumElement, checksumHeader } from '../checksum-algorithms.ts'
import type { CompletedPart } from '../complete-request.ts'
import { readCompleteRequest } from '../complete-request.ts'
import { bareEtag } from '../conditions.ts'
import { isCombinable } from '../crc-combine.ts'
import { S3Error } from '../errors.ts'
import { checksumValue } from '../expected-checksums.ts'
import type { ChecksumType } from '../multipart-checksum.ts'
import { checksumTypeFor, multipartChecksum } from '../multipart-checksum.ts'
import { childText, parseXml } from '../xml-reader.ts'
import { xmlDocument } from '../xml-writer.ts'
import { BackendResponse } from './backend-response.ts'
import { ClientBody } from './client-body.ts'
import { completedEtag } from './completed-upload.ts'
import { checksumOfEtag, clientEtag, storeEtags } from './etag-form.ts'
import type { ObjectExchange } from './object-exchange.ts'
import { locationOf } from './object-location.ts'
import { storeRequestHeaders } from './request-headers.ts'
import { objectResponseHeaders } from './response-headers.ts'
import { sendCompletion } from './send-completion.ts'
import { passRefusal } from './store-refusal.ts'
import type { ObjectChecksum } from './trailer.ts'

const DOCUMENT_BYTES_MAX = 4 * 1024 * 1024
const PART_BYTES_MIN = 5 * 1024 * 1024

/** A part as the store lists it. */
interface UploadedPart {
  readonly etag: string
  readonly plaintextBytes: number
}

/**
 * CompleteMultipartUpload: the client's list is checked against the store's, since only the gateway knows
 * plaintext lengths.
 */
export async function completeMultipartUpload(context: ObjectExchange): Promise<void> {
  const document = parseXml(await new ClientBody(context).collect(DOCUMENT_BYTES_MAX))
  const listed = readCompleteRequest(document).map((part) => listedPart(context, part))
  assertConsecutive(listed)
  const uploaded = await uploadedParts(context)
  if (uploaded instanceof BackendResponse) {
    await answerUnknownUpload(context, uploaded, listed.length)
    return
  }
  const parts = listed.map((part) => chosenPart(context, part, uploaded, part.number === listed.length))
  const checksum = checksumOf(context, listed, parts)
  const sent = {
    uploadId: context.parameter('uploadId') ?? '',
    listed: listed.map(({ number, etag }) => ({ PartNumber: number, ETag: `"${etag}"` })),
    lastBytes: parts.at(-1)!.plaintextBytes,
    plaintextBytes: parts.reduce((sum, part) => sum + part.plaintextBytes, 0),
    checksum,
  }
  const answer = await sendCompletion(context, sent, storeRequestHeaders(context))
  if (answer instanceof BackendResponse) {
    await passRefusal(context, answer)
    return
  }
  const { response, document: told, etag } = answer
  const body = etag === undefined ? told : resultDocument(context, etag, checksum)
  const headers = [...objectResponseHeaders(context, response), 'content-length', String(body.length)]
  context.whenAdmitted(() => context.exchange.reply(200, headers, body))
}

/** A part as the client lists it, with the entity tag that the store knows and the checksum that its own tag carries. */
function listedPart(context: ObjectExchange, part: CompletedPart): CompletedPart {
  const { number, etag, checksum } = part
  const verified = checksumOfEtag(etag)
  const isOther = checksum?.algorithm !== verified?.algorithm || checksum?.value !== verified?.value
  if (checksum !== undefined && verified !== undefined && isOther) {
    const fields = { UploadId: context.parameter('uploadId') ?? '', PartNumber: String(number), ETag: etag }
    throw new S3Error('InvalidPart', undefined, fields)
  }
  return { number, etag: storeEtags(etag), checksum: checksum ?? verified }
}

// A gap could not be told from a part that the store dropped.
function assertConsecutive(listed: readonly CompletedPart[]): void {
  if (listed.at(-1)!.number !== listed.length) {
    throw new S3Error(
      'InvalidPart',
      'Part numbers of an encrypted object must be consecutive and begin with 1.',
    )
  }
}

/** An upload that the store does not know may have been completed by a request whose answer was lost. */
async function answerUnknownUpload(
  context: ObjectExchange,
  refusal: BackendResponse,
  parts: number,
): Promise<void> {
  const etag = refusal.status === 404 ? await completedEtag(context, parts) : undefined
  if (etag === undefined) {
    await passRefusal(context, refusal)
    return
  }
  const body = resultDocument(context, etag, undefined)
  const headers = ['content-type', 'application/xml', 'content-length', String(body.length)]
  headers.push('x-amz-request-id', context.exchange.id)
  context.whenAdmitted(() => context.exchange.reply(200, headers, body))
}

/** All parts of the upload by number, or the store's refusal. */
async function uploadedParts(context: ObjectExchange): Promise<Map<number, UploadedPart> | BackendResponse> {
  const parts = new Map<number, UploadedPart>()
  const uploadId = context.parameter('uploadId') ?? ''
  for (let marker = '0'; ;) {
    const response = await context.backend.send({
      method: 'GET',
      bucket: context.bucket,
      key: context.key,
      query: [
        ['max-parts', '1000'],
        ['part-number-marker', marker],
        ['uploadId', uploadId],
      ],
    })
    if (response.status !== 200) return response
    const page = parseXml(await response.collect(DOCUMENT_BYTES_MAX))
    for (const part of page.children) {
      if (part.name !== 'Part') continue
      parts.set(Number(childText(part, 'PartNumber')), {
        etag: bareEtag(childText(part, 'ETag') ?? ''),
        plaintextBytes: Number(childText(part, 'Size')) - PART_OVERHEAD_BYTES,
      })
    }
    const next = childText(page, 'NextPartNumberMarker')
    if (childText(page, 'IsTruncated') !== 'true' || next === undefined || next === marker) return parts
    marker = next
  }
}

function chosenPart(
  context: ObjectExchange,
  listed: CompletedPart,
  uploaded: ReadonlyMap<number, UploadedPart>,
  isLast: boolean,
): UploadedPart {
  const part = uploaded.get(listed.number)
  const fields = {
    UploadId: context.parameter('uploadId') ?? '',
    PartNumber: String(listed.number),
    ETag: listed.etag,
  }
  if (part === undefined || part.etag !== listed.etag || !(part.plaintextBytes >= 0)) {
    throw new S3Error('InvalidPart', undefined, fields)
  }
  if (!isLast && part.plaintextBytes < PART_BYTES_MIN) {
    throw new S3Error('EntityTooSmall', undefined, {
      ...fields,
      ProposedSize: String(part.plaintextBytes),
      MinSizeAllowed: String(PART_BYTES_MIN),
    })
  }
  return part
}

/** The object's checksum from those of its parts. */
function checksumOf(
  context: ObjectExchange,
  listed: readonly CompletedPart[],
  parts: readonly UploadedPart[],
): ObjectChecksum | undefined {
  const algorithm = CHECKSUM_ALGORITHMS.find((name) => listed[0]!.checksum?.algorithm === name)
  if (algorithm === undefined || listed.some(({ checksum }) => checksum?.algorithm !== algorithm))
    return undefined
  const values = listed.map(({ checksum }, index) => ({
    value: checksumValue(algorithm, checksum!.value),
    bytes: parts[index]!.plaintextBytes,
  }))
  const announced = context.header(checksumHeader(algorithm))
  const type = checksumTypeFor(
    algorithm,
    context.header('x-amz-checksum-type') ?? typeOfValue(algorithm, announced),
  )
  const value = multipartChecksum(algorithm, type, values)
  if (announced !== undefined && announced !== value) {
    throw new S3Error('BadDigest', `The ${algorithm} you specified did not match the calculated checksum.`)
  }
  return { algorithm, type, value }
}

/** The type is only said when an upload begins; a value over those of the parts has their number behind it. */
function typeOfValue(algorithm: ChecksumAlgorithm, announced: string | undefined): ChecksumType | undefined {
  if (announced === undefined || !isCombinable(algorithm)) return undefined
  return /-\d+$/.test(announced) ? 'COMPOSITE' : 'FULL_OBJECT'
}

function resultDocument(context: ObjectExchange, etag: string, checksum: ObjectChecksum | undefined): Buffer {
  return xmlDocument('CompleteMultipartUploadResult', {
    Location: locationOf(context),
    Bucket: context.bucket,
    Key: context.key,
    ETag: clientEtag(etag),
    ...(checksum === undefined
      ? {}
      : { [checksumElement(checksum.algorithm)]: checksum.value, ChecksumType: checksum.type }),
  })
}
