import { algorithmNamed } from '../checksum-algorithms.ts'
import { S3Error } from '../errors.ts'
import { checksumTypeFor } from '../multipart-checksum.ts'
import type { ObjectExchange } from './object-exchange.ts'
import { storeQuery, storeRequestHeaders } from './request-headers.ts'
import { objectResponseHeaders } from './response-headers.ts'
import { passRefusal } from './store-refusal.ts'

/** CreateMultipartUpload: the store's own; checksums are this gateway's matter. */
export async function createMultipartUpload(context: ObjectExchange): Promise<void> {
  const checksums = announcedChecksum(context)
  context.exchange.continue()
  context.exchange.request.resume()
  const response = await context.backend.send({
    method: 'POST',
    bucket: context.bucket,
    key: context.key,
    query: storeQuery(context),
    headers: storeRequestHeaders(context),
  })
  if (response.status !== 200) {
    await passRefusal(context, response)
    return
  }
  const body = await response.collect(64 * 1024)
  const headers = [
    ...objectResponseHeaders(context, response),
    ...checksums,
    'content-length',
    String(body.length),
  ]
  context.whenAdmitted(() => context.exchange.reply(200, headers, body))
}

function announcedChecksum(context: ObjectExchange): string[] {
  const named = context.header('x-amz-checksum-algorithm')
  const type = context.header('x-amz-checksum-type')
  if (named === undefined) {
    if (type === undefined) return []
    throw new S3Error(
      'InvalidRequest',
      'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.',
    )
  }
  const algorithm = algorithmNamed(named)
  if (algorithm === undefined)
    throw new S3Error('InvalidRequest', 'Checksum algorithm provided is unsupported.')
  return ['x-amz-checksum-algorithm', algorithm, 'x-amz-checksum-type', checksumTypeFor(algorithm, type)]
}
