import { KeyServiceProver } from '../../src/access/prover.ts'
import type { Clock } from '../../src/keyring/clock.ts'
import type { KeyProof, KeyProver, KeyToProve, ProofManner } from '../../src/keyring/key-service.ts'
import { KeyAccessDenied } from '../../src/keyring/key-service.ts'
import type { WrappedKeyStore, WrappedTenantKey } from '../../src/keyring/wrapped-key-store.ts'
import type { Suspension, SuspensionStore } from '../../src/registry/suspension.ts'
import type { KeyAuthority, TenantApp } from '../../src/tenant/tenant.ts'
import { DATA_CLASSES } from '../../src/tenant/tenant.ts'
import { planProof } from '../../src/kms/proof-plan.ts'

const LATENCY_MS_MIN = 20
const LATENCY_MS_MEAN = 25
/** One in a hundred takes this much longer. */
const LATENCY_MS_TAIL = 400

/** A customer: an organization with one app and its keys. */
export interface ModelTenant {
  readonly app: TenantApp
  readonly keyIds: readonly string[]
}

/** Customers with their keys in AWS: answers as the real AWS key service does, counts what it would have asked for. */
export class ModelWorld implements KeyProver, SuspensionStore {
  readonly tenants: ModelTenant[] = []
  /** Authorities whose customer has withdrawn access. */
  readonly denied = new Set<string>()
  readonly calls = { kms: 0, sts: 0, proofs: 0 }
  readonly #clock: Clock
  readonly #random: () => number
  readonly #keys = new Map<string, WrappedTenantKey>()
  readonly #byAuthority = new Map<string, WrappedTenantKey[]>()
  readonly #open = new Map<string, Suspension>()

  constructor(tenants: number, keysPerTenant: number, clock: Clock, random: () => number) {
    this.#clock = clock
    this.#random = random
    for (let index = 0; index < tenants; index += 1) this.tenants.push(this.#tenant(index, keysPerTenant))
  }

  /** The prover of a replica. */
  prover(): KeyServiceProver {
    const store: WrappedKeyStore = {
      newest: () => undefined,
      byId: (keyId) => this.#keys.get(keyId),
      ofAuthority: (authorityId) => this.#byAuthority.get(authorityId) ?? [],
      add: (key) => Promise.resolve(key),
      generation: 0,
      refresh: () => Promise.resolve(),
    }
    const provision = (): Promise<never> => Promise.reject(new Error('every tenant of the model has keys'))
    return new KeyServiceProver({ keyService: this, store, keys: { provision }, firstScope: () => undefined })
  }

  prove(authority: KeyAuthority, keys: readonly KeyToProve[], manner: ProofManner): Promise<KeyProof[]> {
    const plan = planProof(
      keys.length,
      authority.keys.map(({ region }) => region),
      manner,
    )
    this.calls.proofs += 1
    this.calls.sts += 1
    const slow = this.#random() < 0.01 ? LATENCY_MS_TAIL * this.#random() : 0
    const latencyMs = LATENCY_MS_MIN - LATENCY_MS_MEAN * Math.log(1 - this.#random() * 0.999) + slow
    return new Promise((resolve) => {
      this.#clock.setTimer(() => {
        // AWS looks at the state of the key at some instant between question and answer: the latest is the worst.
        const isDenied = this.denied.has(authority.id)
        this.calls.kms += isDenied ? 1 : plan.flat().length
        const failure = isDenied
          ? new KeyAccessDenied('key-disabled', 'eu-central-1', 'DisabledException', undefined)
          : undefined
        resolve(keys.map(({ keyId }) => ({ keyId, failure })))
      }, latencyMs)
    })
  }

  open(): readonly Suspension[] {
    return [...this.#open.values()]
  }

  history(): Promise<readonly Suspension[]> {
    return Promise.resolve([])
  }

  save(suspension: Suspension): Promise<void> {
    if (suspension.endedAt === undefined) this.#open.set(suspension.id, suspension)
    else this.#open.delete(suspension.id)
    return Promise.resolve()
  }

  #tenant(index: number, keysPerTenant: number): ModelTenant {
    const id = `organization-${index}`
    const regions = ['eu-central-1', 'eu-west-1']
    const accountId = String(100_000_000_000 + index)
    const authority: KeyAuthority = {
      id,
      kind: 'byok',
      location: 'europe',
      accountId,
      roleArn: `arn:aws:iam::${accountId}:role/portcullis`,
      externalId: `external-${index}`,
      keys: regions.map((region) => ({ region, keyArn: `arn:aws:kms:${region}:${accountId}:key/${index}` })),
    }
    const app: TenantApp = { organization: id, site: `site-${index}`, app: 'jira', authority }
    const keys = Array.from({ length: keysPerTenant }, (_, number): WrappedTenantKey => ({
      keyId: `${index.toString(16).padStart(16, '0')}${number.toString(16).padStart(16, '0')}`,
      organization: id,
      site: app.site,
      app: 'jira',
      dataClass: DATA_CLASSES[number]!,
      authorityId: id,
      version: 1,
      createdAt: '2026-11-22T00:00:00.000Z',
      copies: [],
    }))
    for (const key of keys) this.#keys.set(key.keyId, key)
    this.#byAuthority.set(id, keys)
    return { app, keyIds: keys.map(({ keyId }) => keyId) }
  }
}
