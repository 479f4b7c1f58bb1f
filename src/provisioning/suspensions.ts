import type { AccessControl } from '../access/access-control.ts'
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
