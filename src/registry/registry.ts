import type { WrappedKeyScope, WrappedKeyStore, WrappedTenantKey } from '../keyring/wrapped-key-store.ts'
import type { RegistryDatabase } from './registry-database.ts'
import type { Suspension, SuspensionStore } from './suspension.ts'
import { WrappedKeyIndex } from './wrapped-key-index.ts'

/** KMS: at most 6,144 bytes of ciphertext blob. */
const CIPHERTEXT_BYTES_MAX = 6_144
const KEY_ID = /^[0-9a-f]{32}$/

/**
 * Shared state of all processes, over any `RegistryDatabase`: reads come from memory, writes are durable before
 * they resolve.
 */
export class Registry implements WrappedKeyStore, SuspensionStore {
  readonly #database: RegistryDatabase
  readonly #keys = new WrappedKeyIndex()
  readonly #openSuspensions = new Map<string, Suspension>()
  #mark = 0
  #refreshing: Promise<void> | undefined

  private constructor(database: RegistryDatabase) {
    this.#database = database
  }

  /** Loads everything that reads are answered from. */
  static async load(database: RegistryDatabase): Promise<Registry> {
    const registry = new Registry(database)
    await registry.refresh()
    for (const suspension of await database.openSuspensions()) {
      registry.#openSuspensions.set(suspension.id, suspension)
    }
    return registry
  }

  get generation(): number {
    return this.#keys.generation
  }

  newest(scope: WrappedKeyScope): WrappedTenantKey | undefined {
    return this.#keys.newest(scope)
  }

  byId(keyId: string): WrappedTenantKey | undefined {
    return this.#keys.byId(keyId)
  }

  ofAuthority(authorityId: string): readonly WrappedTenantKey[] {
    return this.#keys.ofAuthority(authorityId)
  }

  async add(key: WrappedTenantKey): Promise<WrappedTenantKey> {
    assertSound(key)
    const stored = await this.#database.addWrappedKey(key)
    this.#keys.add(stored)
    return stored
  }

  refresh(): Promise<void> {
    this.#refreshing ??= this.#readChanges().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  open(): readonly Suspension[] {
    return [...this.#openSuspensions.values()]
  }

  history(authorityId: string, limit: number): Promise<readonly Suspension[]> {
    return this.#database.suspensionsOf(authorityId, limit)
  }

  async save(suspension: Suspension): Promise<void> {
    await this.#database.saveSuspension(suspension)
    if (suspension.endedAt === undefined) this.#openSuspensions.set(suspension.id, suspension)
    else this.#openSuspensions.delete(suspension.id)
  }

  async close(): Promise<void> {
    await this.#database.close()
  }

  async #readChanges(): Promise<void> {
    const { keys, mark } = await this.#database.wrappedKeysAfter(this.#mark)
    for (const key of keys) this.#keys.add(key)
    this.#mark = mark
  }
}

/** Refuses a row that no reader could use. Throws `RangeError`. */
function assertSound(key: WrappedTenantKey): void {
  if (!KEY_ID.test(key.keyId)) throw new RangeError('a key identifier has 32 lower-case hex digits')
  if (!Number.isSafeInteger(key.version) || key.version < 1) throw new RangeError('key versions count from 1')
  if (key.copies.length === 0) throw new RangeError('a wrapped key needs at least one copy')
  for (const { ciphertext, region } of key.copies) {
    if (ciphertext.length === 0 || ciphertext.length > CIPHERTEXT_BYTES_MAX) {
      throw new RangeError(`the copy for ${region} must have 1 to ${CIPHERTEXT_BYTES_MAX} bytes`)
    }
  }
}
