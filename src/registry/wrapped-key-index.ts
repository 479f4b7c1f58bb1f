import type { WrappedKeyScope, WrappedTenantKey } from '../keyring/wrapped-key-store.ts'

/** Wrapped keys in memory, found by identifier, scope or authority. */
export class WrappedKeyIndex {
  readonly #byId = new Map<string, WrappedTenantKey>()
  readonly #newest = new Map<string, WrappedTenantKey>()
  readonly #byAuthority = new Map<string, WrappedTenantKey[]>()
  #generation = 0

  /** Counts additions. */
  get generation(): number {
    return this.#generation
  }

  /** Adds a key; one that is there already changes nothing. */
  add(key: WrappedTenantKey): void {
    if (this.#byId.has(key.keyId)) return
    this.#byId.set(key.keyId, key)
    const scope = scopePath(key)
    const newest = this.#newest.get(scope)
    if (newest === undefined || newest.version < key.version) this.#newest.set(scope, key)
    const siblings = this.#byAuthority.get(key.authorityId)
    if (siblings === undefined) this.#byAuthority.set(key.authorityId, [key])
    else siblings.unshift(key)
    this.#generation += 1
  }

  byId(keyId: string): WrappedTenantKey | undefined {
    return this.#byId.get(keyId)
  }

  newest(scope: WrappedKeyScope): WrappedTenantKey | undefined {
    return this.#newest.get(scopePath(scope))
  }

  ofAuthority(authorityId: string): readonly WrappedTenantKey[] {
    return this.#byAuthority.get(authorityId) ?? []
  }
}

function scopePath(scope: WrappedKeyScope): string {
  return `${scope.site}\n${scope.app}\n${scope.dataClass}`
}
