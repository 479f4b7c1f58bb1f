import type { RawHeaders } from '../../../wire/raw-headers.ts'
import type { ObjectChecksum } from './trailer.ts'
import { checksumHeader } from '../checksum-algorithms.ts'
import { clientEtag } from './etag-form.ts'
import type { BackendResponse } from './backend-response.ts'
import type { ObjectExchange } from './object-exchange.ts'

// About the stored bytes, their encryption at the store, or the store's own connection.
const REPLACED = new Set([
  'content-length',
  'content-range',
  'content-md5',
  'digest',
  'repr-digest',
  'accept-ranges',
  'x-amz-mp-parts-count',
  'x-amz-request-id',
  'x-amz-id-2',
  'server',
  'date',
  'alt-svc',
  'strict-transport-security',
])
const REPLACED_BEGINNINGS = ['x-amz-checksum-', 'x-amz-server-side-encryption']

/** The store's headers about an object, without those about its stored bytes, shown as encrypted under the tenant's key. */
export function objectResponseHeaders(
  context: ObjectExchange,
  response: BackendResponse,
  etagOf: (storeEtag: string) => string = clientEtag,
): RawHeaders {
  return [
    ...plainResponseHeaders(context, response, etagOf),
    'x-amz-server-side-encryption',
    'aws:kms',
    'x-amz-server-side-encryption-aws-kms-key-id',
    context.keyArn,
  ]
}

/** The store's headers of an answer that is not an object. */
export function plainResponseHeaders(
  context: ObjectExchange,
  response: BackendResponse,
  etagOf: (storeEtag: string) => string = clientEtag,
): RawHeaders {
  const headers: RawHeaders = []
  for (let index = 0; index < response.headers.length; index += 2) {
    const name = response.headers[index]!
    const value = response.headers[index + 1]!
    const lower = name.toLowerCase()
    if (REPLACED.has(lower) || REPLACED_BEGINNINGS.some((beginning) => lower.startsWith(beginning))) continue
    headers.push(name, lower === 'etag' ? etagOf(value) : value)
  }
  headers.push('x-amz-request-id', context.exchange.id)
  return headers
}

/** Headers of a checksum of the plaintext. */
export function checksumHeaders(checksum: ObjectChecksum | undefined): RawHeaders {
  if (checksum === undefined) return []
  return [checksumHeader(checksum.algorithm), checksum.value, 'x-amz-checksum-type', checksum.type]
}
