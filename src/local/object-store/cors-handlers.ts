import type { Address } from '../../protocol/s3/address.ts'
import { S3Error } from '../../protocol/s3/errors.ts'
import type { OperationName } from '../../protocol/s3/operations.ts'
import type { RawHeaders } from '../../wire/raw-headers.ts'
import { headerValue } from '../../wire/raw-headers.ts'
import { corsFields, corsHeaders, readCorsRules } from './cors-rules.ts'
import type { Handler, StoreState } from './store-state.ts'
import { assertBucket } from './store-state.ts'

const putBucketCors: Handler = async (state, store) => {
  assertBucket(state, store.bucket)
  state.index.setCorsRules(store.bucket, readCorsRules(await store.xmlBody()))
  store.reply(200)
}

const getBucketCors: Handler = (state, store) => {
  assertBucket(state, store.bucket)
  const rules = state.index.corsRules(store.bucket)
  if (rules.length === 0)
    throw new S3Error('NoSuchCORSConfiguration', undefined, { BucketName: store.bucket })
  store.replyXml('CORSConfiguration', corsFields(rules))
}

const deleteBucketCors: Handler = (state, store) => {
  assertBucket(state, store.bucket)
  state.index.setCorsRules(store.bucket, [])
  store.reply(204)
}

/** Operations on the CORS rules of a bucket. */
export const CORS_HANDLERS: ReadonlyMap<OperationName, Handler> = new Map<OperationName, Handler>([
  ['PutBucketCors', putBucketCors],
  ['GetBucketCors', getBucketCors],
  ['DeleteBucketCors', deleteBucketCors],
])

/** Headers of the answer to a browser's preflight. Throws `BadRequest`, or `AccessForbidden` for what no rule allows. */
export function preflightHeaders(
  state: StoreState,
  address: Address,
  headers: RawHeaders,
): Record<string, string> {
  const required = (name: string): string => {
    const value = headerValue(headers, name)
    if (value !== undefined) return value
    throw new S3Error('BadRequest', `Insufficient information. ${name} request header needed.`)
  }
  const [origin, method] = [required('origin'), required('access-control-request-method')]
  const asked = (headerValue(headers, 'access-control-request-headers') ?? '').split(',')
  const rules = rulesOf(state, address)
  if (rules.length === 0) {
    throw new S3Error('AccessForbidden', 'CORSResponse: CORS is not enabled for this bucket.')
  }
  const names = asked.map((name) => name.trim()).filter((name) => name !== '')
  const allowed = corsHeaders(rules, origin, method, names)
  if (allowed === undefined) {
    throw new S3Error('AccessForbidden', 'CORSResponse: This CORS request is not allowed.')
  }
  return allowed
}

/** What the answer to a request itself says to a page of another origin; nothing where no rule allows it. */
export function originHeaders(
  state: StoreState,
  address: Address,
  method: string,
  headers: RawHeaders,
): Record<string, string> {
  const origin = headerValue(headers, 'origin')
  if (origin === undefined) return {}
  return corsHeaders(rulesOf(state, address), origin, method) ?? {}
}

function rulesOf(state: StoreState, address: Address): ReturnType<StoreState['index']['corsRules']> {
  return address.level === 'service' ? [] : state.index.corsRules(address.bucket)
}
