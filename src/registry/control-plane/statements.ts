import { integer, text } from '../sql/columns.ts'
import type { SqlWork } from '../sql/statement.ts'
import { sql } from '../sql/statement.ts'
import type {
  AccessKeyRecord,
  AdministratorRecord,
  AppRecord,
  AppTokenRecord,
  ByokRecord,
  OrganizationRecord,
  SiteRecord,
} from './records.ts'
import { appRecord, byokRecord, organizationRecord, siteRecord } from './rows.ts'

/** What control-plane transactions consist of. Writers take turns, so that what one reads here stays true until it commits. */

export function* findOrganization(id: string): SqlWork<OrganizationRecord | undefined> {
  const [row] = yield sql`SELECT * FROM organization WHERE id = ${id}`
  return row && organizationRecord(row)
}

export function* saveOrganization(record: OrganizationRecord): SqlWork<void> {
  const { id, name, location, externalId, managedBy, createdAt, revision } = record
  yield sql`INSERT INTO organization (id, name, location, external_id, managed_by, created_at, revision)
    VALUES (${id}, ${name}, ${location}, ${externalId}, ${managedBy}, ${createdAt}, ${revision})
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, revision = excluded.revision`
}

/** Hands an organization of the file over to the API. */
export function* adoptOrganization(record: OrganizationRecord): SqlWork<void> {
  const { id, name, externalId, revision } = record
  yield sql`UPDATE organization SET name = ${name}, external_id = ${externalId}, managed_by = 'api',
    revision = ${revision} WHERE id = ${id}`
}

export function* findByok(organization: string): SqlWork<ByokRecord | undefined> {
  const [row] = yield sql`SELECT * FROM byok WHERE organization = ${organization}`
  return row && byokRecord(row)
}

export function* saveByok(record: ByokRecord): SqlWork<void> {
  const { organization, accountId, roleArn, createdAt, revision } = record
  const keys = JSON.stringify(record.keys)
  yield sql`INSERT INTO byok (organization, account_id, role_arn, root_keys, created_at, revision)
    VALUES (${organization}, ${accountId}, ${roleArn}, ${keys}, ${createdAt}, ${revision})
    ON CONFLICT (organization) DO UPDATE SET account_id = excluded.account_id, role_arn = excluded.role_arn,
      root_keys = excluded.root_keys, revision = excluded.revision`
}

/** True when a tenant key was wrapped under the keys of an authority. */
export function* hasWrappedKeys(authorityId: string): SqlWork<boolean> {
  const rows = yield sql`SELECT key_id FROM wrapped_key WHERE authority_id = ${authorityId} LIMIT 1`
  return rows.length > 0
}

/**
 * Makes `owner` the owner of exactly these root keys. Another owner of one of them is returned, and then nothing
 * may be committed.
 */
export function* claimRootKeys(
  owner: string,
  rootKeys: readonly string[],
): SqlWork<{ rootKey: string; owner: string } | undefined> {
  yield sql`DELETE FROM root_key_owner WHERE owner = ${owner}`
  for (const rootKey of rootKeys) {
    const [other] = yield sql`SELECT owner FROM root_key_owner WHERE root_key = ${rootKey}`
    if (other !== undefined) return { rootKey, owner: text(other, 'owner') }
    yield sql`INSERT INTO root_key_owner (root_key, owner) VALUES (${rootKey}, ${owner})`
  }
  return undefined
}

/** Also of sites that were removed. */
export function* findSite(name: string): SqlWork<SiteRecord | undefined> {
  const [row] = yield sql`SELECT * FROM site WHERE name = ${name}`
  return row && siteRecord(row)
}

export function* saveSite(record: SiteRecord): SqlWork<void> {
  const { name, organization, managedBy, createdAt, removedAt, revision } = record
  const hosts = JSON.stringify(record.hosts)
  yield sql`INSERT INTO site (name, organization, hosts, managed_by, created_at, removed_at, revision)
    VALUES (${name}, ${organization}, ${hosts}, ${managedBy}, ${createdAt}, ${removedAt}, ${revision})
    ON CONFLICT (name) DO UPDATE SET hosts = excluded.hosts, removed_at = excluded.removed_at,
      revision = excluded.revision`
}

/** All sites that an organization ever had. */
export function* sitesOfOrganization(organization: string): SqlWork<SiteRecord[]> {
  const rows = yield sql`SELECT * FROM site WHERE organization = ${organization} ORDER BY name`
  return rows.map(siteRecord)
}

/** Hands a site of the file over to the API. */
export function* adoptSite(record: SiteRecord): SqlWork<void> {
  const hosts = JSON.stringify(record.hosts)
  yield sql`UPDATE site SET hosts = ${hosts}, managed_by = 'api', removed_at = ${record.removedAt},
    revision = ${record.revision} WHERE name = ${record.name}`
}

