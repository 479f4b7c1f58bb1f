import { type Act, translated, type Translations } from './act.ts'

/** A request of the admin API, with its path below `/admin/v1/organizations`. */
export interface ApiRequest {
  readonly method: string
  readonly path: string
  readonly body?: unknown
}

const post = (path: string, body?: unknown): ApiRequest => ({ method: 'POST', path, body })
const patch = (path: string, body: unknown): ApiRequest => ({ method: 'PATCH', path, body })
const remove = (path: string): ApiRequest => ({ method: 'DELETE', path })

const REQUESTS: Translations<ApiRequest> = {
  'create-organization': ({ id, location }) => post('', { id, location }),
  'move-organization': ({ organization, location }) => patch(`/${organization}`, { location }),
  'rename-organization': ({ organization, name }) => patch(`/${organization}`, { name }),
  'plan-byok': ({ organization, accountId }) => {
    const query = accountId === undefined ? '' : `?accountId=${encodeURIComponent(accountId)}`
    return { method: 'GET', path: `/${organization}/byok/plan${query}` }
  },
  'set-byok': ({ organization, accountId, roleArn, keys }) => {
    return { method: 'PUT', path: `/${organization}/byok`, body: { accountId, roleArn, keys } }
  },
  'show-notification-secret': ({ organization }) => post(`/${organization}/byok/notification-secret`),
  'create-site': ({ organization, name, hosts, apps }) =>
    post(`/${organization}/sites`, { name, hosts, apps }),
  'rename-site': ({ organization, site, name }) => patch(`/${organization}/sites/${site}`, { name }),
  'set-hosts': ({ organization, site, hosts }) => patch(`/${organization}/sites/${site}`, { hosts }),
  'remove-site': ({ organization, site }) => remove(`/${organization}/sites/${site}`),
  'add-app': ({ organization, site, type, byok }) =>
    post(`/${organization}/sites/${site}/apps`, { type, byok }),
  'convert-app': ({ organization, site, type, byok }) =>
    patch(`/${organization}/sites/${site}/apps/${type}`, { byok }),
  'create-token': ({ organization, name, sites, expiresAt }) =>
    post(`/${organization}/tokens`, { name, sites, expiresAt }),
  'create-access-key': ({ organization, name, site, app, expiresAt }) =>
    post(`/${organization}/access-keys`, { name, site, app, expiresAt }),
  'add-administrator': ({ organization, name, subject, expiresAt }) =>
    post(`/${organization}/administrators`, { name, subject, expiresAt }),
  suspend: ({ organization }) => post(`/${organization}/suspensions`),
  lift: ({ organization, suspension }) => remove(`/${organization}/suspensions/${suspension}`),
}

/** An act as a request of the admin API. */
export function requestOf(act: Act): ApiRequest {
  return translated(REQUESTS, act)
}
