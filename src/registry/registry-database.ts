import type { WrappedTenantKey } from '../keyring/wrapped-key-store.ts'
import type { Suspension } from './suspension.ts'

/** A page of wrapped keys and the mark to go on from. */
export interface WrappedKeyChanges {
  readonly keys: readonly WrappedTenantKey[]
  /** Opaque position after the last key; pass it to read only what came later. */
  readonly mark: number
}

/**
 * What the registry needs of a database. Each backend implements it with durable, serializable writes;
 * everything above is shared, and one set of tests runs on every backend.
 */
export interface RegistryDatabase {
  /** Wrapped keys written after `mark` (0 for all), by any process. */
  wrappedKeysAfter(mark: number): Promise<WrappedKeyChanges>
  /**
   * Adds a key durably. Resolves to the row that holds this scope and version afterwards:
   * the given one, or that of the writer who came first.
   */
  addWrappedKey(key: WrappedTenantKey): Promise<WrappedTenantKey>
  openSuspensions(): Promise<readonly Suspension[]>
  suspensionsOf(authorityId: string, limit: number): Promise<readonly Suspension[]>
  saveSuspension(suspension: Suspension): Promise<void>
  close(): Promise<void>
}
