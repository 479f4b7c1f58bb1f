import type { SignatureClaim } from './signature-claim.ts'
import type { S3Credential } from './signing-key.ts'
import { signingKey } from './signing-key.ts'
import type { VerifiedRequest, VerifierOptions } from './verify-signature.ts'
import { assertScope, assertSigned, claimedCredential } from './verify-signature.ts'

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
  const credential = claimedCredential(claim, options)
  const key = signingKey(credential, claim.scope)
  assertSigned(claim, key, values.get('policy')!)
  const { place, scope, timestamp, signature } = claim
  return { credential, place, payload: { kind: 'unsigned' }, scope, timestamp, signature, signingKey: key }
}
