import { z } from 'zod'
import {
  access,
  component,
  displayName,
  locationId,
  managedBy,
  page,
  pageQuery,
  ruledText,
  timestamp,
} from './common.ts'
import { routes } from './route.ts'

export const organization = component(
  'Organization',
  'A customer.',
  z.object({
    id: z.string(),
    name: z.string().nullable(),
    location: locationId.describe('Never changes.'),
    locationName: z.string(),
    regions: z.array(z.string()).describe('AWS regions of the location, primary first.'),
    managedBy,
    createdAt: timestamp.nullable(),
    externalId: z.string().nullable().describe('For the trust policy of the role; given by the gateway.'),
    byokConfigured: z.boolean(),
    sites: z.number().int(),
    apps: z
      .object({ byok: z.number().int(), vendorManaged: z.number().int() })
      .describe('Vendor-managed apps are not touched by a revocation.'),
    access: access.nullable().describe('Of the BYOK configuration; null without one.'),
  }),
)

const newOrganization = component(
  'NewOrganization',
  'What an organization is created from.',
  z.strictObject({
    id: ruledText.describe(
      '1 to 63 lower-case letters, digits and inner hyphens. Binds every ciphertext; never changes.',
    ),
    name: displayName.optional(),
    location: ruledText.describe('Where keys and app data live. Never changes.'),
  }),
)

const organizationChange = component(
  'OrganizationChange',
  'Members that are absent stay as they are.',
  z.strictObject({
    name: displayName.optional(),
    location: ruledText.optional().describe('Another location than the present one is refused.'),
  }),
)

/** Operations on organizations. */
export const organizationRoutes = routes({
  'organization.list': {
    method: 'GET',
    path: '/admin/v1/organizations',
    tag: 'Organizations',
    summary: 'List organizations',
    description: 'Someone bound to one organization sees that one only.',
    access: 'read',
    query: pageQuery,
    response: page('OrganizationPage', organization),
    status: 200,
  },
  'organization.create': {
    method: 'POST',
    path: '/admin/v1/organizations',
    tag: 'Organizations',
    summary: 'Create an organization',
    access: 'operate',
    body: newOrganization,
    response: organization,
    status: 201,
    etag: true,
  },
  'organization.get': {
    method: 'GET',
    path: '/admin/v1/organizations/{organization}',
    tag: 'Organizations',
    summary: 'Get an organization',
    access: 'read',
    response: organization,
    status: 200,
    etag: true,
  },
  'organization.change': {
    method: 'PATCH',
    path: '/admin/v1/organizations/{organization}',
    tag: 'Organizations',
    summary: 'Change the name of an organization',
    access: 'manage',
    body: organizationChange,
    response: organization,
    status: 200,
    etag: true,
  },
})