/** Lets exactly these hosts select a site. Another site that has one of them is returned; then commit nothing. */
export function* claimHosts(
  site: string,
  hosts: readonly string[],
): SqlWork<{ host: string; site: string } | undefined> {
  yield sql`DELETE FROM site_host WHERE site = ${site}`
  for (const host of hosts) {
    const [other] = yield sql`SELECT site FROM site_host WHERE host = ${host}`
    if (other !== undefined) return { host, site: text(other, 'site') }
    yield sql`INSERT INTO site_host (host, site) VALUES (${host}, ${site})`
  }
  return undefined
}

/** All apps that a site ever had. */
export function* appsOfSite(site: string): SqlWork<AppRecord[]> {
  const rows = yield sql`SELECT * FROM app WHERE site = ${site} ORDER BY type`
  return rows.map(appRecord)
}

export function* saveApp(record: AppRecord): SqlWork<void> {
  const { site, type, createdAt, removedAt, revision } = record
  yield sql`INSERT INTO app (site, type, byok, created_at, removed_at, revision)
    VALUES (${site}, ${type}, ${record.byok ? 1 : 0}, ${createdAt}, ${removedAt}, ${revision})
    ON CONFLICT (site, type) DO UPDATE SET removed_at = excluded.removed_at, revision = excluded.revision`
}

export function* addAppToken(record: AppTokenRecord): SqlWork<void> {
  const { id, organization, name, sha256, createdAt, createdBy, expiresAt, revision } = record
  const sites = JSON.stringify(record.sites)
  yield sql`INSERT INTO app_token (id, organization, name, sha256, sites, created_at, created_by, expires_at, revision)
    VALUES (${id}, ${organization}, ${name}, ${sha256}, ${sites}, ${createdAt}, ${createdBy}, ${expiresAt},
      ${revision})`
}

export function* addAccessKey(record: AccessKeyRecord): SqlWork<void> {
  const { accessKeyId, organization, name, site, app, sealedSecret, createdAt, createdBy, expiresAt } = record
  const buckets = JSON.stringify(record.buckets)
  yield sql`INSERT INTO access_key (access_key_id, organization, name, site, app, buckets, sealed_secret, created_at,
      created_by, expires_at, revision)
    VALUES (${accessKeyId}, ${organization}, ${name}, ${site}, ${app}, ${buckets}, ${sealedSecret}, ${createdAt},
      ${createdBy}, ${expiresAt}, ${record.revision})`
}

export function* addAdministrator(record: AdministratorRecord): SqlWork<void> {
  const { id, organization, name, role, sha256, subject, createdAt, createdBy, expiresAt, revision } = record
  yield sql`INSERT INTO administrator (id, organization, name, role, sha256, subject, created_at, created_by,
      expires_at, revision)
    VALUES (${id}, ${organization}, ${name}, ${role}, ${sha256}, ${subject}, ${createdAt}, ${createdBy},
      ${expiresAt}, ${revision})`
}

/** Revision of a credential that an organization has; undefined without one. */
export function* findCredential(
  kind: 'app-token' | 'access-key' | 'administrator',
  organization: string,
  id: string,
): SqlWork<number | undefined> {
  const statement = {
    'app-token': sql`SELECT revision FROM app_token
      WHERE id = ${id} AND organization = ${organization} AND removed_at IS NULL`,
    'access-key': sql`SELECT revision FROM access_key
      WHERE access_key_id = ${id} AND organization = ${organization} AND removed_at IS NULL`,
    administrator: sql`SELECT revision FROM administrator
      WHERE id = ${id} AND organization = ${organization} AND removed_at IS NULL`,
  }[kind]
  const [row] = yield statement
  return row && integer(row, 'revision')
}

/** Removes a credential; false when the organization has none with this identifier. */
export function* removeCredential(
  kind: 'app-token' | 'access-key' | 'administrator',
  organization: string,
  id: string,
  removedAt: string,
  revision: number,
): SqlWork<boolean> {
  const statement = {
    'app-token': sql`UPDATE app_token SET removed_at = ${removedAt}, revision = ${revision}
      WHERE id = ${id} AND organization = ${organization} AND removed_at IS NULL RETURNING id`,
    'access-key': sql`UPDATE access_key SET removed_at = ${removedAt}, revision = ${revision}
      WHERE access_key_id = ${id} AND organization = ${organization} AND removed_at IS NULL
      RETURNING access_key_id`,
    administrator: sql`UPDATE administrator SET removed_at = ${removedAt}, revision = ${revision}
      WHERE id = ${id} AND organization = ${organization} AND removed_at IS NULL RETURNING id`,
  }[kind]
  return (yield statement).length > 0
}
