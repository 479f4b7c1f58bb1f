import type { DataClass, TenantApp } from '../tenant/tenant.ts'
import type { CachedTenantKey } from './cached-key.ts'

/** The newest key of each scope as last looked up. What is known of an app is forgotten when the store has changed since. */
export class ActiveKeys {
  readonly #byApp = new WeakMap<TenantApp, AppKeys>()

  /** The key of a scope, looked up while the store's generation was the same. */
  find(tenant: TenantApp, dataClass: DataClass, generation: number): CachedTenantKey | undefined {
    const known = this.#byApp.get(tenant)
    if (known?.generation !== generation) return undefined
    for (const key of known.keys) if (key.row.dataClass === dataClass) return key
    return undefined
  }

  /** Remembers a key, in place of another of its data class. */
  remember(tenant: TenantApp, key: CachedTenantKey, generation: number): void {
    const known = this.#byApp.get(tenant)
    if (known?.generation !== generation) {
      this.#byApp.set(tenant, { generation, keys: [key] })
      return
    }
    const place = known.keys.findIndex(({ row }) => row.dataClass === key.row.dataClass)
    if (place === -1) known.keys.push(key)
    else known.keys[place] = key
  }
}

/** Keys of one app, one per data class: so few that a list is searched sooner than a map. */
interface AppKeys {
  readonly generation: number
  readonly keys: CachedTenantKey[]
}
