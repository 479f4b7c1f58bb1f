import { encryptionContextOf } from '../keyring/encryption-context.ts'
import type { DenialHandler } from '../keyring/denial.ts'
import type { KeyService } from '../keyring/key-service.ts'
import type { KeyScope } from '../keyring/scope.ts'
import type { WrappedKeyStore, WrappedTenantKey } from '../keyring/wrapped-key-store.ts'
import type { KeyAuthority } from '../tenant/tenant.ts'

/**
 * Proves present access to an authority's root keys. The one here asks AWS itself; one that shares proofs among
 * replicas fits the same interface, since a proof only says when its verification started.
 */
export interface AccessProver {
  /** True while the authority has this tenant key. */
  has(authorityId: string, keyId: string): boolean
  /** The tenant key to prove with: `preferred` while it exists, else the next in turn; undefined when there is none. */
  choose(authorityId: string, preferred: string | undefined): string | undefined
  /** Resolves after a real unwrap in every region that answers; rejects like `KeyService.verify`. */
  prove(authority: KeyAuthority, keyId: string | undefined): Promise<void>
}

/** Who holds the tenant keys that a suspension wipes; the keyring. */
export interface KeyHolder {
  wipeAuthority(authorityId: string, refusal: () => Error): number
  reopenAuthority(authorityId: string): void
  reportDenialsTo(handler: DenialHandler): void
}

/** Makes an authority's first tenant key; the keyring. */
export interface KeyProvisioner {
  provision(scope: KeyScope): Promise<WrappedTenantKey>
}

/** Collaborators of `KeyServiceProver`. */
export interface KeyServiceProverOptions {
  readonly keyService: KeyService
  readonly store: WrappedKeyStore
  readonly keys: KeyProvisioner
  /** A scope for the first key of an authority that has none; undefined when it has no app. */
  readonly firstScope: (authority: KeyAuthority) => KeyScope | undefined
}

/** Proves access with the key service, taking the authority's tenant keys in turn. */
export class KeyServiceProver implements AccessProver {
  readonly #options: KeyServiceProverOptions
  readonly #turns = new Map<string, number>()

  constructor(options: KeyServiceProverOptions) {
    this.#options = options
  }

  has(authorityId: string, keyId: string): boolean {
    return this.#options.store.byId(keyId)?.authorityId === authorityId
  }

  choose(authorityId: string, preferred: string | undefined): string | undefined {
    const { store } = this.#options
    if (preferred !== undefined && this.has(authorityId, preferred)) return preferred
    const keys = store.ofAuthority(authorityId)
    if (keys.length === 0) return undefined
    const turn = (this.#turns.get(authorityId) ?? 0) % keys.length
    this.#turns.set(authorityId, turn + 1)
    return keys[turn]!.keyId
  }

  async prove(authority: KeyAuthority, keyId: string | undefined): Promise<void> {
    const row =
      (keyId === undefined ? undefined : this.#options.store.byId(keyId)) ?? (await this.#first(authority))
    await this.#options.keyService.verify(authority, row.copies, encryptionContextOf(row))
  }

  #first(authority: KeyAuthority): Promise<WrappedTenantKey> {
    const scope = this.#options.firstScope(authority)
    if (scope === undefined) throw new Error(`authority ${authority.id} has no app to make a key for`)
    return this.#options.keys.provision(scope)
  }
}
