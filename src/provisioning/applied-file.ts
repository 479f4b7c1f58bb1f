import { formatPath, quoted, type RuleFinding } from '../config/finding.ts'
import { type AppliedSnapshot, immutabilityFindings } from '../config/immutability.ts'
import { refuse } from '../config/rules/rule.ts'
import type { ControlPlane } from '../registry/control-plane/control-plane.ts'
import type { ControlPlaneSnapshot } from '../registry/control-plane/snapshot.ts'
import {
  appsOfSite,
  claimHosts,
  claimRootKeys,
  findOrganization,
  findSite,
  saveApp,
  saveOrganization,
  saveSite,
} from '../registry/control-plane/statements.ts'
import type { SqlWork } from '../registry/sql/statement.ts'
import { adopt } from './adopted-organization.ts'
import type { FileTenants } from './catalog.ts'
import { rootKeyIdentity } from './tenant-rules.ts'

type FileOrganization = FileTenants['organizations'][number]

/** The configuration file contradicts what was applied before, or what the API manages. */
export class ConfigurationConflict extends Error {
  readonly findings: readonly RuleFinding[]

  constructor(findings: readonly RuleFinding[]) {
    const lines = findings.map(
      ({ path, reason, remedy, rule }) => `${formatPath(path)}: ${reason}. ${remedy}. [${rule}]`,
    )
    super(`the configuration cannot be applied:\n${lines.join('\n')}`)
    this.name = 'ConfigurationConflict'
    this.findings = findings
  }
}

/**
 * Remembers what a configuration file provisions, so that no later file can change what never changes, and takes over
 * the organizations that it hands to the API. Resolves to the identifiers of those that were taken over now. Rejects
 * with {@link ConfigurationConflict}, and then nothing is remembered.
 */
export async function applyFile(
  controlPlane: ControlPlane,
  file: FileTenants,
  wallTimeMs: number,
): Promise<string[]> {
  const createdAt = new Date(wallTimeMs).toISOString()
  const findings = conflicts(controlPlane.snapshot, file)
  if (findings.length > 0) throw new ConfigurationConflict(findings)
  return await controlPlane.change(function* (revision): SqlWork<string[]> {
    const adopted: string[] = []
    for (const [index, set] of file.vendorKeys.entries()) {
      yield* claimKeys(`vendor:${set.location}`, set.keys, ['vendorKeys', index, 'keys'])
    }
    for (const [index, organization] of file.organizations.entries()) {
      const known = yield* findOrganization(organization.id)
      // another replica may have taken it over since the snapshot was read
      if (known?.managedBy === 'api') continue
      yield* applyOrganization(organization, index, createdAt, revision)
      if (organization.managedBy === 'file') continue
      yield* adopt(organization, createdAt, revision)
      adopted.push(organization.id)
    }
    return adopted
  })
}

/** An entry that was handed over before says nothing any more. */
function isSpent(snapshot: ControlPlaneSnapshot, { id, managedBy }: FileOrganization): boolean {
  return managedBy === 'api' && snapshot.organizations.get(id)?.managedBy === 'api'
}

function conflicts(snapshot: ControlPlaneSnapshot, file: FileTenants): RuleFinding[] {
  const counting = file.organizations.map((entry) =>
    isSpent(snapshot, entry)
      ? { id: entry.id, location: snapshot.organizations.get(entry.id)!.location, sites: [] }
      : entry,
  )
  const findings = immutabilityFindings(appliedBefore(snapshot), { organizations: counting })
  const externalIds = new Map(
    [...snapshot.organizations.values()].map(({ externalId, id }) => [externalId, id]),
  )
  file.organizations.forEach((entry, index) => {
    if (isSpent(snapshot, entry)) return
    const { id, byok } = entry
    const path = ['organizations', index]
    if (snapshot.organizations.get(id)?.managedBy === 'api') {
      const reason = `organization ${quoted(id)} is managed by the admin API`
      const remedy =
        'Take it out of the file, or write managedBy: api if it was handed over, or choose another id'
      findings.push(refuse('managed-by-api', [...path, 'id'], reason, remedy))
    }
    const other = byok && externalIds.get(byok.externalId)
    if (other !== undefined && other !== id) {
      const reason = 'this ExternalId was given to another organization'
      const remedy = 'Generate one, for example with `openssl rand -hex 16`'
      findings.push(refuse('external-id-shared', [...path, 'byok', 'externalId'], reason, remedy))
    }
  })
  return [...findings, ...vendorKeysNeeded(snapshot, file)]
}

