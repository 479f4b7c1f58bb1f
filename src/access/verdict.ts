import { KeyAccessDenied, KeyServiceUnavailable } from '../keyring/key-service.ts'
import { PortcullisError } from '../errors.ts'

/** What one verification found out. */
export type Verdict =
  | { readonly kind: 'verified' }
  | { readonly kind: 'denied'; readonly denied: KeyAccessDenied }
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'defect'; readonly error: unknown }

/** The verdict in what a verification rejected with. */
export function verdictOf(thrown: unknown): Verdict {
  if (thrown instanceof KeyAccessDenied) return { kind: 'denied', denied: thrown }
  if (thrown instanceof KeyServiceUnavailable) return { kind: 'unavailable' }
  if (thrown instanceof PortcullisError && thrown.code === 'key-service-unavailable')
    return { kind: 'unavailable' }
  return { kind: 'defect', error: thrown }
}
