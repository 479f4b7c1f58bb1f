import type { DataClass, TenantApp } from '../tenant/tenant.ts'
import type { WrappedCopy } from './key-service.ts'

/** A tenant key at rest: one wrapped copy per region of its authority. */
export interface WrappedTenantKey {
  /** 16-byte key identifier as 32 lower-case hex digits, derived from the key itself. */
  readonly keyId: string
  readonly organization: string
  readonly site: string
  readonly app: TenantApp['app']
  readonly dataClass: DataClass
  readonly authorityId: string
  /** Counts from 1; the highest version of a scope encrypts. */
  readonly version: number
  /** RFC 3339 UTC. */
  readonly createdAt: string
  readonly copies: readonly WrappedCopy[]
}

/** Names a scope; site names are globally unique. */
export type WrappedKeyScope = Pick<WrappedTenantKey, 'site' | 'app' | 'dataClass'>

/** Where wrapped tenant keys live. Backends live in `registry/`. Reads are answered from memory. */
export interface WrappedKeyStore {
  /** The newest version for a scope, if any. */
  newest(scope: WrappedKeyScope): WrappedTenantKey | undefined
  byId(keyId: string): WrappedTenantKey | undefined
  /** All keys of an authority, newest first; verification unwraps one of them. */
  ofAuthority(authorityId: string): readonly WrappedTenantKey[]
  /**
   * Durably adds a key; when another writer already added this scope and version, resolves to that row instead.
   */
  add(key: WrappedTenantKey): Promise<WrappedTenantKey>
  /** Counts every change of what the reads answer; lets a reader keep an answer as long as it stands still. */
  readonly generation: number
  /** Takes in what other processes have added since; single-flight. */
  refresh(): Promise<void>
}
