import { hash, randomBytes, randomUUID } from 'node:crypto'
import type { AdministratorRecord, AppTokenRecord, BoundRole } from '../registry/control-plane/records.ts'
import {
  addAdministrator,
  addAppToken,
  findCredential,
  removeCredential,
} from '../registry/control-plane/statements.ts'
import { sql, type SqlWork } from '../registry/sql/statement.ts'
import {
  type Actor,
  assertManagedHere,
  assertRevision,
  changeableOrganization,
  now,
  type ProvisioningContext,
  recordChange,
} from './context.ts'
import type { ListedToken } from './declared-credentials.ts'
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

/** A credential to be taken away. */
interface CredentialRevocation {
  readonly kind: keyof typeof KIND_NAMES
  readonly organization: string
  readonly id: string
  readonly expectedRevision: number | undefined
}

const KIND_NAMES = {
  'app-token': 'token',
  'access-key': 'access key',
  administrator: 'administrator',
} as const

/** Makes and revokes app tokens and administrators. Secrets are random, kept as SHA-256 and shown once. */
export class CredentialService {
  readonly #context: ProvisioningContext

  constructor(context: ProvisioningContext) {
    this.#context = context
  }

  /** Those of the configuration file too; in order of their identifiers. */
  appTokens(organization: string): ListedToken[] {
    const { controlPlane, declared } = this.#context
    const issued = ofOrganization(controlPlane.snapshot.appTokens.values(), organization)
    return [...declared.tokens(organization), ...issued.map(listedToken)].sort(byId)
  }

  /** Throws `resource-unknown`. */
  appToken(organization: string, id: string): ListedToken {
    return present(this.appTokens(organization), 'token', id)
  }

  /** In order of their identifiers. */
  administrators(organization: string): AdministratorRecord[] {
    return ofOrganization(this.#context.controlPlane.snapshot.administrators.values(), organization)
  }

  /** Throws `resource-unknown`. */
  administrator(organization: string, id: string): AdministratorRecord {
    return present(this.administrators(organization), 'administrator', id)
  }

  async createAppToken(
    actor: Actor,
    organization: string,
    wanted: NewCredential & { readonly sites: readonly string[] },
  ): Promise<Created<ListedToken>> {
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
    const revision = await this.#context.controlPlane.change(function* (revision): SqlWork<number> {
      const [same] = yield sql`SELECT id FROM app_token
        WHERE organization = ${organization} AND name = ${wanted.name} AND removed_at IS NULL`
      if (same !== undefined) throw nameTaken(wanted.name)
      yield* addAppToken({ ...record, revision })
      return revision
    })
    recordChange(this.#context, actor, 'token.created', { organization })
    return { record: listedToken({ ...record, revision }), token }
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
    const revision = await this.#context.controlPlane.change(function* (revision): SqlWork<number> {
      const [same] = yield sql`SELECT id FROM administrator
        WHERE organization = ${organization} AND name = ${name} AND removed_at IS NULL`
      if (same !== undefined) throw nameTaken(name)
      const [bound] =
        yield sql`SELECT id FROM administrator WHERE subject = ${subject} AND removed_at IS NULL`
      if (bound !== undefined) throw subjectTaken()
      yield* addAdministrator({ ...record, revision })
      return revision
    })
    recordChange(this.#context, actor, 'administrator.created', { organization })
    return { record: { ...record, revision }, token }
  }

  async revokeAppToken(
    actor: Actor,
    organization: string,
    id: string,
    expectedRevision?: number,
  ): Promise<void> {
    assertManagedHere(this.appToken(organization, id), 'token', id)
    await revokeCredential(this.#context, { kind: 'app-token', organization, id, expectedRevision })
    recordChange(this.#context, actor, 'token.revoked', { organization })
  }

  async revokeAdministrator(
    actor: Actor,
    organization: string,
    id: string,
    expectedRevision?: number,
  ): Promise<void> {
    await revokeCredential(this.#context, { kind: 'administrator', organization, id, expectedRevision })
    recordChange(this.#context, actor, 'administrator.revoked', { organization })
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

/** Takes a credential away, unless it is not the one that the caller saw. */
export async function revokeCredential(
  context: ProvisioningContext,
  { kind, organization, id, expectedRevision }: CredentialRevocation,
): Promise<void> {
  const removedAt = now(context)
  await context.controlPlane.change(function* (revision): SqlWork<void> {
    const found = yield* findCredential(kind, organization, id)
    if (found === undefined) throw unknown(KIND_NAMES[kind], id)
    assertRevision(found, expectedRevision)
    yield* removeCredential(kind, organization, id, removedAt, revision)
  })
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

function listedToken({
  id,
  name,
  sites,
  createdAt,
  createdBy,
  expiresAt,
  revision,
}: AppTokenRecord): ListedToken {
  return { id, kind: 'token', name, sites, managedBy: 'api', createdAt, createdBy, expiresAt, revision }
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1
}

function present<Entry extends { readonly id: string }>(
  entries: readonly Entry[],
  what: string,
  id: string,
): Entry {
  const entry = entries.find((candidate) => candidate.id === id)
  if (entry === undefined) throw unknown(what, id)
  return entry
}

/** In order of their identifiers. */
export function ofOrganization<Entry extends { readonly id: string; readonly organization: string }>(
  records: Iterable<Entry>,
  organization: string,
): Entry[] {
  return [...records].filter((record) => record.organization === organization).sort(byId)
}
