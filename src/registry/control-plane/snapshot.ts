import type { AppType } from '../../tenant/tenant.ts'
import type {
  AccessKeyRecord,
  AdministratorRecord,
  AppRecord,
  AppTokenRecord,
  ByokRecord,
  ControlPlaneChanges,
  OrganizationRecord,
  SiteRecord,
} from './records.ts'

/** The control plane in memory. Removed entries are here too, where a rule still asks for them. */
export class ControlPlaneSnapshot {
  readonly organizations = new Map<string, OrganizationRecord>()
  readonly byok = new Map<string, ByokRecord>()
  readonly sites = new Map<string, SiteRecord>()
  readonly appTokens = new Map<string, AppTokenRecord>()
  readonly accessKeys = new Map<string, AccessKeyRecord>()
  readonly administrators = new Map<string, AdministratorRecord>()
  readonly #apps = new Map<string, Map<AppType, AppRecord>>()
  readonly #sitesByOrganization = new Map<string, Set<string>>()

  /** Apps that a site has now. */
  appsOf(site: string): AppRecord[] {
    return [...(this.#apps.get(site)?.values() ?? [])].filter((app) => app.removedAt === null)
  }

  /** Apps that a site ever had. */
  everyAppOf(site: string): AppRecord[] {
    return [...(this.#apps.get(site)?.values() ?? [])]
  }

  /** Sites that an organization has now, by name. */
  sitesOf(organization: string): SiteRecord[] {
    return [...(this.#sitesByOrganization.get(organization) ?? [])]
      .sort()
      .map((name) => this.sites.get(name)!)
      .filter((site) => site.removedAt === null)
  }

  /** Takes changes in. */
  apply(changes: ControlPlaneChanges): void {
    for (const record of changes.organizations) this.organizations.set(record.id, record)
    for (const record of changes.byok) this.byok.set(record.organization, record)
    for (const record of changes.sites) {
      this.sites.set(record.name, record)
      const names = this.#sitesByOrganization.get(record.organization)
      if (names === undefined) this.#sitesByOrganization.set(record.organization, new Set([record.name]))
      else names.add(record.name)
    }
    for (const record of changes.apps) {
      const apps = this.#apps.get(record.site)
      if (apps === undefined) this.#apps.set(record.site, new Map([[record.type, record]]))
      else apps.set(record.type, record)
    }
    for (const record of changes.appTokens) keep(this.appTokens, record.id, record)
    for (const record of changes.accessKeys) keep(this.accessKeys, record.accessKeyId, record)
    for (const record of changes.administrators) keep(this.administrators, record.id, record)
  }
}

/** A credential that was removed is of no further use. */
function keep<Entry extends { readonly removedAt: string | null }>(
  records: Map<string, Entry>,
  id: string,
  record: Entry,
): void {
  if (record.removedAt === null) records.set(id, record)
  else records.delete(id)
}
