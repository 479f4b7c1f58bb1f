import type { SecureSlot, SlotBytes } from '../crypto/secure-memory.ts'
import { SecureMemoryError } from '../crypto/secure-memory.ts'
import { PortcullisError } from '../errors.ts'
import type { TenantApp } from '../tenant/tenant.ts'
import { CachedTenantKey, type KeyLifetime } from './cached-key.ts'
import { KeyCache } from './key-cache.ts'
import type { KeyringLimits, KeyringOptions } from './options.ts'
import type { WrappedTenantKey } from './wrapped-key-store.ts'

/** The refresh happens up to this share of its age early, so that keys loaded together part company. */
const REFRESH_JITTER = 0.3

/** Where unwrapped keys stand: secure memory, lifetimes and the cache over both. */
export class KeyShelf {
  readonly cache: KeyCache
  readonly #options: KeyringOptions
  readonly #limits: KeyringLimits
  readonly #random: () => number

  /** `renew` is called for keys in use whose time of refresh has come. */
  constructor(options: KeyringOptions, limits: KeyringLimits, renew: (key: CachedTenantKey) => void) {
    this.#options = options
    this.#limits = limits
    this.#random = options.random ?? Math.random
    this.cache = new KeyCache(limits, options.clock, renew)
  }

  /** Secure memory, making room by eviction when it is full. Throws `overloaded` when there is none. */
  readonly allocate = (bytes: SlotBytes): SecureSlot => {
    for (;;) {
      try {
        return this.#options.memory.allocate(bytes)
      } catch (cause) {
        if (cause instanceof SecureMemoryError && this.cache.evictOne()) continue
        throw new PortcullisError('overloaded', 'no secure memory is left for another key', {
          cause,
          retryAfterSeconds: 1,
        })
      }
    }
  }

  /** Caches a key whose unwrap (or making) started at `startedAtMs`: its life counts from there. Takes over `root`. */
  put(
    root: SecureSlot,
    id: Uint8Array,
    row: WrappedTenantKey,
    tenant: TenantApp,
    startedAtMs: number,
  ): CachedTenantKey {
    const present = this.cache.find(id, 0)
    if (present !== undefined) {
      root.wipe()
      return present
    }
    const key = new CachedTenantKey(this.allocate, root, id, row, tenant, this.#lifetime(startedAtMs))
    this.cache.add(key)
    return key
  }

  /** Prolongs a key's life after another successful unwrap. */
  prolong(key: CachedTenantKey, startedAtMs: number): void {
    const { refreshAtMs, expiresAtMs } = this.#lifetime(startedAtMs)
    key.refreshAtMs = refreshAtMs
    key.expiresAtMs = expiresAtMs
    key.wanted = false
    key.covered = true
    key.coveredAtMs = startedAtMs
  }

  /** At most the given duration, less some jitter. */
  jittered(durationMs: number): number {
    return durationMs * (1 - REFRESH_JITTER * this.#random())
  }

  #lifetime(startedAtMs: number): KeyLifetime {
    return {
      startedAtMs,
      refreshAtMs: startedAtMs + this.jittered(this.#limits.refreshAfterMs),
      expiresAtMs: startedAtMs + this.#limits.lifetimeMs,
    }
  }
}
