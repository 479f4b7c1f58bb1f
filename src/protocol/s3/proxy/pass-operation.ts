import { createHash } from 'node:crypto'
import type { RawHeaders } from '../../../wire/raw-headers.ts'
import { S3Error } from '../errors.ts'
import { parseXml } from '../xml-reader.ts'
import { ClientBody } from './client-body.ts'
import { storeDeleteDocument } from './delete-document.ts'
import type { ObjectExchange } from './object-exchange.ts'
import { storeQuery, storeRequestHeaders } from './request-headers.ts'
import { plainResponseHeaders } from './response-headers.ts'
import { passRefusal } from './store-refusal.ts'

// S3 takes 2 MiB for DeleteObjects; every other document is far smaller.
const DOCUMENT_BYTES_MAX = 2 * 1024 * 1024 + 64 * 1024
const ANSWER_BYTES_MAX = 16 * 1024 * 1024

/** An operation without content: its document verified and forwarded, the store's answer passed on. */
export async function passOperation(context: ObjectExchange): Promise<void> {
  const headers: RawHeaders = storeRequestHeaders(context)
  let body = await new ClientBody(context).collect(DOCUMENT_BYTES_MAX)
  const deletes = context.operation.name === 'DeleteObjects'
  if (deletes) assertDigest(context)
  if (body.length > 0) {
    const root = looksLikeXml(body) ? parseXml(body) : undefined
    if (deletes && root !== undefined) body = storeDeleteDocument(root, body)
    headers.push('content-md5', createHash('md5').update(body).digest('base64'))
  }
  const response = await context.backend.send({
    method: context.exchange.method,
    ...(context.address.level === 'service' ? {} : { bucket: context.address.bucket }),
    ...(context.address.level === 'object' ? { key: context.address.key } : {}),
    query: storeQuery(context),
    headers,
    ...(body.length === 0 ? {} : { body }),
  })
  if (response.status >= 300) {
    await passRefusal(context, response)
    return
  }
  const answer = await response.collect(ANSWER_BYTES_MAX)
  const answerHeaders = plainResponseHeaders(context, response)
  if (response.status !== 204) answerHeaders.push('content-length', String(answer.length))
  const isHead = context.exchange.method === 'HEAD'
  context.whenAdmitted(() =>
    context.exchange.reply(response.status, answerHeaders, isHead ? undefined : answer),
  )
}

function assertDigest(context: ObjectExchange): void {
  const { rawHeaders } = context.exchange.request
  const has = rawHeaders.some((entry, index) => {
    return index % 2 === 0 && /^(content-md5|x-amz-checksum-(crc|sha).*|x-amz-trailer)$/i.test(entry)
  })
  if (!has)
    throw new S3Error(
      'InvalidRequest',
      'Missing required header for this request: Content-MD5 OR x-amz-checksum-*',
    )
}

// A bucket policy is JSON.
function looksLikeXml(body: Buffer): boolean {
  return /^\s*(\ufeff)?</.test(body.toString('utf8', 0, 64))
}
