import { hash, timingSafeEqual } from 'node:crypto'
import { HMAC_BYTES, hmacSha256 } from '../../crypto/hmac.ts'

/** A long-term S3 access key. The object's identity keys the cache of derived signing keys. */
export interface S3Credential {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Where a signature is valid. */
export interface SigningScope {
  /** `yyyyMMdd`, UTC. */
  readonly date: string
  readonly region: string
  readonly service: string
}

// A presigned URL lives seven days, so nine dates of one region can be in use; the rest is guesses.
const SCOPES_PER_CREDENTIAL_MAX = 16

const derivedKeys = new WeakMap<S3Credential, Map<string, Buffer>>()

/** SHA-256 of nothing, in hex. */
export const EMPTY_SHA256 = hash('sha256', '')

/** `date/region/service/aws4_request`. */
export function scopeText(scope: SigningScope): string {
  return `${scope.date}/${scope.region}/${scope.service}/aws4_request`
}

/** Derived signing key of SigV4, cached per credential, day and region, so that it costs four HMACs once a day. */
export function signingKey(credential: S3Credential, scope: SigningScope): Buffer {
  let keys = derivedKeys.get(credential)
  if (keys === undefined) derivedKeys.set(credential, (keys = new Map()))
  const text = scopeText(scope)
  const known = keys.get(text)
  if (known !== undefined) return known
  if (keys.size >= SCOPES_PER_CREDENTIAL_MAX) keys.delete(keys.keys().next().value!)
  const dateKey = hmac(`AWS4${credential.secretAccessKey}`, scope.date)
  const key = hmac(hmac(hmac(dateKey, scope.region), scope.service), 'aws4_request')
  keys.set(text, key)
  return key
}

const signature = Buffer.alloc(HMAC_BYTES)

/** Signature in lower-case hex. */
export function signText(key: Buffer, text: string): string {
  hmacSha256(signature, key, Buffer.from(text, 'latin1'))
  return signature.toString('hex')
}

/** Compares two hex signatures in constant time; a value of another length is never equal. */
export function signaturesEqual(expected: string, provided: string): boolean {
  const left = Buffer.from(expected, 'latin1')
  const right = Buffer.from(provided, 'latin1')
  return left.length === right.length && timingSafeEqual(left, right)
}

function hmac(key: string | Buffer, text: string): Buffer {
  const output = Buffer.alloc(HMAC_BYTES)
  hmacSha256(output, typeof key === 'string' ? Buffer.from(key) : key, Buffer.from(text))
  return output
}
