import type { z } from 'zod'
import type { AccessStatus } from '../../access/access-control.ts'
import { locationById } from '../../config/locations.ts'
import type { CatalogApp, CatalogOrganization, CatalogSite } from '../../provisioning/catalog.ts'
import type { Impact } from '../../provisioning/byok.ts'
import type { Job } from '../../registry/jobs.ts'
import type { Suspension } from '../../registry/suspension.ts'
import type { access, suspension } from './contract/common.ts'
import type { rotation } from './contract/operations.ts'
import type { organization } from './contract/organizations.ts'
import type { app, site } from './contract/sites.ts'
import type { ApiServices } from './handler.ts'

/** An organization as the API shows it. */
export function organizationView(
  shown: CatalogOrganization,
  { catalog, accessStatus }: ApiServices,
): z.input<typeof organization> {
  const sites = catalog.sites(shown.id)
  const apps = sites.flatMap((entry) => entry.apps)
  const byok = apps.filter((entry) => entry.byok).length
  return {
    id: shown.id,
    name: shown.name,
    location: shown.location,
    locationName: locationById(shown.location)?.name ?? shown.location,
    regions: [...catalog.regionsOf(shown.location)],
    managedBy: shown.managedBy,
    createdAt: shown.createdAt,
    externalId: shown.externalId,
    byokConfigured: shown.byok !== undefined,
    sites: sites.length,
    apps: { byok, vendorManaged: apps.length - byok },
    access: shown.byok === undefined ? null : accessView(accessStatus(shown.id)),
  }
}

/** A site as the API shows it. */
export function siteView(shown: CatalogSite, services: ApiServices): z.input<typeof site> {
  const { name, organization, hosts, managedBy, createdAt, apps } = shown
  return {
    name,
    organization,
    hosts: [...hosts],
    managedBy,
    createdAt,
    apps: apps.map((entry) => appView(entry, organization, services)),
  }
}

/** An app as the API shows it. */
export function appView(
  { type, byok, createdAt }: CatalogApp,
  organization: string,
  { catalog, accessStatus }: ApiServices,
): z.input<typeof app> {
  const authority = byok ? organization : `vendor:${catalog.organization(organization)?.location}`
  return {
    type,
    byok,
    encryption: byok ? 'byok' : 'vendor-managed',
    state: accessStatus(authority)?.state ?? 'unverified',
    createdAt,
  }
}

/** Access to an authority's keys as the API shows it. */
export function accessView(status: AccessStatus | undefined): z.input<typeof access> {
  return {
    state: status?.state ?? 'unverified',
    verifiedAt: status?.verifiedAt ?? null,
    leaseAgeMs: status?.leaseAgeMs ?? null,
    transfers: status?.transfers ?? 0,
    suspension: status?.suspension === undefined ? null : suspensionView(status.suspension),
  }
}

/** A suspension as the API shows it. */
export function suspensionView(shown: Suspension): z.input<typeof suspension> {
  const { id, reason, scope, since, endedAt = null, region, awsError, awsRequestId, by } = shown
  return {
    id,
    reason,
    scope,
    since,
    endedAt,
    durationMs: endedAt === null ? null : Date.parse(endedAt) - Date.parse(since),
    region: region ?? null,
    awsError: awsError ?? null,
    awsRequestId: awsRequestId ?? null,
    by: by ?? null,
  }
}

/** A rotation as the API shows it. */
export function rotationView(job: Job): z.input<typeof rotation> {
  const { id, state, total, done, createdAt, createdBy, finishedAt, error } = job
  return { id, state, keys: { total, done }, createdAt, createdBy, finishedAt, error }
}

/** What a revocation would do, with lists of its own. */
export function impactView({ stops, continues, transfersCut, withinMs }: Impact) {
  return { stops: [...stops], continues: [...continues], transfersCut, withinMs }
}
