import type { RawHeaders } from '../../wire/raw-headers.ts'
import { headerValue } from '../../wire/raw-headers.ts'
import { canonicalRequest, stringToSign } from './canonical-request.ts'
import { S3Error } from './errors.ts'
import type { OperationName } from './operations.ts'
import type { PayloadMode } from './payload-mode.ts'
import { parsePayloadMode } from './payload-mode.ts'
import type { SignatureClaim } from './signature-claim.ts'
import { readSignatureClaim } from './signature-claim.ts'
import type { S3Credential, SigningScope } from './signing-key.ts'
import { scopeText, signaturesEqual, signingKey, signText } from './signing-key.ts'
import type { QueryParameter } from './uri-encoding.ts'
import { canonicalPath } from './uri-encoding.ts'

/** A request as it came over the wire. */
export interface SignedRequest {
  readonly method: string
  /** Path of the target as sent. */
  readonly path: string
  readonly query: readonly QueryParameter[]
  readonly headers: RawHeaders
  /** What it says about its signature, where that has been read already. */
  readonly claim?: SignatureClaim | undefined
}

/** What the verifier may rely on. */
export interface VerifierOptions<Credential extends S3Credential> {
  readonly credentialOf: (accessKeyId: string) => Credential | undefined
  /** The region that scopes must name; undefined takes any. */
  readonly region: string | undefined
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** A request whose signature holds. */
export interface VerifiedRequest<Credential extends S3Credential> {
  readonly credential: Credential
  readonly place: SignatureClaim['place']
  readonly payload: PayloadMode
  readonly scope: SigningScope
  readonly timestamp: string
  /** Signature of the head: the seed of chunk signatures. */
  readonly signature: string
  /** Derived key that chunk signatures use. */
  readonly signingKey: Buffer
}

/** As its operation is read: the checksum headers of a completion are about the object, not about the document. */
export function verifiedFor<Credential extends S3Credential>(
  operation: OperationName,
  verified: VerifiedRequest<Credential>,
): VerifiedRequest<Credential> {
  if (operation !== 'CompleteMultipartUpload') return verified
  return { ...verified, payload: { ...verified.payload, checksums: false } }
}

const SKEW_MS_MAX = 15 * 60 * 1000

/**
 * Verifies Signature Version 4 by S3's rules, from a header or a presigned query (Amazon S3 API reference,
 * "Authenticating Requests"). Every `x-amz-*` header and `host` must be signed. The body is not read here: its
 * protection comes back as `payload`.
 * Throws the `S3Error` that S3 answers with.
 */
export function verifySignature<Credential extends S3Credential>(
  request: SignedRequest,
  options: VerifierOptions<Credential>,
): VerifiedRequest<Credential> {
  refuseSessionToken(request)
  const claim = request.claim ?? readSignatureClaim(request.headers, request.query)
  assertScope(claim, options.region)
  const credential = claimedCredential(claim, options)
  assertTime(claim, options.now())
  assertSignedHeaders(claim, request.headers)
  const payloadHash = payloadHashOf(claim, request)
  const key = signingKey(credential, claim.scope)
  const text = stringToSign(
    claim.timestamp,
    scopeText(claim.scope),
    canonicalRequest({
      method: request.method,
      path: canonicalPath(request.path),
      query:
        claim.place === 'header'
          ? request.query
          : request.query.filter(({ name }) => name !== 'X-Amz-Signature'),
      headers: request.headers,
      signedHeaders: claim.signedHeaders,
      payloadHash,
    }),
  )
  assertSigned(claim, key, text)
  return {
    credential,
    place: claim.place,
    payload: parsePayloadMode(payloadHash),
    scope: claim.scope,
    timestamp: claim.timestamp,
    signature: claim.signature,
    signingKey: key,
  }
}

/** The credential that a claim names. Throws `InvalidAccessKeyId` when there is none. */
export function claimedCredential<Credential extends S3Credential>(
  { accessKeyId }: SignatureClaim,
  { credentialOf }: Pick<VerifierOptions<Credential>, 'credentialOf'>,
): Credential {
  const credential = credentialOf(accessKeyId)
  if (credential === undefined) {
    throw new S3Error('InvalidAccessKeyId', undefined, { AWSAccessKeyId: accessKeyId })
  }
  return credential
}

/** Throws `SignatureDoesNotMatch` unless the claim's signature is that of `text` under `key`. */
export function assertSigned({ accessKeyId, signature }: SignatureClaim, key: Buffer, text: string): void {
  if (signaturesEqual(signText(key, text), signature)) return
  throw new S3Error('SignatureDoesNotMatch', undefined, { AWSAccessKeyId: accessKeyId, StringToSign: text })
}

// Access keys here are long-term; a session token belongs to credentials that this gateway never issued.
function refuseSessionToken(request: SignedRequest): void {
  const inQuery = request.query.some(({ name }) => name.toLowerCase() === 'x-amz-security-token')
  if (inQuery || headerValue(request.headers, 'x-amz-security-token') !== undefined) {
    throw new S3Error('InvalidToken')
  }
}

/** Throws S3's error for a scope of another service or region. */
export function assertScope(claim: SignatureClaim, region: string | undefined): void {
  const wrong = (detail: string, fields: Record<string, string> = {}): S3Error =>
    claim.place === 'header'
      ? new S3Error(
          'AuthorizationHeaderMalformed',
          `The authorization header is malformed; ${detail}`,
          fields,
        )
      : new S3Error(
          'AuthorizationQueryParametersError',
          `Error parsing the X-Amz-Credential parameter; ${detail}`,
          fields,
        )
  if (claim.scope.service !== 's3')
    throw wrong(`incorrect service "${claim.scope.service}". This endpoint belongs to "s3".`)
  if (region !== undefined && claim.scope.region !== region)
    throw wrong(`the region "${claim.scope.region}" is wrong; expecting "${region}"`, { Region: region })
}

function assertTime(claim: SignatureClaim, nowMs: number): void {
  if (claim.expiresSeconds === undefined) {
    if (Math.abs(nowMs - claim.timestampMs) <= SKEW_MS_MAX) return
    throw new S3Error('RequestTimeTooSkewed', undefined, {
      RequestTime: claim.timestamp,
      ServerTime: new Date(nowMs).toISOString(),
      MaxAllowedSkewMilliseconds: String(SKEW_MS_MAX),
    })
  }
  if (claim.timestampMs > nowMs + SKEW_MS_MAX) throw new S3Error('AccessDenied', 'Request is not valid yet')
  const expiresAtMs = claim.timestampMs + claim.expiresSeconds * 1000
  if (nowMs > expiresAtMs) {
    throw new S3Error('AccessDenied', 'Request has expired', {
      'X-Amz-Expires': String(claim.expiresSeconds),
      Expires: new Date(expiresAtMs).toISOString(),
      ServerTime: new Date(nowMs).toISOString(),
    })
  }
}

function assertSignedHeaders(claim: SignatureClaim, headers: RawHeaders): void {
  const unsigned: string[] = []
  let hosts = 0
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]!.toLowerCase()
    if (name === 'host') hosts += 1
    if ((name === 'host' || name.startsWith('x-amz-')) && !claim.signedHeaders.includes(name))
      unsigned.push(name)
  }
  if (hosts !== 1) throw new S3Error('InvalidRequest', 'A request has exactly one Host header.')
  if (unsigned.length > 0) {
    throw new S3Error('AccessDenied', 'There were headers present in the request which were not signed', {
      HeadersNotSigned: unsigned.join(', '),
    })
  }
}

function payloadHashOf(claim: SignatureClaim, request: SignedRequest): string {
  const header = headerValue(request.headers, 'x-amz-content-sha256')
  if (header !== undefined) return header
  if (claim.place === 'header') {
    throw new S3Error('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256')
  }
  const parameter = request.query.find(({ name }) => name.toLowerCase() === 'x-amz-content-sha256')
  return parameter?.value ?? 'UNSIGNED-PAYLOAD'
}
