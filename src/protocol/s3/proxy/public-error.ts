import { EnvelopeError } from '../../../envelope/envelope-error.ts'
import { PortcullisError } from '../../../errors.ts'

/** What an envelope's failure is to the outside; anything else is left as it is. */
export function publicError(thrown: unknown): unknown {
  if (!(thrown instanceof EnvelopeError)) return thrown
  return new PortcullisError('ciphertext-invalid', 'The stored object does not authenticate.', {
    cause: thrown,
  })
}
