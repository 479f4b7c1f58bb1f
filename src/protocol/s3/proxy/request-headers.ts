import type { RawHeaders } from '../../../wire/raw-headers.ts'
import { CONTENT_HEADERS } from '../content-headers.ts'
import { storeEtags } from './etag-form.ts'
import { S3Error } from '../errors.ts'
import type { ObjectExchange } from './object-exchange.ts'

/** Conditions of a read. */
export const CONDITIONS: ReadonlySet<string> = new Set([
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
])

/** Standard headers that travel to the store with an object or a read. */
const KEPT = new Set([
  ...CONTENT_HEADERS,
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  // For the store's CORS rules, which it answers with headers.
  'origin',
  'access-control-request-method',
  'access-control-request-headers',
])

/** `x-amz-` headers that travel on, beside `x-amz-meta-*` and `x-amz-grant-*`. */
const KEPT_AMZ = new Set([
  'x-amz-acl',
  'x-amz-bypass-governance-retention',
  'x-amz-bucket-object-lock-enabled',
  'x-amz-expected-bucket-owner',
  // Its companion about the size would compare the stored one.
  'x-amz-if-match-last-modified-time',
  'x-amz-mfa',
  'x-amz-object-lock-legal-hold',
  'x-amz-object-lock-mode',
  'x-amz-object-lock-retain-until-date',
  'x-amz-object-ownership',
  'x-amz-optional-object-attributes',
  'x-amz-request-payer',
  'x-amz-storage-class',
  'x-amz-tagging',
  'x-amz-website-redirect-location',
])

/** `x-amz-` headers that end here: about this connection's signature, or read by a handler. */
const ENDING_AMZ = new Set([
  'x-amz-date',
  'x-amz-content-sha256',
  'x-amz-decoded-content-length',
  'x-amz-trailer',
  'x-amz-user-agent',
  'x-amz-checksum-algorithm',
  'x-amz-checksum-mode',
  'x-amz-checksum-type',
  'x-amz-checksum-crc32',
  'x-amz-checksum-crc32c',
  'x-amz-checksum-crc64nvme',
  'x-amz-checksum-sha1',
  'x-amz-checksum-sha256',
  'x-amz-sdk-checksum-algorithm',
  'x-amz-metadata-directive',
  'x-amz-tagging-directive',
  'x-amz-object-attributes',
  'x-amz-max-parts',
  'x-amz-part-number-marker',
  'x-amz-source-expected-bucket-owner',
  'x-amz-mp-object-size',
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-aws-kms-key-id',
  'x-amz-server-side-encryption-bucket-key-enabled',
  'x-amz-server-side-encryption-context',
])

/** Parameters of a presigned query that are its signature. */
const OF_SIGNATURE = /^x-amz-(algorithm|credential|date|expires|signedheaders|signature|security-token)$/

/**
 * Headers of a request that the store shall see. A presigned query may carry `x-amz-` headers as parameters; a checksum
 * among them is not verified, as Amazon S3 does not: SDKs put that of an empty body there. Throws `NotImplemented` for an `x-amz-` header that is not known here: it could ask the store for something that bypasses
 * encryption.
 */
export function storeRequestHeaders(context: ObjectExchange): RawHeaders {
  assertEncryptionAsked(context)
  const kept: RawHeaders = []
  const forwarded = context.verified.place === 'form' ? context.headers : context.exchange.head.forwarded
  for (let index = 0; index < forwarded.length; index += 2) {
    keep(kept, forwarded[index]!, forwarded[index + 1]!)
  }
  if (context.verified.place === 'query') {
    for (const { name, value } of context.query) {
      const lower = name.toLowerCase()
      if (!lower.startsWith('x-amz-') || OF_SIGNATURE.test(lower)) continue
      if (lower.startsWith('x-amz-copy-source')) {
        throw new S3Error('NotImplemented', undefined, { ParameterName: name })
      }
      keep(kept, lower, value)
    }
  }
  return kept
}

/**
 * The encryption that a client asks for is what it gets anyway, but it must make sense: Amazon S3 refuses these as well.
 */
function assertEncryptionAsked(context: ObjectExchange): void {
  const algorithm = context.header('x-amz-server-side-encryption')
  const keyId = context.header('x-amz-server-side-encryption-aws-kms-key-id')
  if (algorithm === undefined && keyId === undefined) return
  if (context.exchange.method === 'GET' || context.exchange.method === 'HEAD') {
    throw new S3Error('InvalidRequest', 'Encryption headers are not for reading.')
  }
  const known = algorithm === 'AES256' || algorithm === 'aws:kms' || algorithm === 'aws:kms:dsse'
  if (!known) throw new S3Error('InvalidArgument', 'The encryption method specified is not supported.')
  if (keyId !== undefined && algorithm === 'AES256') {
    throw new S3Error('InvalidArgument', 'A KMS key goes with aws:kms only.')
  }
}

function keep(kept: RawHeaders, name: string, value: string): void {
  const lower = name.toLowerCase()
  if (lower.startsWith('x-amz-')) {
    if (ENDING_AMZ.has(lower) || lower.startsWith('x-amz-copy-source')) return
    if (!KEPT_AMZ.has(lower) && !/^x-amz-(meta|grant)-/.test(lower)) {
      throw new S3Error('NotImplemented', undefined, { Header: lower })
    }
    kept.push(lower, value)
    return
  }
  if (!KEPT.has(lower)) return
  if (lower === 'content-encoding') {
    const codings = value.split(',').filter((coding) => !/^\s*aws-chunked\s*$/i.test(coding))
    if (codings.length > 0) kept.push(lower, codings.join(','))
    return
  }
  kept.push(lower, CONDITIONS.has(lower) ? storeEtags(value) : value)
}

/** A copy of headers without those named. */
export function withoutHeaders(headers: RawHeaders, names: ReadonlySet<string>): RawHeaders {
  return headers.filter((_, index) => !names.has(headers[index - (index % 2)]!.toLowerCase()))
}

/** Query parameters to send on: all but the signature's. */
export function storeQuery(context: ObjectExchange): [string, string][] {
  return context.query
    .filter(({ name }) => !/^x-amz-/i.test(name) && name !== 'x-id')
    .map(({ name, value }) => [name, value])
}
