import type { KeyScope } from './scope.ts'

/**
 * A live tenant key. Bytes stay in secure memory; holders use the sealing functions of `envelope/` through
 * the derived keys here and must not keep a `TenantKey` beyond one request.
 */
export interface TenantKey {
  /** 16 bytes. */
  readonly id: Uint8Array
  readonly scope: KeyScope
  /** HKDF-SHA256 output (32 bytes, or 64 for suite 3) for a purpose, as a view into secure memory; zeros are never returned. */
  derived(purpose: DerivedPurpose): Uint8Array
  /** False once evicted or wiped; any use after that throws. */
  readonly alive: boolean
}

/** Purposes of derived keys; the HKDF `info` strings stand in docs/SPEC.md. */
export type DerivedPurpose = 'field-1' | 'field-2' | 'field-3' | 'stream'
