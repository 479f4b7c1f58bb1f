import type { SecureSlot, SlotBytes } from '../crypto/secure-memory.ts'
import { SecureMemoryError } from '../crypto/secure-memory.ts'
import { asPortcullisError, PortcullisError } from '../errors.ts'
import type { DataClass, KeyAuthority, TenantApp } from '../tenant/tenant.ts'
import { CachedTenantKey } from './cached-key.ts'
import { timestamp } from './clock.ts'
import type { DenialHandler } from './denial.ts'
import { encryptionContextOf } from './encryption-context.ts'
import { KeyCache } from './key-cache.ts'
import { deriveKeyId, keyIdFromHex, keyIdToHex, TENANT_KEY_BYTES } from './key-id.ts'
import { KeyAccessDenied, KeyServiceUnavailable } from './key-service.ts'
import { NegativeCache } from './negative-cache.ts'
import { newTenantKey } from './new-key.ts'
import type { KeyringLimits, KeyringOptions } from './options.ts'
import { keyringLimits } from './options.ts'
import type { KeyScope } from './scope.ts'
import type { TenantKey } from './tenant-key.ts'
import type { WrappedTenantKey } from './wrapped-key-store.ts'

/** The refresh happens up to this share of its age early, so that keys loaded together part company. */
const REFRESH_JITTER = 0.3
const REFRESH_RETRY_MS = 30_000
const SWEEP_INTERVAL_MS_MAX = 30_000
const NEGATIVE_ENTRIES_MAX = 10_000
const NEGATIVE_UNKNOWN_MS = 5_000
/** Of the time after which a caller is told to come back. */
const NEGATIVE_UNAVAILABLE_SHARE = 0.5
const NEGATIVE_DEFECT_MS = 30_000

/** The newest key of a scope as last looked up, valid while the store's generation stands still. */
interface ActiveKey {
  readonly key: CachedTenantKey
  readonly generation: number
}

/** What a wipe left behind: an unwrap that began in an earlier epoch must not bring its key back. */
interface WipedAuthority {
  epoch: number
  /** Makes the refusal while the authority is closed; undefined once it is open again. */
  refusal: (() => Error) | undefined
}

/**
 * Tenant keys of this process: made on first use, unwrapped on demand, kept in secure memory for a limited time.
 * A warm look-up is synchronous and allocates nothing. Every failure is a `PortcullisError`.
 */
export class Keyring {
  readonly #options: KeyringOptions
  readonly #limits: KeyringLimits
  readonly #cache: KeyCache
  readonly #negative: NegativeCache
  readonly #active = new WeakMap<TenantApp, Map<DataClass, ActiveKey>>()
  readonly #loading = new Map<string, Promise<CachedTenantKey>>()
  readonly #creating = new Map<string, Promise<WrappedTenantKey>>()
  readonly #wiped = new Map<string, WipedAuthority>()
  readonly #random: () => number
  #denials: DenialHandler | undefined

  constructor(options: KeyringOptions) {
    this.#options = options
    this.#limits = keyringLimits(options)
    this.#cache = new KeyCache(
      this.#limits,
      options.clock,
      Math.min(SWEEP_INTERVAL_MS_MAX, this.#limits.lifetimeMs / 4),
    )
    this.#negative = new NegativeCache(options.clock, NEGATIVE_ENTRIES_MAX)
    this.#random = options.random ?? Math.random
  }

  /** Says who judges denials met while loading keys; without one they reject as they are. */
  reportDenialsTo(handler: DenialHandler): void {
    this.#denials = handler
  }

  /** Tenant keys in memory. */
  get size(): number {
    return this.#cache.size
  }

  /** The key that encrypts for a scope, made on first use. Synchronous when warm; may throw as well as reject. */
  active(scope: KeyScope): TenantKey | Promise<TenantKey> {
    const now = this.#options.clock.now()
    const active = this.#active.get(scope.tenant)?.get(scope.dataClass)
    if (active !== undefined && active.generation === this.#options.store.generation) {
      const key = active.key
      if (key.alive && now < key.expiresAtMs) {
        key.lastUsedAtMs = now
        if (now >= key.refreshAtMs) this.#refresh(key, scope.tenant)
        return key
      }
    }
    return this.#findActive(scope, now)
  }

  /** As `byIdAt`, from 32 hex digits. */
  byId(tenants: readonly TenantApp[], keyIdHex: string): TenantKey | Promise<TenantKey> {
    const id = keyIdFromHex(keyIdHex)
    if (id === undefined) throw unknownKey()
    return this.byIdAt(tenants, id, 0)
  }

