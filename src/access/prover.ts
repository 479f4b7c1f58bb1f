import type { DenialHandler } from '../keyring/denial.ts'
import { encryptionContextOf } from '../keyring/encryption-context.ts'
import type { KeyArea } from '../keyring/key-area.ts'
import type { KeyProver, ProofManner } from '../keyring/key-service.ts'
import type { KeyScope } from '../keyring/scope.ts'
import type { WrappedKeyStore, WrappedTenantKey } from '../keyring/wrapped-key-store.ts'
import type { KeyAuthority } from '../tenant/tenant.ts'
import type { AccessProof, ProofDemand } from './proof.ts'

/**
 * Proves present access to an authority's root keys. The one here asks AWS itself; one that shares proofs among
 * replicas fits the same interface, since a proof says when it began.
 */
export interface AccessProver {
  /** What a tenant key belongs to; undefined when the authority has no such key. */
  placeOf(authorityId: string, keyId: string): Required<KeyArea> | undefined
  /**
   * Resolves to a finding per key, at least one; rejects with `KeyAccessDenied` when the role cannot be assumed, else
   * like `KeyProver.prove`.
   */
  prove(authority: KeyAuthority, demand: ProofDemand): Promise<AccessProof>
}

/** Who holds the tenant keys that a suspension wipes; the keyring. */
export interface KeyHolder {
  wipeAuthority(authorityId: string, refusal: () => Error): number
  reopenAuthority(authorityId: string): void
  wipeArea(authorityId: string, area: KeyArea, refusal: () => Error): number
  reopenArea(authorityId: string, area: KeyArea): void
  inUse(authorityId: string, withinMs: number): readonly string[]
  proven(authorityId: string, startedAtMs: number, isProven: (keyId: string) => boolean): void
  reportDenialsTo(handler: DenialHandler): void
}

/** Makes an authority's first tenant key; the keyring. */
export interface KeyProvisioner {
  provision(scope: KeyScope): Promise<WrappedTenantKey>
}

/** Collaborators of `KeyServiceProver`. */
export interface KeyServiceProverOptions {
  readonly keyService: KeyProver
  readonly store: WrappedKeyStore
  readonly keys: KeyProvisioner
  /** A scope for the first key of an authority that has none; undefined when it has no app. */
  readonly firstScope: (authority: KeyAuthority) => KeyScope | undefined
  /**
   * How renewals ask where a location has several regions (default `alternating`). `every-region` doubles the calls in
   * a dual-region location and finds within one bound what a key policy excludes in one region only.
   */
  readonly regions?: ProofManner['regions']
}

/** Keys of one proof; those beyond are unwrapped anew before they are used. */
const KEYS_MAX = 256

/** Proves access with the key service. */
export class KeyServiceProver implements AccessProver {
  readonly #options: KeyServiceProverOptions
  readonly #turns = new Map<string, number>()

  constructor(options: KeyServiceProverOptions) {
    this.#options = options
  }

  placeOf(authorityId: string, keyId: string): Required<KeyArea> | undefined {
    const row = this.#options.store.byId(keyId)
    return row?.authorityId === authorityId ? row : undefined
  }

  async prove(authority: KeyAuthority, demand: ProofDemand): Promise<AccessProof> {
    const { keyService } = this.#options
    const turn = this.#turns.get(authority.id) ?? 0
    this.#turns.set(authority.id, turn + 1)
    let rows = this.#rows(authority, demand, turn)
    if (rows.length === 0) rows = [await this.#first(authority)]
    const keys = rows.map((row) => ({
      keyId: row.keyId,
      copies: row.copies,
      context: encryptionContextOf(row),
    }))
    const judging = demand.purpose === 'judge'
    demand.begun()
    const proofs = await keyService.prove(authority, keys, {
      regions:
        judging || authority.kind === 'vendor' ? 'every-region' : (this.#options.regions ?? 'alternating'),
      turn,
      untilDenied: !judging,
    })
    const verdicts = proofs.map((proof, index) => {
      const { site, app, dataClass } = rows[index]!
      return { ...proof, site, app, dataClass }
    })
    return { startedAtMs: demand.askedAtMs, verdicts, speaksForAll: authority.kind === 'vendor' }
  }

  #rows(authority: KeyAuthority, demand: ProofDemand, turn: number): WrappedTenantKey[] {
    const all = this.#options.store.ofAuthority(authority.id)
    const one = all[turn % Math.max(1, all.length)]
    if (authority.kind === 'vendor')
      return this.#some(authority, demand.denied)
        .slice(0, 1)
        .concat(one ?? [])
        .slice(0, 1)
    const rows = new Map<string, WrappedTenantKey>()
    for (const row of this.#some(authority, demand.inUse)) rows.set(row.keyId, row)
    if (demand.purpose === 'judge') {
      for (const row of this.#some(authority, demand.denied)) rows.set(row.keyId, row)
      for (const row of newestOfEach(all)) rows.set(row.keyId, row)
    }
    if (rows.size === 0 && one !== undefined) return [one]
    return [...rows.values()].slice(0, KEYS_MAX)
  }

  #some(authority: KeyAuthority, keyIds: readonly string[]): WrappedTenantKey[] {
    return keyIds.flatMap((keyId) => {
      const row = this.#options.store.byId(keyId)
      return row?.authorityId === authority.id ? row : []
    })
  }

  #first(authority: KeyAuthority): Promise<WrappedTenantKey> {
    const scope = this.#options.firstScope(authority)
    if (scope === undefined) throw new Error(`authority ${authority.id} has no app to make a key for`)
    return this.#options.keys.provision(scope)
  }
}

/** The newest key of each kind of content; `rows` begin with the newest. */
function newestOfEach(rows: readonly WrappedTenantKey[]): WrappedTenantKey[] {
  const newest = new Map<string, WrappedTenantKey>()
  for (const row of rows) {
    const place = `${row.site}/${row.app}/${row.dataClass}`
    const known = newest.get(place)
    if (known === undefined || known.version < row.version) newest.set(place, row)
  }
  return [...newest.values()]
}
