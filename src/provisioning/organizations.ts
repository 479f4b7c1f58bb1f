import {
  claimRootKeys,
  findByok,
  findOrganization,
  hasWrappedKeys,
  saveByok,
  saveOrganization,
} from '../registry/control-plane/statements.ts'
import type { SqlWork } from '../registry/sql/statement.ts'
import type { CatalogByok, CatalogOrganization } from './catalog.ts'
import {
  type Actor,
  assertRevision,
  changeableOrganization,
  now,
  type ProvisioningContext,
  recordChange,
} from './context.ts'
import { newExternalId } from './external-id.ts'
import { refusedBy, unknown } from './refusal.ts'
import { assertRules, rootKeyIdentity } from './tenant-rules.ts'

/** What a BYOK configuration is set to; the ExternalId is the gateway's. */
export type NewByok = Pick<CatalogByok, 'accountId' | 'roleArn' | 'keys'>

/** Makes and changes organizations and their BYOK configuration. Every refusal is a `PortcullisError`. */
export class OrganizationService {
  readonly #context: ProvisioningContext

  constructor(context: ProvisioningContext) {
    this.#context = context
  }

  /** Throws `resource-unknown`. */
  get(id: string): CatalogOrganization {
    const organization = this.#context.catalog.organization(id)
    if (organization === undefined) throw unknown('organization', id)
    return organization
  }

  async create(
    actor: Actor,
    wanted: { readonly id: string; readonly name?: string | undefined; readonly location: string },
  ): Promise<CatalogOrganization> {
    const { id, name = null, location } = wanted
    assertRules({ id, location }, this.#context.catalog, 0)
    const createdAt = now(this.#context)
    const externalId = newExternalId(id)
    await this.#context.controlPlane.change(function* (revision): SqlWork<void> {
      const other = yield* findOrganization(id)
      if (other !== undefined) throw exists(id, other.managedBy)
      yield* saveOrganization({ id, name, location, externalId, managedBy: 'api', createdAt, revision })
    })
    recordChange(this.#context, actor, 'organization.created', { organization: id })
    return this.get(id)
  }

  async change(
    actor: Actor,
    id: string,
    wanted: { readonly name?: string | undefined; readonly location?: string | undefined },
    expectedRevision?: number,
  ): Promise<CatalogOrganization> {
    const organization = changeableOrganization(this.#context, id)
    assertSameLocation(organization, wanted.location)
    const { name } = wanted
    if (name === undefined) {
      assertRevision(organization.revision, expectedRevision)
      return organization
    }
    await this.#context.controlPlane.change(function* (revision): SqlWork<void> {
      const record = yield* findOrganization(id)
      if (record === undefined) throw unknown('organization', id)
      assertRevision(record.revision, expectedRevision)
      yield* saveOrganization({ ...record, name, revision })
    })
    recordChange(this.#context, actor, 'organization.changed', { organization: id })
    return this.get(id)
  }

  /** Sets the BYOK configuration; once a tenant key was wrapped under it, only to what it is. */
  async setByok(
    actor: Actor,
    id: string,
    wanted: NewByok,
    expectedRevision?: number,
  ): Promise<CatalogOrganization> {
    const organization = changeableOrganization(this.#context, id)
    const { location, externalId } = organization
    const { accountId, roleArn, keys } = wanted
    const byok = { accountId, roleArn, externalId: externalId ?? '', keys }
    assertRules({ id, location, byok }, this.#context.catalog, 1)
    const createdAt = now(this.#context)
    const rootKeys = [...new Set(Object.values(keys).map(rootKeyIdentity))]
    const changed = await this.#context.controlPlane.change(function* (revision): SqlWork<boolean> {
      const present = yield* findByok(id)
      assertRevision(present?.revision ?? 0, expectedRevision)
      if (present !== undefined && isSame(present, wanted)) return false
      if (present !== undefined && (yield* hasWrappedKeys(id))) throw byokImmutable(id)
      const taken = yield* claimRootKeys(id, rootKeys)
      if (taken !== undefined) throw keyShared()
      const since = present?.createdAt ?? createdAt
      yield* saveByok({ organization: id, accountId, roleArn, keys, createdAt: since, revision })
      return true
    })
    if (changed) recordChange(this.#context, actor, 'byok.set', { organization: id })
    return this.get(id)
  }
}

function exists(id: string, managedBy: 'api' | 'file'): Error {
  const where = managedBy === 'file' ? 'the configuration file has or had' : 'there is'
  const remedy = 'Choose another identifier; an organization has one entry and one BYOK configuration'
  return refusedBy('organization-exists', 'id', `${where} an organization ${JSON.stringify(id)}`, remedy)
}

function assertSameLocation(organization: CatalogOrganization, location: string | undefined): void {
  if (location === undefined || location === organization.location) return
  const reason = `the location of ${JSON.stringify(organization.id)} is ${organization.location} and never changes`
  const remedy = 'Create another organization in the other location, and move the data there'
  throw refusedBy('location-immutable', 'location', reason, remedy)
}

function isSame(present: NewByok, wanted: NewByok): boolean {
  const regions = Object.keys(present.keys)
  return (
    present.accountId === wanted.accountId &&
    present.roleArn === wanted.roleArn &&
    regions.length === Object.keys(wanted.keys).length &&
    regions.every((region) => present.keys[region] === wanted.keys[region])
  )
}

function byokImmutable(id: string): Error {
  const reason = `tenant keys of ${JSON.stringify(id)} are wrapped under its BYOK configuration, of which there is one`
  const remedy = 'Rotate the key material in AWS, or create another organization for another account'
  return refusedBy('byok-immutable', '', reason, remedy)
}

function keyShared(): Error {
  const reason =
    'one of these keys, or a replica of it, is the root key of another organization or of the vendor'
  const remedy = 'Use a key of its own for each: disabling a shared key would suspend both'
  return refusedBy('key-shared', 'keys', reason, remedy)
}
