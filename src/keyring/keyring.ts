import { PortcullisError } from '../errors.ts'
import type { TenantApp } from '../tenant/tenant.ts'
import { ActiveKeys } from './active-keys.ts'
import { ClosedAreas } from './closed-areas.ts'
import { timestamp } from './clock.ts'
import type { DenialHandler } from './denial.ts'
import { Failures, unknownKey } from './failures.ts'
import type { KeyArea, KeyPlace } from './key-area.ts'
import { keyIdFromHex, keyIdToHex } from './key-id.ts'
import { KeyLoader } from './key-loader.ts'
import { KeyMaker } from './key-maker.ts'
import { KeyShelf } from './key-shelf.ts'
import type { KeyringOptions } from './options.ts'
import { keyringLimits } from './options.ts'
import type { KeyScope } from './scope.ts'
import { scopePath } from './scope.ts'
import type { TenantKey } from './tenant-key.ts'
import type { WrappedKeyScope, WrappedTenantKey } from './wrapped-key-store.ts'

/**
 * Tenant keys of this process: made on first use, unwrapped on demand, kept in secure memory for a limited time.
 * A warm look-up is synchronous and allocates nothing. Every failure is a `PortcullisError`, thrown or rejected.
 */
export class Keyring {
  readonly #options: KeyringOptions
  readonly #closed = new ClosedAreas()
  readonly #failures: Failures
  readonly #shelf: KeyShelf
  readonly #loader: KeyLoader
  readonly #maker: KeyMaker
  readonly #active = new ActiveKeys()

  /** Throws `RangeError` when the limits cannot bridge an outage. */
  constructor(options: KeyringOptions) {
    this.#options = options
    this.#failures = new Failures(options.clock)
    this.#shelf = new KeyShelf(options, keyringLimits(options), (key) => this.#loader.refresh(key))
    this.#loader = new KeyLoader(options, this.#shelf, this.#closed, this.#failures)
    this.#maker = new KeyMaker(options, this.#shelf, this.#closed)
  }

  /** Says who judges denials met while loading and making keys. */
  reportDenialsTo(handler: DenialHandler): void {
    this.#failures.reportDenialsTo(handler)
  }

  /** Tenant keys in memory. */
  get size(): number {
    return this.#shelf.cache.size
  }

  /** The key that encrypts for a scope, made on first use. Synchronous when warm. */
  active(scope: KeyScope): TenantKey | Promise<TenantKey> {
    const key = this.#active.find(scope.tenant, scope.dataClass, this.#options.store.generation)
    if (key?.covered === true && key.alive) {
      key.use(scope.tenant)
      return key
    }
    return this.#findActive(scope)
  }

  /** As `byIdAt`, for an identifier of 32 lower-case hex digits. */
  byId(tenants: readonly TenantApp[], keyIdHex: string): TenantKey | Promise<TenantKey> {
    const id = keyIdFromHex(keyIdHex)
    if (id === undefined) throw unknownKey()
    return this.byIdAt(tenants, id, 0)
  }

  /**
   * The key whose 16-byte identifier stands in `bytes` at `offset`, if it belongs to one of `tenants`: the apps whose
   * data the caller may read. Any other key is unknown here, and KMS is not asked for it.
   * Fails with `ciphertext-invalid` when there is none. Synchronous when warm.
   */
  byIdAt(tenants: readonly TenantApp[], bytes: Uint8Array, offset: number): TenantKey | Promise<TenantKey> {
    const key = this.#shelf.cache.find(bytes, offset)
    if (key === undefined) return this.#findStored(tenants, keyIdToHex(bytes, offset))
    const tenant = ownerAmong(tenants, key.row)
    if (tenant === undefined) throw unknownKey()
    key.use(tenant)
    return key.covered ? key : this.#loader.cover(key, tenant)
  }

  /** Makes the first key of a scope unless there is one, even while its authority is closed. Rejects as `wrap` does. */
  async provision(scope: KeyScope): Promise<WrappedTenantKey> {
    return this.#options.store.newest(nameOf(scope)) ?? (await this.#maker.make(scope, 1))
  }

