import { isJiraFamily } from '../app-types.ts'
import type { DomainModel, DomainOrganization, DomainSite } from '../domain-model.ts'
import { quoted, type RuleFinding } from '../finding.ts'
import { locationById } from '../locations.ts'
import { duplicates, refuse, warn } from './rule.ts'

const ORGANIZATION_ID = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const HOST_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const SITE_NAME = HOST_LABEL

/** Organization identifiers are well-formed and unique: one configuration per organization. */
export function organizationIds(model: DomainModel): RuleFinding[] {
  const ids = model.organizations.map((organization) => organization.id)
  const malformed = ids.flatMap((id) =>
    id === undefined || ORGANIZATION_ID.test(id.value)
      ? []
      : [
          refuse(
            'organization-id',
            id.path,
            `${quoted(id.value)} cannot be an organization ID`,
            LABEL_REMEDY,
          ),
        ],
  )
  const repeated = duplicates(ids, (later, earlier) =>
    refuse(
      'organization-duplicate',
      later.path,
      `${earlier} is the same organization`,
      'An organization has one configuration: merge the two',
    ),
  )
  return [...malformed, ...repeated]
}

const LABEL_REMEDY = 'Use 1 to 63 lower-case letters, digits and hyphens, no hyphen at either end'

/** Site names are DNS labels and belong to one organization only. */
export function siteNames(model: DomainModel): RuleFinding[] {
  const findings: RuleFinding[] = []
  const owners = new Map<string, { organization: DomainOrganization; site: DomainSite }>()
  for (const organization of model.organizations) {
    for (const site of organization.sites) {
      if (site.name === undefined) continue
      const { value, path } = site.name
      if (!SITE_NAME.test(value)) {
        findings.push(refuse('site-name', path, `${quoted(value)} cannot be a site name`, LABEL_REMEDY))
      }
      const earlier = owners.get(value)
      if (earlier === undefined) owners.set(value, { organization, site })
      else findings.push(siteCollision(organization, earlier.organization, site.name))
    }
  }
  return findings
}

function siteCollision(
  organization: DomainOrganization,
  owner: DomainOrganization,
  name: NonNullable<DomainSite['name']>,
): RuleFinding {
  if (owner === organization) {
    const remedy = 'Put all apps of the site into one entry'
    return refuse(
      'site-duplicate',
      name.path,
      `the organization has site ${quoted(name.value)} already`,
      remedy,
    )
  }
  const whose = owner.id === undefined ? 'another organization' : `organization ${quoted(owner.id.value)}`
  const reason = `site ${quoted(name.value)} belongs to ${whose}`
  return refuse(
    'site-foreign',
    name.path,
    reason,
    'Choose another name: site names are unique among all organizations',
  )
}

/** Host names are well-formed, without port, and select one site. */
export function siteHosts(model: DomainModel): RuleFinding[] {
  const hosts = model.organizations.flatMap((organization) =>
    organization.sites.flatMap((site) => site.hosts),
  )
  const malformed = hosts.flatMap((host) =>
    isHostName(host.value)
      ? []
      : [
          refuse(
            'site-host',
            host.path,
            `${quoted(host.value)} is not a host name`,
            'Write it in lower case, without scheme, port or wildcard',
          ),
        ],
  )
  const repeated = duplicates(hosts, (later, earlier) =>
    refuse(
      'site-host-duplicate',
      later.path,
      `${earlier} is the same host`,
      'Let a host select one site only',
    ),
  )
  return [...malformed, ...repeated]
}

/** True for a lower-case DNS name of at most 253 characters (RFC 1123 section 2.1). */
export function isHostName(value: string): boolean {
  return value.length <= 253 && value.split('.').every((label) => HOST_LABEL.test(label))
}

/** A site has each app once, and its Jira family shares one setting. */
export function siteApps(model: DomainModel): RuleFinding[] {
  return model.organizations.flatMap((organization) =>
    organization.sites.flatMap((site) => [
      ...duplicates(
        site.apps.map((app) => app.type),
        (later, earlier) =>
          refuse('app-duplicate', later.path, `${earlier} is the same app`, 'Keep one of the two'),
      ),
      ...familyFindings(site),
      ...(site.apps.length === 0
        ? [
            warn(
              'site-empty',
              site.path,
              'the site has no apps, so every request for it is refused',
              'Add its apps',
            ),
          ]
        : []),
    ]),
  )
}

function familyFindings(site: DomainSite): RuleFinding[] {
  const family = site.apps.filter((app) => app.type !== undefined && isJiraFamily(app.type.value))
  const first = family[0]
  return family.flatMap((app) => {
    if (first === undefined || app.byok === first.byok) return []
    const reason = `byok is ${app.byok} here but ${first.byok} for ${first.type?.value}: they share one database`
    const remedy = `Set byok: ${first.byok} for all Jira apps of the site`
    return [refuse('jira-family', [...app.path, 'byok'], reason, remedy)]
  })
}

/** Whoever asks for BYOK has a BYOK configuration, and whoever does not has vendor keys in the location. */
export function appAuthorities(model: DomainModel): RuleFinding[] {
  const vendorLocations = new Set(model.vendorKeys.map((set) => set.location?.value))
  return model.organizations.flatMap((organization) => {
    const location = organization.location?.value
    const apps = organization.sites.flatMap((site) => site.apps)
    const findings: RuleFinding[] = []
    for (const app of apps) {
      if (app.byok && organization.byok === undefined) {
        const reason = 'the app asks for BYOK but its organization has no byok configuration'
        findings.push(
          refuse(
            'byok-missing',
            [...app.path, 'byok'],
            reason,
            'Add byok to the organization, or take byok from the app',
          ),
        )
      }
      if (
        !app.byok &&
        location !== undefined &&
        locationById(location) !== undefined &&
        !vendorLocations.has(location)
      ) {
        const reason = `the app is not BYOK and there are no vendor keys for location ${location}`
        const remedy = `Add location ${location} to vendorKeys, or set byok: true if the app is new and the customer asked for it`
        findings.push(refuse('vendor-keys-missing', app.path, reason, remedy))
      }
    }
    if (organization.byok !== undefined && !apps.some((app) => app.byok)) {
      findings.push(
        warn(
          'byok-unused',
          organization.byok.path,
          'no app of the organization uses this',
          'Set byok: true for new apps',
        ),
      )
    }
    return findings
  })
}
