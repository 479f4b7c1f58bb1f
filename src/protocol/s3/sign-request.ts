import type { RawHeaders } from '../../wire/raw-headers.ts'
import { amzTimestamp } from './amz-date.ts'
import { canonicalRequest, stringToSign } from './canonical-request.ts'
import type { S3Credential } from './signing-key.ts'
import { scopeText, signingKey, signText } from './signing-key.ts'
import { canonicalPath, parseQuery } from './uri-encoding.ts'

/** A request for a backend before it is signed. */
export interface UnsignedRequest {
  readonly method: string
  /** Path, percent-encoded. */
  readonly path: string
  /** Query without `?`, percent-encoded. */
  readonly query: string
  /** `host[:port]` as the backend will see it. */
  readonly host: string
  /** End-to-end headers; `Authorization`, `x-amz-date` and `x-amz-content-sha256` are added here. */
  readonly headers: RawHeaders
  /** Hex SHA-256 of the body, or `UNSIGNED-PAYLOAD`. */
  readonly payloadHash: string
}

// Headers that hops may change, or that say nothing about the request.
const UNSIGNED_NAMES = new Set(['user-agent', 'expect', 'x-request-id', 'accept', 'accept-encoding'])

/** Headers with a SigV4 signature for `region`, `host` first; the derived key is cached per day. */
export function signRequest(
  request: UnsignedRequest,
  credential: S3Credential,
  region: string,
  nowMs: number,
): RawHeaders {
  const timestamp = amzTimestamp(nowMs)
  const scope = { date: timestamp.slice(0, 8), region, service: 's3' }
  const headers = [
    'host',
    request.host,
    'x-amz-date',
    timestamp,
    'x-amz-content-sha256',
    request.payloadHash,
    ...request.headers,
  ]
  const names = new Set<string>()
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]!.toLowerCase()
    if (!UNSIGNED_NAMES.has(name)) names.add(name)
  }
  const signedHeaders = [...names].sort()
  const canonical = canonicalRequest({
    method: request.method,
    path: canonicalPath(request.path),
    query: parseQuery(request.query),
    headers,
    signedHeaders,
    payloadHash: request.payloadHash,
  })
  const scopeLine = scopeText(scope)
  const signature = signText(signingKey(credential, scope), stringToSign(timestamp, scopeLine, canonical))
  headers.push(
    'authorization',
    `AWS4-HMAC-SHA256 Credential=${credential.accessKeyId}/${scopeLine}, SignedHeaders=${signedHeaders.join(';')}, Signature=${signature}`,
  )
  return headers
}
