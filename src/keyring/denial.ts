import type { PortcullisError } from '../errors.ts'
import type { KeyAuthority } from '../tenant/tenant.ts'
import type { KeyAccessDenied } from './key-service.ts'

/** Decides what a denial met outside a verification means; returns the refusal that the caller's request gets. */
export interface DenialHandler {
  /** Decrypt of a stored tenant key was denied: what it belongs to is to be suspended. A promise while that is found out. */
  unwrapDenied(
    authority: KeyAuthority,
    denied: KeyAccessDenied,
    keyId: string,
  ): PortcullisError | Promise<PortcullisError>
  /** Encrypt of a new tenant key was denied: whether stored keys still unwrap is to be found out at once. */
  wrapDenied(authority: KeyAuthority, denied: KeyAccessDenied): PortcullisError
}
