/** Named failure classes of docs/SPEC.md section 7. */
export type EnvelopeFailure =
  | 'not-an-envelope'
  | 'truncated'
  | 'extended'
  | 'unknown-suite'
  | 'unknown-version'
  | 'not-canonical'
  | 'wrong-key'
  | 'spliced'
  | 'not-authentic'
  | 'too-large'

/**
 * What was read is not what was sealed here. Callers turn it into the public refusal `ciphertext-invalid` and put
 * `failure` into the audit trail. Holds no content and no key.
 */
export class EnvelopeError extends Error {
  readonly failure: EnvelopeFailure

  constructor(failure: EnvelopeFailure, message: string) {
    super(`${failure}: ${message}`)
    this.name = 'EnvelopeError'
    this.failure = failure
  }
}
