import type { AccessControl } from '../access/access-control.ts'
import { signStatement } from '../audit/revocation-statement.ts'
import type { RevocationStatement } from '../audit/revocation-statement.ts'
import type { Signer } from '../crypto/signature.ts'
import type { CutConfirmations } from '../registry/cut-confirmations.ts'
import type { Suspension, SuspensionStore } from '../registry/suspension.ts'
import type { DirectoryHolder } from '../tenant/directory-holder.ts'
import type { KeyAuthority } from '../tenant/tenant.ts'
import type { Catalog } from './catalog.ts'
import type { Actor } from './context.ts'
import { refusedBy, unknown } from './refusal.ts'

const HISTORY_MAX = 10_000

/** Collaborators of {@link SuspensionService}. */
export interface SuspensionServiceOptions {
  readonly catalog: Catalog
  readonly directory: DirectoryHolder
  readonly access: Pick<AccessControl, 'suspend' | 'lift' | 'status'>
  readonly store: SuspensionStore
  readonly confirmations: CutConfirmations
  readonly signer: Signer
  readonly wallTimeMs: () => number
}

/** Shows suspensions; places and lifts those of operators. Access control audits them. */
export class SuspensionService {
  readonly #options: SuspensionServiceOptions

  constructor(options: SuspensionServiceOptions) {
    this.#options = options
  }

  /** Newest first, after the one that `before` names. */
  async list(organization: string, before: string | undefined, limit: number): Promise<Suspension[]> {
    const history = await this.#options.store.history(organization, HISTORY_MAX)
    const start = before === undefined ? 0 : history.findIndex(({ id }) => id === before) + 1
    return history.slice(start, start + limit)
  }

  /** What every replica confirmed about a suspension so far, signed; those that did not confirm are named. */
  async statement(organization: string, id: string): Promise<RevocationStatement> {
    const { store, confirmations, signer, wallTimeMs } = this.#options
    const history = await store.history(organization, HISTORY_MAX)
    const suspension = history.find((candidate) => candidate.id === id)
    if (suspension === undefined) throw unknown('suspension', id)
    const confirmed = await confirmations.of(id)
    const expected = await confirmations.expectedAt(suspension.since)
    const heard = new Set(confirmed.map(({ replica }) => replica))
    const silent = expected.filter(({ replica }) => !heard.has(replica))
    const replicas = [
      ...confirmed.map(({ replica, wipedAt, keysWiped, transfersCut, lastAllowedAt }) => {
        return { replica, confirmed: true as const, wipedAt, keysWiped, transfersCut, lastAllowedAt }
      }),
      ...silent.map(({ replica }) => ({ replica, confirmed: false as const })),
    ]
    const { reason, scope, since, endedAt, region, awsError, awsRequestId } = suspension
    const stated = {
      id,
      reason,
      scope,
      since,
      endedAt: endedAt ?? null,
      region: region ?? null,
      awsError: awsError ?? null,
      awsRequestId: awsRequestId ?? null,
    }
    const about = { organization, suspension: stated, replicas }
    return signStatement(about, new Date(wallTimeMs()).toISOString(), signer)
  }

  place(actor: Actor, organization: string): Suspension {
    return this.#options.access.suspend(this.#authority(organization), actor.name)
  }

  async lift(actor: Actor, organization: string, id: string): Promise<void> {
    const authority = this.#authority(organization)
    const history = await this.#options.store.history(organization, HISTORY_MAX)
    const suspension = history.find((candidate) => candidate.id === id)
    if (suspension === undefined) throw unknown('suspension', id)
    if (suspension.reason !== 'operator') {
      const reason = `this suspension has its reason in AWS (${suspension.reason})`
      const remedy = 'Let the customer restore access there: it ends by itself within 30 seconds'
      throw refusedBy('suspension-not-operator', '', reason, remedy)
    }
    if (suspension.endedAt === undefined) this.#options.access.lift(authority, actor.name)
  }

  #authority(organization: string): KeyAuthority {
    const { catalog, directory } = this.#options
    if (catalog.organization(organization) === undefined) throw unknown('organization', organization)
    const authority = directory.current.authorityById(organization)
    if (authority === undefined) {
      const reason = 'the organization has no BYOK configuration, so it has nothing to suspend'
      throw refusedBy('byok-missing', '', reason, 'Revoke its app tokens to stop its apps')
    }
    return authority
  }
}
