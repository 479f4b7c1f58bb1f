import { LOCATIONS } from '../../../config/locations.ts'
import { type ApiHandlers, DONE } from '../handler.ts'
import { pageOf } from '../page.ts'
import { appView, organizationView, siteView } from '../views.ts'

const LOCATIONS_BY_ID = [...LOCATIONS].sort((a, b) => (a.id < b.id ? -1 : 1))

/** Who asks, locations, organizations, sites and apps. */
export const tenantHandlers: ApiHandlers<
  | 'identity.get'
  | 'location.list'
  | 'organization.list'
  | 'organization.create'
  | 'organization.get'
  | 'organization.change'
  | 'site.list'
  | 'site.create'
  | 'site.get'
  | 'site.change'
  | 'site.remove'
  | 'app.list'
  | 'app.get'
  | 'app.add'
  | 'app.change'
  | 'app.remove'
> = {
  'identity.get': ({ administrator: { name, role, organization } }) => ({
    body: { name, role, organization: organization ?? null },
  }),

  'location.list': ({ services: { catalog }, query }) => {
    const { items, next } = pageOf(LOCATIONS_BY_ID, ({ id }) => id, query)
    const shown = items.map(({ id, name, regions }) => ({
      id,
      name,
      regions: [...regions],
      vendorKeys: catalog.hasVendorKeys(id),
    }))
    return { body: { items: shown, next } }
  },

  'organization.list': ({ services, administrator, query }) => {
    const { catalog } = services
    const own = administrator.organization
    const ids = own === undefined ? catalog.organizationIds() : [own]
    const { items, next } = pageOf(ids, (id) => id, query)
    const shown = items.map((id) => catalog.organization(id)).filter((entry) => entry !== undefined)
    return { body: { items: shown.map((entry) => organizationView(entry, services)), next } }
  },

  'organization.create': async ({ services, administrator, body }) => {
    const made = await services.organizations.create(administrator, body)
    return { body: organizationView(made, services), revision: made.revision }
  },

  'organization.get': ({ services, params }) => {
    const shown = services.organizations.get(params['organization']!)
    return { body: organizationView(shown, services), revision: shown.revision }
  },

  'organization.change': async ({ services, administrator, params, body, expectedRevision }) => {
    const id = params['organization']!
    const changed = await services.organizations.change(administrator, id, body, expectedRevision)
    return { body: organizationView(changed, services), revision: changed.revision }
  },

  'site.list': ({ services, params, query }) => {
    const { id } = services.organizations.get(params['organization']!)
    const { items, next } = pageOf(services.catalog.sites(id), ({ name }) => name, query)
    return { body: { items: items.map((entry) => siteView(entry, services)), next } }
  },

  'site.create': async ({ services, administrator, params, body }) => {
    const made = await services.sites.create(administrator, params['organization']!, body)
    return { body: siteView(made, services), revision: made.revision }
  },

  'site.get': ({ services, params }) => {
    const shown = services.sites.get(params['organization']!, params['site']!)
    return { body: siteView(shown, services), revision: shown.revision }
  },

  'site.change': async ({ services, administrator, params, body, expectedRevision }) => {
    const { organization, site } = params as { organization: string; site: string }
    const changed = await services.sites.change(administrator, organization, site, body, expectedRevision)
    return { body: siteView(changed, services), revision: changed.revision }
  },

  'site.remove': async ({ services, administrator, params, expectedRevision }) => {
    const { organization, site } = params as { organization: string; site: string }
    await services.sites.remove(administrator, organization, site, expectedRevision)
    return DONE
  },

  'app.list': ({ services, params, query }) => {
    const { apps, organization } = services.sites.get(params['organization']!, params['site']!)
    const sorted = apps.toSorted((a, b) => (a.type < b.type ? -1 : 1))
    const { items, next } = pageOf(sorted, ({ type }) => type, query)
    return { body: { items: items.map((entry) => appView(entry, organization, services)), next } }
  },

  'app.get': ({ services, params }) => {
    const { organization, site, app } = params as { organization: string; site: string; app: string }
    const shown = services.sites.app(organization, site, app)
    return { body: appView(shown, organization, services), revision: shown.revision }
  },

  'app.add': async ({ services, administrator, params, body }) => {
    const { organization, site } = params as { organization: string; site: string }
    const added = await services.sites.addApp(administrator, organization, site, body)
    return { body: appView(added, organization, services), revision: added.revision }
  },

  'app.change': ({ services, params, body }) => {
    const { organization, site, app } = params as { organization: string; site: string; app: string }
    const same = services.sites.assertSetting(organization, site, app, body.byok)
    return { body: appView(same, organization, services) }
  },

  'app.remove': async ({ services, administrator, params, expectedRevision }) => {
    const { organization, site, app } = params as { organization: string; site: string; app: string }
    await services.sites.removeApp(administrator, organization, site, app, expectedRevision)
    return DONE
  },
}
