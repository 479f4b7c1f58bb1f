import { locationById } from '../config/locations.ts'
import type { Configuration } from '../config/schema.ts'
import type { ControlPlane } from '../registry/control-plane/control-plane.ts'
import type { AppRecord, ManagedBy, SiteRecord } from '../registry/control-plane/records.ts'
import type { AppType } from '../tenant/tenant.ts'

/** What the configuration file says about tenants. */
export type FileTenants = Pick<Configuration, 'organizations' | 'vendorKeys' | 'stores'>

/** A BYOK configuration, wherever it comes from. */
export interface CatalogByok {
  readonly accountId: string
  readonly roleArn: string
  readonly externalId: string
  readonly keys: Readonly<Record<string, string>>
  readonly createdAt: string | null
  /** Counts changes; 0 in the configuration file. */
  readonly revision: number
}

/** An app, wherever it comes from. */
export interface CatalogApp {
  readonly type: AppType
  readonly byok: boolean
  readonly createdAt: string | null
  /** Counts additions and removals; 0 in the configuration file. */
  readonly revision: number
}

/** A site, wherever it comes from. */
export interface CatalogSite {
  readonly name: string
  readonly organization: string
  readonly hosts: readonly string[]
  readonly managedBy: ManagedBy
  readonly createdAt: string | null
  /** Counts changes of the site and its apps. */
  readonly revision: number
  readonly apps: readonly CatalogApp[]
}

/** An organization, wherever it comes from. */
export interface CatalogOrganization {
  readonly id: string
  readonly name: string | null
  readonly location: string
  readonly externalId: string | null
  readonly managedBy: ManagedBy
  readonly createdAt: string | null
  readonly revision: number
  readonly byok: CatalogByok | undefined
}

/** Organizations of the configuration file and of the registry as one; reads from memory. */
export class Catalog {
  readonly #file: FileTenants
  readonly #fileOrganizations: ReadonlyMap<string, FileTenants['organizations'][number]>
  readonly #controlPlane: ControlPlane
  #ids: { readonly revision: number; readonly sorted: readonly string[] } | undefined

  constructor(file: FileTenants, controlPlane: ControlPlane) {
    this.#file = file
    // one that is handed over is in the registry by now
    const managed = file.organizations.filter(({ managedBy }) => managedBy === 'file')
    this.#fileOrganizations = new Map(managed.map((entry) => [entry.id, entry]))
    this.#controlPlane = controlPlane
  }

  get vendorKeys(): FileTenants['vendorKeys'] {
    return this.#file.vendorKeys
  }

  get stores(): FileTenants['stores'] {
    return this.#file.stores
  }

  hasVendorKeys(location: string): boolean {
    return this.#file.vendorKeys.some((set) => set.location === location)
  }

  /** Identifiers of all organizations in order. */
  organizationIds(): readonly string[] {
    const { revision, snapshot } = this.#controlPlane
    if (this.#ids?.revision !== revision) {
      const registered = [...snapshot.organizations.values()].filter(({ managedBy }) => managedBy === 'api')
      const ids = new Set([...this.#fileOrganizations.keys(), ...registered.map(({ id }) => id)])
      this.#ids = { revision, sorted: [...ids].sort() }
    }
    return this.#ids.sorted
  }

  organization(id: string): CatalogOrganization | undefined {
    const record = this.#controlPlane.snapshot.organizations.get(id)
    const entry = this.#fileOrganizations.get(id)
    if (entry !== undefined) {
      return {
        id,
        name: entry.name ?? null,
        location: entry.location,
        externalId: entry.byok?.externalId ?? null,
        managedBy: 'file',
        createdAt: record?.createdAt ?? null,
        revision: record?.revision ?? 0,
        byok: entry.byok && { ...entry.byok, createdAt: null, revision: 0 },
      }
    }
    if (record?.managedBy !== 'api') return undefined
    const { name, location, externalId, createdAt, revision } = record
    const byok = this.#controlPlane.snapshot.byok.get(id)
    return {
      id,
      name,
      location,
      externalId,
      managedBy: 'api',
      createdAt,
      revision,
      byok: byok && {
        accountId: byok.accountId,
        roleArn: byok.roleArn,
        externalId: externalId ?? '',
        keys: byok.keys,
        createdAt: byok.createdAt,
        revision: byok.revision,
      },
    }
  }

  /** Sites that an organization has now, by name. */
  sites(organization: string): CatalogSite[] {
    const entry = this.#fileOrganizations.get(organization)
    const { snapshot } = this.#controlPlane
    if (entry === undefined) {
      return snapshot.sitesOf(organization).map((site) => siteOfRecords(site, snapshot.everyAppOf(site.name)))
    }
    const sites = entry.sites.map((site): CatalogSite => {
      const record = snapshot.sites.get(site.name)
      const apps = site.apps.map(({ type, byok }) => ({ type, byok, createdAt: null, revision: 0 }))
      return {
        name: site.name,
        organization,
        hosts: site.hosts,
        managedBy: 'file',
        createdAt: record?.createdAt ?? null,
        revision: record?.revision ?? 0,
        apps,
      }
    })
    return sites.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  site(organization: string, name: string): CatalogSite | undefined {
    return this.sites(organization).find((site) => site.name === name)
  }

  /** Regions of a location, primary first. */
  regionsOf(location: string): readonly string[] {
    return locationById(location)?.regions ?? []
  }
}

/** A site of the registry. `apps` are all that it ever had, since removing one changes the site as well. */
export function siteOfRecords(site: SiteRecord, apps: readonly AppRecord[]): CatalogSite {
  const { name, organization, hosts, managedBy, createdAt } = site
  return {
    name,
    organization,
    hosts,
    managedBy,
    createdAt,
    revision: Math.max(site.revision, ...apps.map((app) => app.revision)),
    apps: apps
      .filter((app) => app.removedAt === null)
      .map(({ type, byok, createdAt, revision }) => ({ type, byok, createdAt, revision })),
  }
}
