import { EnvelopeError } from '../../../envelope/envelope-error.ts'
import { PortcullisError } from '../../../errors.ts'

const BROKEN = 'The stored object does not authenticate.'
const FOREIGN = 'The stored object was not encrypted by this gateway.'

/** What an envelope's failure is to the outside; anything else is left as it is. */
export function publicError(thrown: unknown): unknown {
  if (!(thrown instanceof EnvelopeError)) return thrown
  const foreign = thrown.failure === 'not-an-envelope'
  return new PortcullisError('ciphertext-invalid', foreign ? FOREIGN : BROKEN, { cause: thrown })
}
