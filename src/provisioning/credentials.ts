import { hash, randomBytes, randomUUID } from 'node:crypto'
import type { AdministratorRecord, AppTokenRecord, BoundRole } from '../registry/control-plane/records.ts'
import { addAdministrator, addAppToken, removeCredential } from '../registry/control-plane/statements.ts'
import { sql, type SqlWork } from '../registry/sql/statement.ts'
import { type Actor, changeableOrganization, now, type ProvisioningContext, recordChange } from './context.ts'
import { refusedBy, unknown } from './refusal.ts'

const TOKEN_BYTES = 32

/** A credential with its secret, which is shown this once. */
export interface Created<Entry> {
  readonly record: Entry
  readonly token: string | null
}

/** What everybody with a credential has in common. */
export interface NewCredential {
  readonly name: string
  readonly expiresAt?: string | undefined
}

/** Makes and revokes app tokens and administrators. Secrets are random, kept as SHA-256 and shown once. */
export class CredentialService {
  readonly #context: ProvisioningContext

  constructor(context: ProvisioningContext) {
    this.#context = context
  }

  /** In order of their identifiers. */
  appTokens(organization: string): AppTokenRecord[] {
    return ofOrganization(this.#context.controlPlane.snapshot.appTokens.values(), organization)
  }

  /** In order of their identifiers. */
  administrators(organization: string): AdministratorRecord[] {
    return ofOrganization(this.#context.controlPlane.snapshot.administrators.values(), organization)
  }

  async createAppToken(
    actor: Actor,
    organization: string,
    wanted: NewCredential & { readonly sites: readonly string[] },
  ): Promise<Created<AppTokenRecord>> {
    changeableOrganization(this.#context, organization)
    const sites = [...new Set(wanted.sites)]
    const known = new Set(this.#context.catalog.sites(organization).map(({ name }) => name))
    const strange = sites.find((site) => !known.has(site))
    if (strange !== undefined) {
      const reason = `the organization has no site ${JSON.stringify(strange.slice(0, 64))}`
      throw refusedBy('credential-site', 'sites', reason, 'Name sites of the organization')
    }
    const token = newSecret('pca')
    const record = {
      id: randomUUID(),
      organization,
      name: wanted.name,
      sha256: hash('sha256', token, 'hex'),
      sites,
      ...birthOf(this.#context, actor, wanted),
    }
    await this.#context.controlPlane.change(function* (revision): SqlWork<void> {
      const [same] = yield sql`SELECT id FROM app_token
        WHERE organization = ${organization} AND name = ${wanted.name} AND removed_at IS NULL`
      if (same !== undefined) throw nameTaken(wanted.name)
      yield* addAppToken({ ...record, revision })
    })
    recordChange(this.#context, actor, 'token.created', { organization })
    return { record: { ...record, revision: this.#context.controlPlane.revision }, token }
  }

  async createAdministrator(
    actor: Actor,
    organization: string,
    wanted: NewCredential & { readonly role: BoundRole; readonly subject?: string | undefined },
  ): Promise<Created<AdministratorRecord>> {
    // also for organizations of the file: who may look after them is no part of it
    if (this.#context.catalog.organization(organization) === undefined) {
      throw unknown('organization', organization)
    }
    const { name, role, subject = null } = wanted
    const token = subject === null ? newSecret('pco') : null
    const record = {
      id: randomUUID(),
      organization,
      name,
      role,
      sha256: token === null ? null : hash('sha256', token, 'hex'),
      subject,
      ...birthOf(this.#context, actor, wanted),
    }
    await this.#context.controlPlane.change(function* (revision): SqlWork<void> {
      const [same] = yield sql`SELECT id FROM administrator
        WHERE organization = ${organization} AND name = ${name} AND removed_at IS NULL`
      if (same !== undefined) throw nameTaken(name)
      const [bound] =
        yield sql`SELECT id FROM administrator WHERE subject = ${subject} AND removed_at IS NULL`
      if (bound !== undefined) throw subjectTaken()
      yield* addAdministrator({ ...record, revision })
    })
    recordChange(this.#context, actor, 'administrator.created', { organization })
    return { record: { ...record, revision: this.#context.controlPlane.revision }, token }
  }

  revokeAppToken(actor: Actor, organization: string, id: string): Promise<void> {
    return this.#revoke(actor, 'app-token', 'token', organization, id)
  }

  revokeAdministrator(actor: Actor, organization: string, id: string): Promise<void> {
    return this.#revoke(actor, 'administrator', 'administrator', organization, id)
  }

  async #revoke(
    actor: Actor,
    kind: 'app-token' | 'administrator',
    what: string,
    organization: string,
    id: string,
  ): Promise<void> {
    const removedAt = now(this.#context)
    const removed = await this.#context.controlPlane.change((revision) =>
      removeCredential(kind, organization, id, removedAt, revision),
    )
    if (!removed) throw unknown(what, id)
    recordChange(this.#context, actor, `${what}.revoked`, { organization })
  }
}

/** What every new credential has. */
export function birthOf(
  context: ProvisioningContext,
  actor: Actor,
  { expiresAt }: NewCredential,
): { createdAt: string; createdBy: string; expiresAt: string | null; removedAt: null } {
  const createdAt = now(context)
  const expiry = expiresAt === undefined ? null : new Date(expiresAt).toISOString()
  if (expiry !== null && expiry <= createdAt) {
    throw refusedBy('credential-expired', 'expiresAt', 'that time has passed', 'Choose one to come')
  }
  return { createdAt, createdBy: actor.name, expiresAt: expiry, removedAt: null }
}

/** 256 random bits; the prefix lets secret scanners recognise it. */
function newSecret(prefix: string): string {
  return `${prefix}_${randomBytes(TOKEN_BYTES).toString('base64url')}`
}

/** A name stands for one credential of its kind. */
export function nameTaken(name: string): Error {
  const reason = `the name ${JSON.stringify(name)} is taken`
  return refusedBy('credential-name-taken', 'name', reason, 'Choose another, or revoke the other first')
}

function subjectTaken(): Error {
  const reason = 'this OIDC subject has a role already'
  return refusedBy(
    'subject-taken',
    'subject',
    reason,
    'A subject has one role in one organization: revoke it first',
  )
}

/** In order of their identifiers. */
export function ofOrganization<Entry extends { readonly id: string; readonly organization: string }>(
  records: Iterable<Entry>,
  organization: string,
): Entry[] {
  return [...records]
    .filter((record) => record.organization === organization)
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}
