import { z } from 'zod'
import { component, page, pageQuery } from './common.ts'
import { routes } from './route.ts'

export const identity = component(
  'Identity',
  'Who asks.',
  z.object({
    name: z.string(),
    role: z.enum(['operator', 'auditor', 'org-admin']),
    organization: z.string().nullable().describe('The only organization that can be seen; null for all.'),
  }),
)

export const location = component(
  'Location',
  'A data residency location.',
  z.object({
    id: z.string(),
    name: z.string(),
    regions: z.array(z.string()).describe('A key must exist in each; primary first.'),
    vendorKeys: z.boolean().describe('Whether apps that are not BYOK can be added there.'),
  }),
)

/** Operations on nothing in particular. */
export const generalRoutes = routes({
  'identity.get': {
    method: 'GET',
    path: '/admin/v1/identity',
    tag: 'General',
    summary: 'Who the credentials belong to',
    access: 'self',
    response: identity,
    status: 200,
  },
  'location.list': {
    method: 'GET',
    path: '/admin/v1/locations',
    tag: 'General',
    summary: 'List the data residency locations',
    access: 'self',
    query: pageQuery,
    response: page('LocationPage', location),
    status: 200,
  },
})
