import type { AppRecord, SiteRecord } from '../registry/control-plane/records.ts'
import {
  appsOfSite,
  claimHosts,
  findByok,
  findSite,
  saveApp,
  saveSite,
} from '../registry/control-plane/statements.ts'
import type { SqlWork } from '../registry/sql/statement.ts'
import type { AppType } from '../tenant/tenant.ts'
import { type CatalogApp, type CatalogOrganization, type CatalogSite, siteOfRecords } from './catalog.ts'
import {
  type Actor,
  assertManagedHere,
  assertRevision,
  changeableOrganization,
  now,
  type ProvisioningContext,
  recordChange,
} from './context.ts'
import { refusedBy, unknown } from './refusal.ts'
import {
  appTypeOf,
  assertRules,
  conversionRefused,
  judgeNewApp,
  type RuledOrganization,
} from './tenant-rules.ts'

/** An app as it is asked for, by the name of its type. */
export interface NewApp {
  readonly type: string
  readonly byok: boolean
}

/** Makes and changes sites and apps. Every refusal is a `PortcullisError`. */
export class SiteService {
  readonly #context: ProvisioningContext

  constructor(context: ProvisioningContext) {
    this.#context = context
  }

  /** Throws `resource-unknown`. */
  get(organization: string, name: string): CatalogSite {
    const site = this.#context.catalog.site(organization, name)
    if (site === undefined) throw unknown('site', name)
    return site
  }

  /** Throws `resource-unknown`. */
  app(organization: string, name: string, type: string): CatalogApp {
    const app = this.get(organization, name).apps.find((candidate) => candidate.type === type)
    if (app === undefined) throw unknown(`app on site ${JSON.stringify(name)},`, type)
    return app
  }

