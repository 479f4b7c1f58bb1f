import { hkdfSha256 } from '../crypto/hkdf.ts'
import type { SecureSlot, SlotBytes } from '../crypto/secure-memory.ts'
import { PortcullisError } from '../errors.ts'
import type { TenantApp } from '../tenant/tenant.ts'
import type { KeyScope } from './scope.ts'
import type { DerivedPurpose, TenantKey } from './tenant-key.ts'
import type { WrappedTenantKey } from './wrapped-key-store.ts'

const NO_SALT = new Uint8Array(0)

/** HKDF parameters of each purpose (docs/SPEC.md): the info string and the output length. */
const PURPOSES: Readonly<Record<DerivedPurpose, { readonly info: Buffer; readonly bytes: SlotBytes }>> = {
  'field-1': { info: Buffer.from('portcullis/field-1/v1'), bytes: 32 },
  'field-2': { info: Buffer.from('portcullis/field-2/v1'), bytes: 32 },
  'field-3': { info: Buffer.from('portcullis/field-3/v1'), bytes: 64 },
  stream: { info: Buffer.from('portcullis/stream/v1'), bytes: 32 },
}

/** Gives out secure memory; throws a `PortcullisError` when there is none. */
export type AllocateSlot = (bytes: SlotBytes) => SecureSlot

/** When a cached key is refreshed and when it ends, on the injected clock. */
export interface KeyLifetime {
  /** When the unwrap began that the life counts from. */
  readonly startedAtMs: number
  readonly refreshAtMs: number
  readonly expiresAtMs: number
}

/**
 * A tenant key in this process's memory, the one owner of its bytes. Only the cache makes, renews and wipes it.
 * Derived keys are made on first use: most tenants only ever need one.
 */
export class CachedTenantKey implements TenantKey {
  readonly id: Uint8Array
  readonly row: WrappedTenantKey
  scope: KeyScope
  expiresAtMs: number
  refreshAtMs: number
  /** Used since the cache last considered it for eviction. */
  used = false
  /** Used since it was last unwrapped: worth another unwrap when that grows old. */
  wanted = false
  refreshing = false
  /**
   * True while the proofs that the authority's lease rests on include this key, or it was unwrapped later than those
   * began. Used without that, a key is unwrapped anew first.
   */
  covered = true
  /** Start of the newest unwrap of this key, by this process or by a proof. */
  coveredAtMs: number
  /** Used since the uses were last counted, and when that last was so. */
  recent = true
  recentAtMs: number
  /** Next key in the cache whose identifier begins with the same four bytes. */
  nextInBucket: CachedTenantKey | undefined = undefined

  readonly #allocate: AllocateSlot
  readonly #root: SecureSlot
  #field1: SecureSlot | undefined
  #field2: SecureSlot | undefined
  #field3: SecureSlot | undefined
  #stream: SecureSlot | undefined

  /** Takes ownership of `root`, whose identifier the caller has checked to be `id`. */
  constructor(
    allocate: AllocateSlot,
    root: SecureSlot,
    id: Uint8Array,
    row: WrappedTenantKey,
    tenant: TenantApp,
    lifetime: KeyLifetime,
  ) {
    this.#allocate = allocate
    this.#root = root
    this.id = id
    this.row = row
    this.scope = { tenant, dataClass: row.dataClass }
    this.expiresAtMs = lifetime.expiresAtMs
    this.refreshAtMs = lifetime.refreshAtMs
    this.coveredAtMs = lifetime.startedAtMs
    this.recentAtMs = lifetime.startedAtMs
  }

  /** Notes a use on behalf of `tenant`; the directory may have replaced the object since the last one. */
  use(tenant: TenantApp): void {
    this.used = true
    this.wanted = true
    this.recent = true
    if (this.scope.tenant !== tenant) this.scope = { tenant, dataClass: this.row.dataClass }
  }

  get authorityId(): string {
    return this.row.authorityId
  }

  get alive(): boolean {
    return this.#root.alive
  }

  derived(purpose: DerivedPurpose): Uint8Array {
    if (purpose === 'field-1') return (this.#field1 ??= this.#derive(purpose)).bytes
    if (purpose === 'field-2') return (this.#field2 ??= this.#derive(purpose)).bytes
    if (purpose === 'field-3') return (this.#field3 ??= this.#derive(purpose)).bytes
    return (this.#stream ??= this.#derive(purpose)).bytes
  }

  /** Zeroes the key and everything derived from it. */
  wipe(): void {
    this.#root.wipe()
    this.#field1?.wipe()
    this.#field2?.wipe()
    this.#field3?.wipe()
    this.#stream?.wipe()
    this.#field1 = this.#field2 = this.#field3 = this.#stream = undefined
  }

  #derive(purpose: DerivedPurpose): SecureSlot {
    const { info, bytes } = PURPOSES[purpose]
    if (!this.#root.alive) throw wipedWhileInUse()
    const slot = this.#allocate(bytes)
    if (!this.#root.alive) {
      slot.wipe()
      throw wipedWhileInUse()
    }
    hkdfSha256(slot.bytes, this.#root.bytes, NO_SALT, info)
    return slot
  }
}

function wipedWhileInUse(): PortcullisError {
  return new PortcullisError('key-service-unavailable', 'the tenant key was wiped while in use', {
    retryAfterSeconds: 1,
  })
}
