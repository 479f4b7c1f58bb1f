import type { ClosedAreas } from './closed-areas.ts'
import { timestamp } from './clock.ts'
import type { KeyShelf } from './key-shelf.ts'
import { newTenantKey } from './new-key.ts'
import type { KeyringOptions } from './options.ts'
import type { KeyScope } from './scope.ts'
import { scopePath } from './scope.ts'
import type { WrappedTenantKey } from './wrapped-key-store.ts'

/** Makes tenant keys: drawn, wrapped under every region's root key and stored durably before anyone uses them. */
export class KeyMaker {
  readonly #options: KeyringOptions
  readonly #shelf: KeyShelf
  readonly #closed: ClosedAreas
  readonly #making = new Map<string, Promise<WrappedTenantKey>>()

  constructor(options: KeyringOptions, shelf: KeyShelf, closed: ClosedAreas) {
    this.#options = options
    this.#shelf = shelf
    this.#closed = closed
  }

  /**
   * Makes one version of a scope's key; single-flight. When another process was first, resolves to its row instead.
   * Rejects as `KeyService.wrap` does.
   */
  make(scope: KeyScope, version: number): Promise<WrappedTenantKey> {
    const name = `${scopePath(scope)}\n${version}`
    const making = this.#making.get(name)
    if (making !== undefined) return making
    const make = this.#make(scope, version).finally(() => this.#making.delete(name))
    this.#making.set(name, make)
    return make
  }

  async #make(scope: KeyScope, version: number): Promise<WrappedTenantKey> {
    const { clock, store, keyService, audit } = this.#options
    const authorityId = scope.tenant.authority.id
    const place = { authorityId, site: scope.tenant.site, app: scope.tenant.app, dataClass: scope.dataClass }
    const epoch = this.#closed.epoch(place)
    const startedAtMs = clock.now()
    const createdAt = timestamp(clock.wallTimeMs())
    const { root, id, row } = await newTenantKey(scope, version, createdAt, keyService, this.#shelf.allocate)
    let kept = false
    try {
      const stored = await store.add(row)
      if (stored.keyId !== row.keyId) return stored
      const { organization, site, app, dataClass, keyId } = row
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
      audit.record({ type: 'tenant-key.created', ...event })
      this.#options.observe?.('created', authorityId)
      kept = this.#closed.isOpenSince(place, epoch)
      if (kept) this.#shelf.put(root, id, row, scope.tenant, startedAtMs)
      return stored
    } finally {
      if (!kept) root.wipe()
    }
  }
}
