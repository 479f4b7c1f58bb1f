import { z } from 'zod'
import {
  accessState,
  appType,
  component,
  managedBy,
  page,
  pageQuery,
  ruledAppType,
  ruledText,
  timestamp,
} from './common.ts'
import { routes } from './route.ts'

export const app = component(
  'App',
  'A product instance on a site.',
  z.object({
    type: appType,
    byok: z.boolean().describe('Decided at birth; never changes.'),
    encryption: z
      .enum(['byok', 'vendor-managed'])
      .describe("Under the customer's key, or under the vendor's, which no revocation touches."),
    state: accessState.describe('Of the keys that it is encrypted under.'),
    createdAt: timestamp.nullable(),
  }),
)

export const site = component(
  'Site',
  'A site and its apps.',
  z.object({
    name: z.string(),
    organization: z.string(),
    hosts: z.array(z.string()).describe('Host names that select the site.'),
    managedBy,
    createdAt: timestamp.nullable(),
    apps: z.array(app),
  }),
)

const hosts = z.array(ruledText).max(64)

const newApp = component(
  'NewApp',
  'What an app is created from.',
  z.strictObject({
    type: ruledAppType,
    byok: z.boolean().default(false).describe('True only if the customer asked for it; never changes.'),
  }),
)

const newSite = component(
  'NewSite',
  'What a site is created from.',
  z.strictObject({
    name: ruledText.describe(
      '1 to 63 lower-case letters, digits and inner hyphens, unique among all organizations.',
    ),
    hosts: hosts.default([]),
    apps: z.array(newApp).max(16).default([]),
  }),
)

const siteChange = component(
  'SiteChange',
  'Members that are absent stay as they are.',
  z.strictObject({
    name: ruledText.optional().describe('Another name than the present one is refused.'),
    hosts: hosts.optional(),
  }),
)

const appChange = component(
  'AppChange',
  'An app cannot be converted: another setting than the present one is refused.',
  z.strictObject({ byok: z.boolean() }),
)

/** Operations on sites and apps. */
export const siteRoutes = routes({
  'site.list': {
    method: 'GET',
    path: '/admin/v1/organizations/{organization}/sites',
    tag: 'Sites and apps',
    summary: 'List sites with their apps',
    access: 'read',
    query: pageQuery,
    response: page('SitePage', site),
    status: 200,
  },
  'site.create': {
    method: 'POST',
    path: '/admin/v1/organizations/{organization}/sites',
    tag: 'Sites and apps',
    summary: 'Create a site, with its first apps if wanted',
    access: 'manage',
    body: newSite,
    response: site,
    status: 201,
    etag: true,
  },
  'site.get': {
    method: 'GET',
    path: '/admin/v1/organizations/{organization}/sites/{site}',
    tag: 'Sites and apps',
    summary: 'Get a site with its apps',
    access: 'read',
    response: site,
    status: 200,
    etag: true,
  },
  'site.change': {
    method: 'PATCH',
    path: '/admin/v1/organizations/{organization}/sites/{site}',
    tag: 'Sites and apps',
    summary: 'Change the host names of a site',
    access: 'manage',
    body: siteChange,
    response: site,
    status: 200,
    etag: true,
  },
  'site.remove': {
    method: 'DELETE',
    path: '/admin/v1/organizations/{organization}/sites/{site}',
    tag: 'Sites and apps',
    summary: 'Remove a site that has no apps left',
    description: 'The name stays reserved for the organization: ciphertext is bound to it.',
    access: 'manage',
    status: 204,
    etag: true,
  },
  'app.list': {
    method: 'GET',
    path: '/admin/v1/organizations/{organization}/sites/{site}/apps',
    tag: 'Sites and apps',
    summary: 'List the apps of a site',
    access: 'read',
    query: pageQuery,
    response: page('AppPage', app),
    status: 200,
  },
  'app.get': {
    method: 'GET',
    path: '/admin/v1/organizations/{organization}/sites/{site}/apps/{app}',
    tag: 'Sites and apps',
    summary: 'Get an app',
    access: 'read',
    response: app,
    status: 200,
    etag: true,
  },
  'app.add': {
    method: 'POST',
    path: '/admin/v1/organizations/{organization}/sites/{site}/apps',
    tag: 'Sites and apps',
    summary: 'Add an app',
    description:
      'An app that was removed comes back with its data, under the setting that it had. A BYOK app goes on a new site, or on one that already has a BYOK app.',
    access: 'manage',
    body: newApp,
    response: app,
    status: 201,
    etag: true,
  },
  'app.change': {
    method: 'PATCH',
    path: '/admin/v1/organizations/{organization}/sites/{site}/apps/{app}',
    tag: 'Sites and apps',
    summary: 'Refuse to convert an app',
    description: 'Answers the app when nothing would change, and else 409 with what to do instead.',
    access: 'manage',
    body: appChange,
    response: app,
    status: 200,
  },
  'app.remove': {
    method: 'DELETE',
    path: '/admin/v1/organizations/{organization}/sites/{site}/apps/{app}',
    tag: 'Sites and apps',
    summary: 'Remove an app',
    description:
      'Its traffic is refused from then on. Its keys are kept: adding it again brings its data back.',
    access: 'manage',
    status: 204,
    etag: true,
  },
})