  /**
   * The key whose 16-byte identifier stands in `bytes` at `offset`, if it belongs to one of `tenants`: the apps whose
   * data the caller may read. Any other key is unknown here, and nothing is asked of KMS for it.
   * Throws or rejects with `ciphertext-invalid` when there is none. Synchronous when warm.
   */
  byIdAt(tenants: readonly TenantApp[], bytes: Uint8Array, offset: number): TenantKey | Promise<TenantKey> {
    const now = this.#options.clock.now()
    const key = this.#cache.find(bytes, offset, now)
    if (key === undefined) return this.#findStored(tenants, keyIdToHex(bytes, offset))
    const tenant = ownerAmong(tenants, key.row)
    if (tenant === undefined) throw unknownKey()
    if (now >= key.refreshAtMs) this.#refresh(key, tenant)
    return key
  }

  /** Makes the first key of a scope unless there is one, even while its authority is closed. Rejects as `wrap` does. */
  async provision(scope: KeyScope): Promise<WrappedTenantKey> {
    return this.#options.store.newest(scopeName(scope)) ?? (await this.#create(scope, 1))
  }

  /** Makes the next version of a scope's key; it encrypts from then on, older ones still decrypt. */
  async rotate(scope: KeyScope): Promise<WrappedTenantKey> {
    this.#assertOpen(scope.tenant.authority.id)
    const newest = this.#options.store.newest(scopeName(scope))
    return this.#guarded(scope.tenant.authority, undefined, this.#create(scope, (newest?.version ?? 0) + 1))
  }

  /**
   * Zeroes every key of an authority and closes it: until `reopenAuthority`, all look-ups throw what `refusal` makes.
   * Returns how many keys there were. Keys still on their way from KMS are zeroed on arrival.
   */
  wipeAuthority(authorityId: string, refusal: () => Error): number {
    const epoch = (this.#wiped.get(authorityId)?.epoch ?? 0) + 1
    this.#wiped.set(authorityId, { epoch, refusal })
    const keys = this.#cache.wipeAuthority(authorityId)
    this.#options.keyService.forget(authorityId)
    const at = timestamp(this.#options.clock.wallTimeMs())
    this.#options.audit.record({ type: 'tenant-keys.wiped', at, authority: authorityId, keys })
    return keys
  }

  /** Lets an authority's keys be used again. */
  reopenAuthority(authorityId: string): void {
    const wiped = this.#wiped.get(authorityId)
    if (wiped !== undefined) wiped.refusal = undefined
  }

  /** Zeroes every key. The keyring can still be used: it starts cold. */
  clear(): void {
    this.#cache.clear()
  }

  #findActive(scope: KeyScope, nowMs: number): TenantKey | Promise<TenantKey> {
    this.#assertOpen(scope.tenant.authority.id)
    const generation = this.#options.store.generation
    const row = this.#options.store.newest(scopeName(scope))
    if (row === undefined) return this.#createAndLoad(scope)
    if (ownerAmong([scope.tenant], row) === undefined) {
      throw new PortcullisError('internal', 'the stored key of this scope belongs to another organization')
    }
    const key = this.#cache.find(keyIdFromHex(row.keyId)!, 0, nowMs)
    if (key === undefined) return this.#load(row, scope.tenant)
    let classes = this.#active.get(scope.tenant)
    if (classes === undefined) this.#active.set(scope.tenant, (classes = new Map()))
    classes.set(scope.dataClass, { key, generation })
    return key
  }

  async #createAndLoad(scope: KeyScope): Promise<TenantKey> {
    const name = scopePath(scope)
    const failure = this.#negative.get(name)
    if (failure !== undefined) throw this.#refuseNegative(failure, scope.tenant.authority.id)
    try {
      const row = await this.#guarded(scope.tenant.authority, undefined, this.#create(scope, 1))
      this.#assertOpen(row.authorityId)
      return (
        this.#cache.find(keyIdFromHex(row.keyId)!, 0, this.#options.clock.now()) ??
        (await this.#load(row, scope.tenant))
      )
    } catch (thrown) {
      throw this.#rememberFailure(name, thrown)
    }
  }

  #findStored(tenants: readonly TenantApp[], keyId: string): Promise<TenantKey> {
    const row = this.#options.store.byId(keyId)
    if (row === undefined) return this.#awaitFromOthers(tenants, keyId)
    const tenant = ownerAmong(tenants, row)
    if (tenant === undefined) throw unknownKey()
    this.#assertOpen(row.authorityId)
    return this.#load(row, tenant)
  }