  /** Makes the next version of a scope's key; it encrypts from then on, older ones still decrypt. */
  async rotate(scope: KeyScope): Promise<WrappedTenantKey> {
    this.#closed.assertOpen(placeOf(scope))
    const version = (this.#options.store.newest(nameOf(scope))?.version ?? 0) + 1
    try {
      return await this.#maker.make(scope, version)
    } catch (thrown) {
      throw this.#failures.ofWrap(thrown, scope.tenant.authority)
    }
  }

  /**
   * Zeroes every key of an authority and closes it: until `reopenAuthority`, look-ups throw what `refusal` makes.
   * Returns how many keys there were. Keys still on their way from KMS are zeroed on arrival.
   */
  wipeAuthority(authorityId: string, refusal: () => Error): number {
    const keys = this.wipeArea(authorityId, undefined, refusal)
    this.#options.keyService.forget(authorityId)
    return keys
  }

  /** Lets an authority's keys be used again. */
  reopenAuthority(authorityId: string): void {
    this.reopenArea(authorityId, undefined)
  }

  /** As `wipeAuthority`, for the keys of one app or of one data class of an app. */
  wipeArea(authorityId: string, area: KeyArea | undefined, refusal: () => Error): number {
    this.#closed.close(authorityId, area, refusal)
    const keys = this.#shelf.cache.wipe(authorityId, area)
    const at = timestamp(this.#options.clock.wallTimeMs())
    this.#options.audit.record({ type: 'tenant-keys.wiped', at, authority: authorityId, keys })
    return keys
  }

  /** Lets the keys of an area be used again. */
  reopenArea(authorityId: string, area: KeyArea | undefined): void {
    this.#closed.reopen(authorityId, area)
  }

  /** Identifiers of an authority's keys that were used within the last `withinMs`, as exactly as this is called often. */
  inUse(authorityId: string, withinMs: number): string[] {
    const now = this.#options.clock.now()
    const used: string[] = []
    for (const key of this.#shelf.cache.ofAuthority(authorityId)) {
      if (key.recent) key.recentAtMs = now
      key.recent = false
      if (now - key.recentAtMs < withinMs) used.push(key.row.keyId)
    }
    return used
  }

  /**
   * Takes in a proof of access that began at `startedAtMs` and on which the authority's lease now rests. Keys that it
   * did not prove and that were not unwrapped since are unwrapped anew before their next use.
   */
  proven(authorityId: string, startedAtMs: number, isProven: (keyId: string) => boolean): void {
    for (const key of this.#shelf.cache.ofAuthority(authorityId)) {
      if (startedAtMs > key.coveredAtMs && isProven(key.row.keyId)) key.coveredAtMs = startedAtMs
      key.covered = key.coveredAtMs >= startedAtMs
    }
  }

  /** Zeroes every key. The keyring can still be used: it starts cold. */
  clear(): void {
    this.#shelf.cache.clear()
  }

  #findActive(scope: KeyScope): TenantKey | Promise<TenantKey> {
    this.#closed.assertOpen(placeOf(scope))
    const generation = this.#options.store.generation
    const row = this.#options.store.newest(nameOf(scope))
    if (row === undefined) return this.#makeActive(scope)
    if (ownerAmong([scope.tenant], row) === undefined) {
      throw new PortcullisError('internal', 'the stored key of this scope belongs to another organization')
    }
    const key = this.#shelf.cache.find(keyIdFromHex(row.keyId)!, 0)
    if (key === undefined) return this.#loader.load(row, scope.tenant)
    this.#active.remember(scope.tenant, key, generation)
    key.recent = true
    return key.covered ? key : this.#loader.cover(key, scope.tenant)
  }

  async #makeActive(scope: KeyScope): Promise<TenantKey> {
    const name = scopePath(scope)
    this.#failures.assertNone(name)
    try {
      await this.#maker.make(scope, 1)
    } catch (thrown) {
      throw this.#failures.remember(name, this.#failures.ofWrap(thrown, scope.tenant.authority))
    }
    return this.#findActive(scope)
  }

  #findStored(tenants: readonly TenantApp[], keyId: string): Promise<TenantKey> {
    const row = this.#options.store.byId(keyId)
    if (row === undefined) return this.#awaitFromOthers(tenants, keyId)
    const tenant = ownerAmong(tenants, row)
    if (tenant === undefined) throw unknownKey()
    this.#closed.assertOpen(row)
    return this.#loader.load(row, tenant)
  }

  /** Another process may have made this key a moment ago: asks the store once, then remembers that it is unknown. */
  async #awaitFromOthers(tenants: readonly TenantApp[], keyId: string): Promise<TenantKey> {
    this.#failures.assertNone(keyId)
    await this.#options.store.refresh()
    if (this.#options.store.byId(keyId) === undefined) throw this.#failures.rememberUnknown(keyId)
    return this.#findStored(tenants, keyId)
  }
}

function ownerAmong(tenants: readonly TenantApp[], row: WrappedTenantKey): TenantApp | undefined {
  for (const tenant of tenants) {
    if (
      tenant.site === row.site &&
      tenant.app === row.app &&
      tenant.organization === row.organization &&
      tenant.authority.id === row.authorityId
    ) {
      return tenant
    }
  }
  return undefined
}

function placeOf({ tenant, dataClass }: KeyScope): KeyPlace {
  return { authorityId: tenant.authority.id, site: tenant.site, app: tenant.app, dataClass }
}

function nameOf({ tenant, dataClass }: KeyScope): WrappedKeyScope {
  return { site: tenant.site, app: tenant.app, dataClass }
}
