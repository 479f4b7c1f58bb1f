import { S3Error } from './errors.ts'
import type { SignatureClaim } from './signature-claim.ts'
import { readFormClaim } from './signature-claim.ts'
import type { S3Credential } from './signing-key.ts'
import { signaturesEqual, signingKey, signText } from './signing-key.ts'
import type { VerifiedRequest, VerifierOptions } from './verify-signature.ts'
import { assertScope } from './verify-signature.ts'

/** Reads the claim of a form, which must have a policy. Throws as S3 does for a form without one. */
export function claimOfForm(values: ReadonlyMap<string, string>): SignatureClaim {
  if (values.has('x-amz-security-token')) throw new S3Error('InvalidToken')
  return readFormClaim(values)
}

/**
 * Verifies the signature of a form: that of its policy, which says what else must hold (Amazon S3 API reference,
 * "Authenticating Requests in Browser-Based Uploads Using POST").
 * Throws the `S3Error` that S3 answers with.
 */
export function verifyForm<Credential extends S3Credential>(
  values: ReadonlyMap<string, string>,
  claim: SignatureClaim,
  options: Omit<VerifierOptions<Credential>, 'now'>,
): VerifiedRequest<Credential> {
  assertScope(claim, options.region)
  const credential = options.credentialOf(claim.accessKeyId)
  if (credential === undefined) {
    throw new S3Error('InvalidAccessKeyId', undefined, { AWSAccessKeyId: claim.accessKeyId })
  }
  const key = signingKey(credential, claim.scope)
  const policy = values.get('policy')!
  if (!signaturesEqual(signText(key, policy), claim.signature)) {
    throw new S3Error('SignatureDoesNotMatch', undefined, {
      AWSAccessKeyId: claim.accessKeyId,
      StringToSign: policy,
    })
  }
  const { place, scope, timestamp, signature } = claim
  return { credential, place, payload: { kind: 'unsigned' }, scope, timestamp, signature, signingKey: key }
}
