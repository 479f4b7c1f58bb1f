import { PortcullisError } from '../errors.ts'
import type { TenantApp } from '../tenant/tenant.ts'
import type { CachedTenantKey } from './cached-key.ts'
import type { ClosedAreas } from './closed-areas.ts'
import { timestamp } from './clock.ts'
import { encryptionContextOf } from './encryption-context.ts'
import type { Failures } from './failures.ts'
import { deriveKeyId, keyIdToHex, TENANT_KEY_BYTES } from './key-id.ts'
import type { KeyShelf } from './key-shelf.ts'
import { KeyServiceUnavailable } from './key-service.ts'
import type { KeyringOptions } from './options.ts'
import { OUTAGE_GRACE_MS } from './options.ts'
import type { WrappedTenantKey } from './wrapped-key-store.ts'

const REFRESH_RETRY_MS = 30_000

/** Brings stored tenant keys from KMS into the shelf, and renews them before they end. */
export class KeyLoader {
  readonly #options: KeyringOptions
  readonly #shelf: KeyShelf
  readonly #closed: ClosedAreas
  readonly #failures: Failures
  readonly #outageGraceMs: number
  readonly #loading = new Map<string, Promise<CachedTenantKey>>()

  constructor(options: KeyringOptions, shelf: KeyShelf, closed: ClosedAreas, failures: Failures) {
    this.#options = options
    this.#shelf = shelf
    this.#closed = closed
    this.#failures = failures
    this.#outageGraceMs = options.outageGraceMs ?? OUTAGE_GRACE_MS
  }

  /** Unwraps a stored key into the shelf; one KMS call however many ask. Throws or rejects with the refusal. */
  load(row: WrappedTenantKey, tenant: TenantApp): Promise<CachedTenantKey> {
    const loading = this.#loading.get(row.keyId)
    if (loading !== undefined) return loading
    this.#failures.assertNone(row.keyId)
    const load = this.#load(row, tenant).finally(() => this.#loading.delete(row.keyId))
    this.#loading.set(row.keyId, load)
    return load
  }

  /**
   * Unwraps a cached key anew before it is used again, since the proofs have gone on without it. Without a verdict it
   * may be used for as long as an outage is bridged. Rejects with the refusal.
   */
  cover(key: CachedTenantKey, tenant: TenantApp): Promise<CachedTenantKey> {
    const { keyId } = key.row
    const loading = this.#loading.get(keyId)
    if (loading !== undefined) return loading
    this.#failures.assertNone(keyId)
    const cover = this.#cover(key, tenant).finally(() => this.#loading.delete(keyId))
    this.#loading.set(keyId, cover)
    return cover
  }

  /** Unwraps a cached key anew in the background; the bytes stay, only its life is prolonged. */
  refresh(key: CachedTenantKey): void {
    if (key.refreshing) return
    key.refreshing = true
    const { tenant } = key.scope
    const startedAtMs = this.#options.clock.now()
    this.#unwrap(key.row, tenant, () => {
      this.#shelf.prolong(key, startedAtMs)
      this.#options.observe?.('refreshed', key.authorityId)
    })
      .catch(async (thrown: unknown) => {
        await this.#failures.ofUnwrap(thrown, tenant.authority, key.row.keyId)
        key.refreshAtMs = this.#options.clock.now() + this.#shelf.jittered(REFRESH_RETRY_MS)
        this.#options.observe?.('refresh-failed', key.authorityId)
      })
      .finally(() => {
        key.refreshing = false
      })
  }

  async #cover(key: CachedTenantKey, tenant: TenantApp): Promise<CachedTenantKey> {
    const startedAtMs = this.#options.clock.now()
    try {
      await this.#unwrap(key.row, tenant, () => this.#shelf.prolong(key, startedAtMs))
    } catch (thrown) {
      const bridged = key.alive && startedAtMs - key.coveredAtMs < this.#outageGraceMs
      if (thrown instanceof KeyServiceUnavailable && bridged) {
        key.covered = true
      } else {
        const refusal = await this.#failures.ofUnwrap(thrown, tenant.authority, key.row.keyId)
        throw this.#failures.remember(key.row.keyId, refusal)
      }
    }
    // Evicted meanwhile: as if it had never been there.
    return key.alive ? key : this.#load(key.row, tenant)
  }

  async #load(row: WrappedTenantKey, tenant: TenantApp): Promise<CachedTenantKey> {
    const startedAtMs = this.#options.clock.now()
    try {
      const key = await this.#unwrap(row, tenant, (plaintext, id) => {
        const root = this.#shelf.allocate(TENANT_KEY_BYTES)
        root.bytes.set(plaintext)
        return this.#shelf.put(root, id, row, tenant, startedAtMs)
      })
      this.#options.observe?.('loaded', row.authorityId)
      return key
    } catch (thrown) {
      this.#options.observe?.('load-failed', row.authorityId)
      const refusal = await this.#failures.ofUnwrap(thrown, tenant.authority, row.keyId)
      throw this.#failures.remember(row.keyId, refusal)
    }
  }

  /** Unwraps, checks that nothing was wiped meanwhile and that the key matches its identifier, then zeroes the plaintext. */
  async #unwrap<T>(
    row: WrappedTenantKey,
    tenant: TenantApp,
    use: (plaintext: Uint8Array, id: Uint8Array) => T,
  ): Promise<T> {
    const epoch = this.#closed.epoch(row)
    const context = encryptionContextOf(row)
    const { plaintext } = await this.#options.keyService.unwrap(tenant.authority, row.copies, context)
    try {
      this.#closed.assertOpenSince(row, epoch)
      const id = plaintext.length === TENANT_KEY_BYTES ? deriveKeyId(plaintext) : undefined
      if (id === undefined || keyIdToHex(id) !== row.keyId) throw this.#refuseCommitment(row)
      return use(plaintext, id)
    } finally {
      plaintext.fill(0)
    }
  }

  #refuseCommitment(row: WrappedTenantKey): PortcullisError {
    const { organization, site, app, keyId, authorityId: authority } = row
    const at = timestamp(this.#options.clock.wallTimeMs())
    const detail = 'the unwrapped tenant key does not match its identifier'
    const event = { at, authority, organization, site, app, keyId, detail }
    this.#options.audit.record({ type: 'ciphertext.refused', ...event })
    return new PortcullisError('ciphertext-invalid', detail)
  }
}