  /** Another process may have made this key a moment ago: asks the store once, then remembers that it is unknown. */
  async #awaitFromOthers(tenants: readonly TenantApp[], keyId: string): Promise<TenantKey> {
    const failure = this.#negative.get(keyId)
    if (failure !== undefined) throw this.#refuseNegative(failure, tenants[0]?.authority.id ?? '')
    await this.#options.store.refresh()
    if (this.#options.store.byId(keyId) !== undefined) return this.#findStored(tenants, keyId)
    const unknown = unknownKey()
    this.#negative.set(keyId, unknown, NEGATIVE_UNKNOWN_MS)
    throw unknown
  }

  /** Unwraps a stored key into the cache; one KMS call however many ask. */
  #load(row: WrappedTenantKey, tenant: TenantApp): Promise<CachedTenantKey> {
    const loading = this.#loading.get(row.keyId)
    if (loading !== undefined) return loading
    const failure = this.#negative.get(row.keyId)
    if (failure !== undefined) throw this.#refuseNegative(failure, row.authorityId)
    const load = this.#unwrapIntoCache(row, tenant).finally(() => this.#loading.delete(row.keyId))
    this.#loading.set(row.keyId, load)
    return load
  }

  async #unwrapIntoCache(row: WrappedTenantKey, tenant: TenantApp): Promise<CachedTenantKey> {
    const startedAtMs = this.#options.clock.now()
    try {
      const key = await this.#guarded(
        tenant.authority,
        row.keyId,
        this.#withUnwrapped(row, tenant, (plaintext, id) => {
          const root = this.#allocate(TENANT_KEY_BYTES)
          root.bytes.set(plaintext)
          return this.#cached(root, id, row, tenant, startedAtMs)
        }),
      )
      this.#observe('loaded', row.authorityId)
      return key
    } catch (thrown) {
      this.#observe('load-failed', row.authorityId)
      throw this.#rememberFailure(row.keyId, thrown)
    }
  }

  /** Unwraps, checks the commitment and the epoch, and hands the plaintext to `use` before zeroing it. */
  async #withUnwrapped<T>(
    row: WrappedTenantKey,
    tenant: TenantApp,
    use: (plaintext: Uint8Array, id: Uint8Array) => T,
  ): Promise<T> {
    const epoch = this.#epoch(row.authorityId)
    const { plaintext } = await this.#options.keyService.unwrap(
      tenant.authority,
      row.copies,
      encryptionContextOf(row),
    )
    try {
      if (epoch !== this.#epoch(row.authorityId)) throw this.#closedRefusal(row.authorityId)
      const id = plaintext.length === TENANT_KEY_BYTES ? deriveKeyId(plaintext) : undefined
      if (id === undefined || keyIdToHex(id) !== row.keyId) throw this.#refuseCommitment(row)
      return use(plaintext, id)
    } finally {
      plaintext.fill(0)
    }
  }

  #refresh(key: CachedTenantKey, tenant: TenantApp): void {
    if (key.refreshing) return
    key.refreshing = true
    const startedAtMs = this.#options.clock.now()
    const renewal = this.#withUnwrapped(key.row, tenant, () => {
      key.scope = { tenant, dataClass: key.dataClass }
      Object.assign(key, this.#lifetime(startedAtMs))
      this.#observe('refreshed', key.authorityId)
    })
    this.#guarded(tenant.authority, key.row.keyId, renewal)
      .catch(() => {
        key.refreshAtMs = this.#options.clock.now() + REFRESH_RETRY_MS * (1 - REFRESH_JITTER * this.#random())
        this.#observe('refresh-failed', key.authorityId)
      })
      .finally(() => {
        key.refreshing = false
      })
  }

  /** Makes, wraps and stores one version; single-flight. The store settles who won when several processes try. */
  #create(scope: KeyScope, version: number): Promise<WrappedTenantKey> {
    const name = `${scopePath(scope)}\n${version}`
    const creating = this.#creating.get(name)
    if (creating !== undefined) return creating
    const create = this.#wrapAndStore(scope, version).finally(() => this.#creating.delete(name))
    this.#creating.set(name, create)
    return create
  }

  async #wrapAndStore(scope: KeyScope, version: number): Promise<WrappedTenantKey> {
    const { clock, store, keyService } = this.#options
    const epoch = this.#epoch(scope.tenant.authority.id)
    const startedAtMs = clock.now()
    const createdAt = timestamp(clock.wallTimeMs())
    const { root, id, row } = await newTenantKey(scope, version, createdAt, keyService, this.#allocate)
    let kept = false
    try {
      const stored = await store.add(row)
      if (stored.keyId !== row.keyId) return stored
      const { organization, site, app, dataClass, keyId, authorityId } = row
      const event = {
        organization,
        site,
        app,
        dataClass,
        keyId,
        version,
        authority: authorityId,
        at: createdAt,
      }
      this.#options.audit.record({ type: 'tenant-key.created', ...event })
      this.#observe('created', authorityId)
      kept = epoch === this.#epoch(authorityId) && this.#wiped.get(authorityId)?.refusal === undefined
      if (kept) this.#cached(root, id, row, scope.tenant, startedAtMs)
      return stored
    } finally {
      if (!kept) root.wipe()
    }
  }

  #cached(
    root: SecureSlot,
    id: Uint8Array,
    row: WrappedTenantKey,
    tenant: TenantApp,
    startedAtMs: number,
  ): CachedTenantKey {
    const now = this.#options.clock.now()
    const key = new CachedTenantKey(this.#allocate, root, id, row, tenant, this.#lifetime(startedAtMs), now)
    this.#cache.add(key)
    return key
  }

  #lifetime(startedAtMs: number): { refreshAtMs: number; expiresAtMs: number } {
    const refreshAfterMs = this.#limits.refreshAfterMs * (1 - REFRESH_JITTER * this.#random())
    return { refreshAtMs: startedAtMs + refreshAfterMs, expiresAtMs: startedAtMs + this.#limits.lifetimeMs }
  }

  /** Secure memory, making room by eviction when it is full. */
  readonly #allocate = (bytes: SlotBytes): SecureSlot => {
    for (;;) {
      try {
        return this.#options.memory.allocate(bytes)
      } catch (cause) {
        if (cause instanceof SecureMemoryError && this.#cache.evictOne()) continue
        throw new PortcullisError('overloaded', 'no secure memory is left for another key', {
          cause,
          retryAfterSeconds: 1,
        })
      }
    }
  }

  /** Turns what the key service rejects with into what a request is refused with. */
  async #guarded<T>(authority: KeyAuthority, keyId: string | undefined, work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (thrown) {
      if (thrown instanceof KeyAccessDenied && this.#denials !== undefined) {
        throw keyId === undefined
          ? this.#denials.wrapDenied(authority, thrown)
          : this.#denials.unwrapDenied(authority, thrown, keyId)
      }
      if (thrown instanceof KeyServiceUnavailable) {
        throw new PortcullisError('key-service-unavailable', 'the key service gave no answer', {
          cause: thrown,
          retryAfterSeconds: 1,
        })
      }
      throw asPortcullisError(thrown)
    }
  }

  #rememberFailure(name: string, thrown: unknown): Error {
    const error = asPortcullisError(thrown)
    if (error.code === 'key-service-unavailable') {
      this.#negative.set(name, error, (error.retryAfterSeconds ?? 1) * 1000 * NEGATIVE_UNAVAILABLE_SHARE)
    }
    if (error.code === 'internal' || error.code === 'ciphertext-invalid') {
      this.#negative.set(name, error, NEGATIVE_DEFECT_MS)
    }
    return error
  }

  #refuseNegative(failure: Error, authorityId: string): Error {
    this.#observe('refused-negative', authorityId)
    return failure
  }

  #refuseCommitment(row: WrappedTenantKey): PortcullisError {
    const { organization, site, app, keyId, authorityId: authority } = row
    const at = timestamp(this.#options.clock.wallTimeMs())
    const detail = 'the unwrapped tenant key does not match its identifier'
    const event = { at, authority, organization, site, app, keyId, detail }
    this.#options.audit.record({ type: 'ciphertext.refused', ...event })
    return new PortcullisError('ciphertext-invalid', detail)
  }

  #epoch(authorityId: string): number {
    return this.#wiped.get(authorityId)?.epoch ?? 0
  }

  #assertOpen(authorityId: string): void {
    const refusal = this.#wiped.get(authorityId)?.refusal
    if (refusal !== undefined) throw refusal()
  }

  #closedRefusal(authorityId: string): Error {
    return (
      this.#wiped.get(authorityId)?.refusal?.() ??
      new PortcullisError('key-service-unavailable', 'access was withdrawn while the key was loading', {
        retryAfterSeconds: 1,
      })
    )
  }

  #observe(event: Parameters<NonNullable<KeyringOptions['observe']>>[0], authorityId: string): void {
    this.#options.observe?.(event, authorityId)
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

function scopeName(scope: KeyScope): { site: string; app: TenantApp['app']; dataClass: DataClass } {
  return { site: scope.tenant.site, app: scope.tenant.app, dataClass: scope.dataClass }
}

function scopePath(scope: KeyScope): string {
  return `${scope.tenant.organization}\n${scope.tenant.site}\n${scope.tenant.app}\n${scope.dataClass}`
}

function unknownKey(): PortcullisError {
  return new PortcullisError(
    'ciphertext-invalid',
    'the ciphertext names a key that this tenant does not have',
  )
}