/** Apps of the API that would have no key any more. */
function vendorKeysNeeded(snapshot: ControlPlaneSnapshot, file: FileTenants): RuleFinding[] {
  const present = new Set(file.vendorKeys.map(({ location }) => location))
  const missing = new Map<string, string>()
  for (const { id, location, managedBy } of snapshot.organizations.values()) {
    if (managedBy === 'file' || present.has(location) || missing.has(location)) continue
    const apps = snapshot.sitesOf(id).flatMap((site) => snapshot.appsOf(site.name))
    if (apps.some(({ byok }) => !byok)) missing.set(location, id)
  }
  return [...missing].map(([location, id]) => {
    const reason = `organization ${quoted(id)} has apps under the vendor's keys for ${location}, which are gone`
    return refuse('vendor-keys-missing', ['vendorKeys'], reason, `Add location ${location} again`)
  })
}

function appliedBefore(snapshot: ControlPlaneSnapshot): AppliedSnapshot {
  const sites = [...snapshot.sites.values()]
  return {
    organizations: [...snapshot.organizations.values()].map(({ id, location }) => ({
      id,
      location,
      sites: sites
        .filter(({ organization }) => organization === id)
        .map(({ name }) => ({ name, apps: snapshot.everyAppOf(name) })),
    })),
  }
}

function* applyOrganization(
  organization: FileOrganization,
  index: number,
  createdAt: string,
  revision: number,
): SqlWork<void> {
  const { id, name = null, location, byok, sites } = organization
  const known = yield* findOrganization(id)
  if (known === undefined) {
    yield* saveOrganization({ id, name, location, externalId: null, managedBy: 'file', createdAt, revision })
  }
  yield* claimKeys(id, byok?.keys ?? {}, ['organizations', index, 'byok', 'keys'])
  for (const [siteIndex, site] of sites.entries()) {
    const path = ['organizations', index, 'sites', siteIndex]
    const since = { createdAt, removedAt: null, revision }
    if ((yield* findSite(site.name)) === undefined) {
      yield* saveSite({ name: site.name, organization: id, hosts: [], managedBy: 'file', ...since })
    }
    const taken = yield* claimHosts(
      site.name,
      site.hosts.map((host) => host.toLowerCase()),
    )
    if (taken !== undefined) {
      const reason = `host ${quoted(taken.host)} selects site ${quoted(taken.site)}`
      const finding = refuse(
        'site-host-duplicate',
        [...path, 'hosts'],
        reason,
        'Let a host select one site only',
      )
      throw new ConfigurationConflict([finding])
    }
    const applied = yield* appsOfSite(site.name)
    for (const { type, byok } of site.apps) {
      if (applied.some((app) => app.type === type)) continue
      yield* saveApp({ site: site.name, type, byok, ...since })
    }
  }
}

function* claimKeys(
  owner: string,
  keys: Readonly<Record<string, string>>,
  path: RuleFinding['path'],
): SqlWork<void> {
  const taken = yield* claimRootKeys(owner, [...new Set(Object.values(keys).map(rootKeyIdentity))])
  if (taken === undefined) return
  const reason = `a root key belongs to ${quoted(taken.owner)} already`
  const remedy = 'Use a key of its own for each: disabling a shared key would suspend both'
  throw new ConfigurationConflict([refuse('key-shared', path, reason, remedy)])
}
