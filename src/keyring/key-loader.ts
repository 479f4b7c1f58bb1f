import { PortcullisError } from '../errors.ts'
import type { TenantApp } from '../tenant/tenant.ts'
import type { CachedTenantKey } from './cached-key.ts'
import type { ClosedAuthorities } from './closed-authorities.ts'
import { timestamp } from './clock.ts'
import { encryptionContextOf } from './encryption-context.ts'
import type { Failures } from './failures.ts'
import { deriveKeyId, keyIdToHex, TENANT_KEY_BYTES } from './key-id.ts'
import type { KeyShelf } from './key-shelf.ts'
import type { KeyringOptions } from './options.ts'
import type { WrappedTenantKey } from './wrapped-key-store.ts'

const REFRESH_RETRY_MS = 30_000

/** Brings stored tenant keys from KMS into the shelf, and renews them before they end. */
export class KeyLoader {
  readonly #options: KeyringOptions
  readonly #shelf: KeyShelf
  readonly #closed: ClosedAuthorities
  readonly #failures: Failures
  readonly #loading = new Map<string, Promise<CachedTenantKey>>()

  constructor(options: KeyringOptions, shelf: KeyShelf, closed: ClosedAuthorities, failures: Failures) {
    this.#options = options
    this.#shelf = shelf
    this.#closed = closed
    this.#failures = failures
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
      .catch((thrown: unknown) => {
        this.#failures.ofUnwrap(thrown, tenant.authority, key.row.keyId)
        key.refreshAtMs = this.#options.clock.now() + this.#shelf.jittered(REFRESH_RETRY_MS)
        this.#options.observe?.('refresh-failed', key.authorityId)
      })
      .finally(() => {
        key.refreshing = false
      })
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
      throw this.#failures.remember(row.keyId, this.#failures.ofUnwrap(thrown, tenant.authority, row.keyId))
    }
  }

  /** Unwraps, checks that nothing was wiped meanwhile and that the key matches its identifier, then zeroes the plaintext. */
  async #unwrap<T>(
    row: WrappedTenantKey,
    tenant: TenantApp,
    use: (plaintext: Uint8Array, id: Uint8Array) => T,
  ): Promise<T> {
    const epoch = this.#closed.epoch(row.authorityId)
    const context = encryptionContextOf(row)
    const { plaintext } = await this.#options.keyService.unwrap(tenant.authority, row.copies, context)
    try {
      this.#closed.assertOpenSince(row.authorityId, epoch)
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
