import { randomBytes } from 'node:crypto'
import type { AccessKeyRecord } from '../registry/control-plane/records.ts'
import { addAccessKey } from '../registry/control-plane/statements.ts'
import { sql, type SqlWork } from '../registry/sql/statement.ts'
import type { DirectoryHolder } from '../tenant/directory-holder.ts'
import type { AppType, TenantApp } from '../tenant/tenant.ts'
import type { AccessKeySecrets } from './access-key-secrets.ts'
import {
  type Actor,
  assertManagedHere,
  changeableOrganization,
  type ProvisioningContext,
  recordChange,
} from './context.ts'
import { birthOf, nameTaken, type NewCredential, revokeCredential } from './credentials.ts'
import type { ListedAccessKey } from './declared-credentials.ts'
import { refusedBy, unknown } from './refusal.ts'
import { appTypeOf } from './tenant-rules.ts'

const ID_PREFIX = 'PCAK'
const ID_CHARACTERS = 20
/** 32 letters and digits that cannot be mistaken for each other: five bits of randomness each. */
const ID_ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'
const SECRET_BYTES = 30

/** What an S3 access key is made for. */
export interface NewAccessKey extends NewCredential {
  readonly site: string
  /** Name of the type of an app. */
  readonly app: string
  readonly buckets: readonly string[]
}

/** Collaborators of {@link AccessKeyService}. */
export interface AccessKeyParts {
  readonly directory: DirectoryHolder
  readonly secrets: Pick<AccessKeySecrets, 'seal'>
  /** Rejects unless the keys of the app may be used now. */
  readonly admit: (app: TenantApp) => Promise<void>
  /** True when an S3 store keeps attachments of apps of this type. */
  readonly isServed: (app: AppType) => boolean
}

/** Makes and revokes S3 access keys. A secret is random, kept sealed under a tenant key of its app, and shown once. */
export class AccessKeyService {
  readonly #context: ProvisioningContext
  readonly #parts: AccessKeyParts

  constructor(context: ProvisioningContext, parts: AccessKeyParts) {
    this.#context = context
    this.#parts = parts
  }

  /** Those of the configuration file too; in order of their identifiers. */
  list(organization: string): ListedAccessKey[] {
    const { controlPlane, declared } = this.#context
    const issued = [...controlPlane.snapshot.accessKeys.values()].filter(
      (record) => record.organization === organization,
    )
    return [...declared.accessKeys(organization), ...issued.map(listedAccessKey)].sort((a, b) =>
      a.accessKeyId < b.accessKeyId ? -1 : 1,
    )
  }

  /** Throws `resource-unknown`. */
  get(organization: string, accessKeyId: string): ListedAccessKey {
    const key = this.list(organization).find((candidate) => candidate.accessKeyId === accessKeyId)
    if (key === undefined) throw unknown('access key', accessKeyId)
    return key
  }

  /** Rejects as the keyring does while the keys of the app cannot be used: a secret that is not sealed is not given. */
  async create(
    actor: Actor,
    organization: string,
    wanted: NewAccessKey,
  ): Promise<{ record: ListedAccessKey; secretAccessKey: string }> {
    changeableOrganization(this.#context, organization)
    const { name, site } = wanted
    const app = appTypeOf(wanted.app, 'app')
    const birth = birthOf(this.#context, actor, wanted)
    const tenant = this.#tenant(organization, site, app)
    await this.#parts.admit(tenant)
    const accessKeyId = newAccessKeyId()
    const secretAccessKey = randomBytes(SECRET_BYTES).toString('base64url')
    const sealedSecret = await this.#parts.secrets.seal(tenant, accessKeyId, secretAccessKey)
    const buckets = [...new Set(wanted.buckets)]
    const record = { accessKeyId, organization, name, site, app, buckets, sealedSecret, ...birth }
    const revision = await this.#context.controlPlane.change(function* (revision): SqlWork<number> {
      const [same] = yield sql`SELECT access_key_id FROM access_key
        WHERE organization = ${organization} AND name = ${name} AND removed_at IS NULL`
      if (same !== undefined) throw nameTaken(name)
      yield* addAccessKey({ ...record, revision })
      return revision
    })
    recordChange(this.#context, actor, 'access-key.created', { organization, site, app })
    return { record: listedAccessKey({ ...record, revision }), secretAccessKey }
  }

  async revoke(
    actor: Actor,
    organization: string,
    accessKeyId: string,
    expectedRevision?: number,
  ): Promise<void> {
    assertManagedHere(this.get(organization, accessKeyId), 'access key', accessKeyId)
    const revocation = { kind: 'access-key', organization, id: accessKeyId, expectedRevision } as const
    await revokeCredential(this.#context, revocation)
    recordChange(this.#context, actor, 'access-key.revoked', { organization })
  }

  #tenant(organization: string, siteName: string, app: AppType): TenantApp {
    const site = this.#context.catalog.site(organization, siteName)
    if (site === undefined) {
      const reason = `the organization has no site ${JSON.stringify(siteName.slice(0, 64))}`
      throw refusedBy('credential-site', 'site', reason, 'Name a site of the organization')
    }
    if (!site.apps.some(({ type }) => type === app)) {
      const reason = `site ${JSON.stringify(siteName)} has no ${app}`
      throw refusedBy('access-key-app', 'app', reason, 'Name an app of the site, or add it first')
    }
    if (!this.#parts.isServed(app)) {
      const reason = `no S3 store keeps attachments of ${app}`
      throw refusedBy('access-key-store', 'app', reason, 'Add one to objectStores of the configuration')
    }
    const tenant = this.#parts.directory.current.siteByName(siteName)?.app(app)
    if (tenant !== undefined) return tenant
    const reason = `${app} of site ${JSON.stringify(siteName)} has no keys yet`
    throw refusedBy('byok-missing', 'app', reason, 'Set the BYOK configuration first')
  }
}

function listedAccessKey(record: AccessKeyRecord): ListedAccessKey {
  const { accessKeyId, name, site, app, buckets, createdAt, createdBy, expiresAt, revision } = record
  const managedBy = 'api'
  return { accessKeyId, name, site, app, buckets, managedBy, createdAt, createdBy, expiresAt, revision }
}

function newAccessKeyId(): string {
  const random = [...randomBytes(ID_CHARACTERS - ID_PREFIX.length)]
  return ID_PREFIX + random.map((byte) => ID_ALPHABET[byte % ID_ALPHABET.length]).join('')
}
