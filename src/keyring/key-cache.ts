import type { Clock, Timer } from './clock.ts'
import type { CachedTenantKey } from './cached-key.ts'
import type { KeyArea } from './key-area.ts'
import { isInArea } from './key-area.ts'
import { isKeyIdAt } from './key-id.ts'

/** Limits of the cache; entries are tenant keys. */
export interface KeyCacheLimits {
  readonly keysMax: number
  readonly keysPerAuthorityMax: number
  /** How often keys are looked over for their end and their renewal. */
  readonly sweepIntervalMs: number
}

/**
 * Cached tenant keys by identifier, with entry caps, absolute expiry and wiping per authority.
 * A hit costs one map look-up on an integer and 16 byte comparisons, reads no clock and allocates nothing:
 * a sweep ends keys ahead of time rather than late.
 */
export class KeyCache {
  /** First four bytes of the identifier to the keys that share them; identifiers are uniform, so nearly always one. */
  readonly #buckets = new Map<number, CachedTenantKey>()
  /** Queue for eviction by second chance: a used key goes to the back when its turn comes. */
  readonly #queue = new Set<CachedTenantKey>()
  /** Lists, since most authorities have one key here: a set of one takes four times as much. */
  readonly #byAuthority = new Map<string, CachedTenantKey[]>()
  readonly #limits: KeyCacheLimits
  readonly #clock: Clock
  readonly #renew: (key: CachedTenantKey) => void
  #sweep: Timer | undefined

  /** `renew` is called for keys in use whose time of refresh has come. */
  constructor(limits: KeyCacheLimits, clock: Clock, renew: (key: CachedTenantKey) => void) {
    this.#limits = limits
    this.#clock = clock
    this.#renew = renew
  }

  get size(): number {
    return this.#queue.size
  }

  /** The key whose identifier stands in `bytes` at `offset`. */
  find(bytes: Uint8Array, offset: number): CachedTenantKey | undefined {
    let key = this.#buckets.get(prefixAt(bytes, offset))
    while (key !== undefined && !isKeyIdAt(key.id, bytes, offset)) key = key.nextInBucket
    return key
  }

  /** Adds a key that is not there yet, evicting the least used ones where a cap is reached. */
  add(key: CachedTenantKey): void {
    while (this.#countOf(key.authorityId) >= this.#limits.keysPerAuthorityMax) this.#evictOf(key.authorityId)
    while (this.#queue.size >= this.#limits.keysMax) this.evictOne()
    const prefix = prefixAt(key.id, 0)
    key.nextInBucket = this.#buckets.get(prefix)
    this.#buckets.set(prefix, key)
    this.#queue.add(key)
    const siblings = this.#byAuthority.get(key.authorityId)
    if (siblings === undefined) this.#byAuthority.set(key.authorityId, [key])
    else siblings.push(key)
    this.#sweep ??= this.#clock.setTimer(this.#sweepKeys, this.#limits.sweepIntervalMs)
  }

  /** Frees memory for another key; false when there is nothing left to evict. */
  evictOne(): boolean {
    for (const key of this.#queue) {
      if (!key.used) {
        this.#remove(key)
        return true
      }
      key.used = false
      this.#queue.delete(key)
      this.#queue.add(key)
    }
    return false
  }

  /** The keys of an authority. */
  ofAuthority(authorityId: string): readonly CachedTenantKey[] {
    return this.#byAuthority.get(authorityId) ?? []
  }

  /** Wipes the keys of an area of an authority, or all, and says how many there were. */
  wipe(authorityId: string, area: KeyArea | undefined): number {
    const keys = this.ofAuthority(authorityId).filter((key) => isInArea(key.row, area))
    for (const key of keys) this.#remove(key)
    return keys.length
  }

  /** Wipes everything. */
  clear(): void {
    for (const key of this.#queue) this.#remove(key)
    this.#sweep?.cancel()
    this.#sweep = undefined
  }

  #countOf(authorityId: string): number {
    return this.#byAuthority.get(authorityId)?.length ?? 0
  }

  /** Evicts one key of an authority that has some, by second chance as well. */
  #evictOf(authorityId: string): void {
    const siblings = this.#byAuthority.get(authorityId)!
    const unused = siblings.findIndex((key) => !key.used)
    const passed = siblings.splice(0, unused === -1 ? siblings.length : unused)
    for (const key of passed) key.used = false
    siblings.push(...passed)
    this.#remove(siblings[0]!)
  }

  #remove(key: CachedTenantKey): void {
    key.wipe()
    this.#queue.delete(key)
    const siblings = this.#byAuthority.get(key.authorityId)!
    siblings.splice(siblings.indexOf(key), 1)
    if (siblings.length === 0) this.#byAuthority.delete(key.authorityId)
    const prefix = prefixAt(key.id, 0)
    const first = this.#buckets.get(prefix)
    if (first === key) {
      if (key.nextInBucket === undefined) this.#buckets.delete(prefix)
      else this.#buckets.set(prefix, key.nextInBucket)
      return
    }
    for (let other = first; other !== undefined; other = other.nextInBucket) {
      if (other.nextInBucket === key) other.nextInBucket = key.nextInBucket
    }
  }

  readonly #sweepKeys = (): void => {
    const now = this.#clock.now()
    const { sweepIntervalMs } = this.#limits
    for (const key of this.#queue) {
      if (now + sweepIntervalMs >= key.expiresAtMs) this.#remove(key)
      else if (now >= key.refreshAtMs && key.wanted) this.#renew(key)
    }
    this.#sweep = this.#queue.size === 0 ? undefined : this.#clock.setTimer(this.#sweepKeys, sweepIntervalMs)
  }
}

function prefixAt(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!
}