  async create(
    actor: Actor,
    organizationId: string,
    wanted: { readonly name: string; readonly hosts: readonly string[]; readonly apps: readonly NewApp[] },
  ): Promise<CatalogSite> {
    const organization = changeableOrganization(this.#context, organizationId)
    const { name } = wanted
    const apps = wanted.apps.map(({ type, byok }, index) => ({
      type: appTypeOf(type, `apps[${index}].type`),
      byok,
    }))
    const hosts = [...new Set(wanted.hosts)]
    assertRules(ruled(organization, { name, hosts, apps }), this.#context.catalog, 2)
    const createdAt = now(this.#context)
    await this.#context.controlPlane.change(function* (revision): SqlWork<void> {
      const other = yield* findSite(name)
      if (other !== undefined && (other.removedAt === null || other.organization !== organizationId)) {
        throw siteTaken(name, other.organization === organizationId)
      }
      const since = { createdAt: other?.createdAt ?? createdAt, removedAt: null, revision }
      yield* saveSite({ name, organization: organizationId, hosts, managedBy: 'api', ...since })
      yield* assertHostsFree(name, hosts)
      for (const [index, app] of apps.entries()) {
        const history = yield* appsOfSite(name)
        yield* addApp(app, name, organizationId, history, `apps[${index}]`, createdAt, revision)
      }
    })
    recordChange(this.#context, actor, 'site.created', { organization: organizationId, site: name })
    for (const { type, byok } of apps) this.#recordApp(actor, byok, organizationId, name, type)
    return this.get(organizationId, name)
  }

  async change(
    actor: Actor,
    organizationId: string,
    name: string,
    wanted: { readonly name?: string | undefined; readonly hosts?: readonly string[] | undefined },
    expectedRevision?: number,
  ): Promise<CatalogSite> {
    const organization = changeableOrganization(this.#context, organizationId)
    const site = this.get(organizationId, name)
    if (wanted.name !== undefined && wanted.name !== name) throw nameImmutable(name)
    if (wanted.hosts === undefined) {
      assertRevision(site.revision, expectedRevision)
      return site
    }
    const hosts = [...new Set(wanted.hosts)]
    assertRules(ruled(organization, { name, hosts, apps: [] }), this.#context.catalog, 2)
    await this.#context.controlPlane.change(function* (revision): SqlWork<void> {
      const { record, apps } = yield* presentSite(organizationId, name)
      assertRevision(siteOfRecords(record, apps).revision, expectedRevision)
      yield* saveSite({ ...record, hosts, revision })
      yield* assertHostsFree(name, hosts)
    })
    recordChange(this.#context, actor, 'site.changed', { organization: organizationId, site: name })
    return this.get(organizationId, name)
  }

  /** Removes a site without apps; its name stays with the organization. */
  async remove(actor: Actor, organizationId: string, name: string, expectedRevision?: number): Promise<void> {
    changeableOrganization(this.#context, organizationId)
    const removedAt = now(this.#context)
    await this.#context.controlPlane.change(function* (revision): SqlWork<void> {
      const { record, apps } = yield* presentSite(organizationId, name)
      const site = siteOfRecords(record, apps)
      assertRevision(site.revision, expectedRevision)
      if (site.apps.length > 0) throw siteNotEmpty(site)
      yield* claimHosts(name, [])
      yield* saveSite({ ...record, hosts: [], removedAt, revision })
    })
    recordChange(this.#context, actor, 'site.removed', { organization: organizationId, site: name })
  }

  async addApp(actor: Actor, organizationId: string, name: string, wanted: NewApp): Promise<CatalogApp> {
    const organization = changeableOrganization(this.#context, organizationId)
    this.get(organizationId, name)
    const app = { type: appTypeOf(wanted.type, 'type'), byok: wanted.byok }
    assertRules(ruled(organization, { name, hosts: [], apps: [app] }), this.#context.catalog, 4)
    const createdAt = now(this.#context)
    await this.#context.controlPlane.change(function* (revision): SqlWork<void> {
      yield* presentSite(organizationId, name)
      const history = yield* appsOfSite(name)
      yield* addApp(app, name, organizationId, history, '', createdAt, revision)
    })
    this.#recordApp(actor, app.byok, organizationId, name, app.type)
    return this.app(organizationId, name, app.type)
  }

  /** The app, when `byok` is what it has; an app is never converted. */
  assertSetting(organizationId: string, name: string, type: string, byok: boolean): CatalogApp {
    const app = this.app(organizationId, name, type)
    if (app.byok !== byok) throw conversionRefused(app)
    return app
  }

  /** Removes an app; its keys stay, and its setting. */
  async removeApp(
    actor: Actor,
    organizationId: string,
    name: string,
    type: string,
    expectedRevision?: number,
  ): Promise<void> {
    changeableOrganization(this.#context, organizationId)
    const present = this.app(organizationId, name, type)
    const removedAt = now(this.#context)
    await this.#context.controlPlane.change(function* (revision): SqlWork<void> {
      const { apps } = yield* presentSite(organizationId, name)
      const app = apps.find((candidate) => candidate.type === type && candidate.removedAt === null)
      if (app === undefined) throw unknown(`app on site ${JSON.stringify(name)},`, type)
      assertRevision(app.revision, expectedRevision)
      yield* saveApp({ ...app, removedAt, revision })
    })
    const about = { organization: organizationId, site: name, app: present.type }
    recordChange(this.#context, actor, 'app.removed', about)
  }

  #recordApp(actor: Actor, byok: boolean, organization: string, site: string, app: AppType): void {
    const change = byok ? 'app.added-byok' : 'app.added-vendor-managed'
    recordChange(this.#context, actor, change, { organization, site, app })
  }
}

function ruled(
  { id, location, byok }: CatalogOrganization,
  site: NonNullable<RuledOrganization['sites']>[number],
): RuledOrganization {
  return { id, location, ...(byok === undefined ? {} : { byok }), sites: [site] }
}

function* presentSite(
  organization: string,
  name: string,
): SqlWork<{ record: SiteRecord; apps: AppRecord[] }> {
  const record = yield* findSite(name)
  if (record === undefined || record.organization !== organization || record.removedAt !== null) {
    throw unknown('site', name)
  }
  assertManagedHere(record, 'site', name)
  return { record, apps: yield* appsOfSite(name) }
}

function* addApp(
  app: { readonly type: AppType; readonly byok: boolean },
  site: string,
  organization: string,
  history: readonly AppRecord[],
  path: string,
  createdAt: string,
  revision: number,
): SqlWork<void> {
  const earlier = judgeNewApp(app, site, history, path)
  if (app.byok && (yield* findByok(organization)) === undefined) {
    throw refusedBy('byok-missing', path, 'the organization has no BYOK configuration', 'Set it first')
  }
  yield* saveApp({ site, ...app, createdAt: earlier?.createdAt ?? createdAt, removedAt: null, revision })
}

function* assertHostsFree(site: string, hosts: readonly string[]): SqlWork<void> {
  const taken = yield* claimHosts(site, hosts)
  if (taken === undefined) return
  // whose it is is not for everybody
  const reason = `host ${JSON.stringify(taken.host)} selects another site`
  throw refusedBy('host-taken', 'hosts', reason, 'Choose another host: a host selects one site only')
}

function siteTaken(name: string, own: boolean): Error {
  if (own) {
    const reason = `the organization has site ${JSON.stringify(name)} already`
    return refusedBy('site-exists', 'name', reason, 'Add the apps to it')
  }
  const reason = `site ${JSON.stringify(name)} belongs to another organization`
  const remedy = 'Choose another name: site names are unique among all organizations'
  return refusedBy('site-foreign', 'name', reason, remedy)
}

function nameImmutable(name: string): Error {
  const reason = `site ${JSON.stringify(name)} cannot be renamed: its name binds every ciphertext`
  return refusedBy('site-name-immutable', 'name', reason, 'Create another site, and move the data there')
}

function siteNotEmpty(site: CatalogSite): Error {
  const apps = site.apps.map(({ type }) => type).join(', ')
  const reason = `site ${JSON.stringify(site.name)} has ${apps}`
  return refusedBy('site-not-empty', '', reason, 'Remove its apps first')
}
