import { asPortcullisError, PortcullisError } from '../errors.ts'
import type { KeyAuthority } from '../tenant/tenant.ts'
import type { Clock } from './clock.ts'
import type { DenialHandler } from './denial.ts'
import { KeyAccessDenied, KeyServiceUnavailable } from './key-service.ts'
import { NegativeCache } from './negative-cache.ts'

const ENTRIES_MAX = 10_000
const UNKNOWN_MS = 5_000
const DEFECT_MS = 30_000
/** Share of the time after which a caller is told to come back. */
const UNAVAILABLE_SHARE = 0.5

/** Turns what the key service rejects with into what a request is refused with, and remembers it for a while. */
export class Failures {
  readonly #negative: NegativeCache
  #denials: DenialHandler | undefined

  constructor(clock: Clock) {
    this.#negative = new NegativeCache(clock, ENTRIES_MAX)
  }

  reportDenialsTo(handler: DenialHandler): void {
    this.#denials = handler
  }

  /** Throws the remembered failure of a key or scope, if there is one. */
  assertNone(name: string): void {
    const failure = this.#negative.get(name)
    if (failure !== undefined) throw failure
  }

  /** Remembers a failure as long as repeating the question is hopeless, and returns it. */
  remember(name: string, error: PortcullisError): PortcullisError {
    if (error.code === 'key-service-unavailable') {
      this.#negative.set(name, error, (error.retryAfterSeconds ?? 1) * 1000 * UNAVAILABLE_SHARE)
    }
    if (error.code === 'internal' || error.code === 'ciphertext-invalid') {
      this.#negative.set(name, error, DEFECT_MS)
    }
    return error
  }

  /** Remembers that nobody has this key. */
  rememberUnknown(keyId: string): PortcullisError {
    const error = unknownKey()
    this.#negative.set(keyId, error, UNKNOWN_MS)
    return error
  }

  /** The refusal for a failed unwrap of `keyId`. */
  ofUnwrap(
    thrown: unknown,
    authority: KeyAuthority,
    keyId: string,
  ): PortcullisError | Promise<PortcullisError> {
    if (thrown instanceof KeyAccessDenied && this.#denials !== undefined) {
      return this.#denials.unwrapDenied(authority, thrown, keyId)
    }
    return refusalOf(thrown)
  }

  /** The refusal for a failed wrap of a new key. */
  ofWrap(thrown: unknown, authority: KeyAuthority): PortcullisError {
    if (thrown instanceof KeyAccessDenied && this.#denials !== undefined) {
      return this.#denials.wrapDenied(authority, thrown)
    }
    return refusalOf(thrown)
  }
}

/** The refusal for a key that the tenant does not have, whoever else may have it. */
export function unknownKey(): PortcullisError {
  return new PortcullisError(
    'ciphertext-invalid',
    'the ciphertext names a key that this tenant does not have',
  )
}

function refusalOf(thrown: unknown): PortcullisError {
  if (thrown instanceof KeyServiceUnavailable) {
    return new PortcullisError('key-service-unavailable', 'the key service gave no answer', {
      cause: thrown,
      retryAfterSeconds: 1,
    })
  }
  return asPortcullisError(thrown)
}
