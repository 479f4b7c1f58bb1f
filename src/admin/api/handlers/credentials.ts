import type { ListedAccessKey, ListedToken } from '../../../provisioning/declared-credentials.ts'
import type { AdministratorRecord } from '../../../registry/control-plane/records.ts'
import { type ApiHandlers, type ApiServices, DONE } from '../handler.ts'
import { pageOf } from '../page.ts'

/** App tokens, S3 access keys, and who may use the API for an organization. */
export const credentialHandlers: ApiHandlers<
  | 'token.list'
  | 'token.get'
  | 'token.create'
  | 'token.revoke'
  | 'access-key.list'
  | 'access-key.get'
  | 'access-key.create'
  | 'access-key.revoke'
  | 'administrator.list'
  | 'administrator.get'
  | 'administrator.create'
  | 'administrator.revoke'
> = {
  'token.list': ({ services, params, query }) => {
    const organization = existing(services, params)
    const { items, next } = pageOf(services.credentials.appTokens(organization), ({ id }) => id, query)
    return { body: { items: items.map(tokenView), next } }
  },

  'token.get': ({ services, params }) => {
    const token = services.credentials.appToken(existing(services, params), params['token']!)
    return { body: tokenView(token), revision: token.revision }
  },

  'token.create': async ({ services, administrator, params, body }) => {
    const organization = existing(services, params)
    const { record, token } = await services.credentials.createAppToken(administrator, organization, body)
    return { body: { ...tokenView(record), token }, revision: record.revision }
  },

  'token.revoke': async ({ services, administrator, params, expectedRevision }) => {
    const organization = existing(services, params)
    const id = params['token']!
    await services.credentials.revokeAppToken(administrator, organization, id, expectedRevision)
    return DONE
  },

  'access-key.list': ({ services, params, query }) => {
    const organization = existing(services, params)
    const { items, next } = pageOf(
      services.accessKeys.list(organization),
      ({ accessKeyId }) => accessKeyId,
      query,
    )
    return { body: { items: items.map(accessKeyView), next } }
  },

  'access-key.get': ({ services, params }) => {
    const key = services.accessKeys.get(existing(services, params), params['accessKey']!)
    return { body: accessKeyView(key), revision: key.revision }
  },

  'access-key.create': async ({ services, administrator, params, body }) => {
    const organization = existing(services, params)
    const { record, secretAccessKey } = await services.accessKeys.create(administrator, organization, body)
    return { body: { ...accessKeyView(record), secretAccessKey }, revision: record.revision }
  },

  'access-key.revoke': async ({ services, administrator, params, expectedRevision }) => {
    const organization = existing(services, params)
    const id = params['accessKey']!
    await services.accessKeys.revoke(administrator, organization, id, expectedRevision)
    return DONE
  },

  'administrator.list': ({ services, params, query }) => {
    const organization = existing(services, params)
    const { items, next } = pageOf(services.credentials.administrators(organization), ({ id }) => id, query)
    return { body: { items: items.map(administratorView), next } }
  },

  'administrator.get': ({ services, params }) => {
    const id = params['administrator']!
    const record = services.credentials.administrator(existing(services, params), id)
    return { body: administratorView(record), revision: record.revision }
  },

  'administrator.create': async ({ services, administrator, params, body }) => {
    const organization = existing(services, params)
    const made = await services.credentials.createAdministrator(administrator, organization, body)
    return { body: { ...administratorView(made.record), token: made.token }, revision: made.record.revision }
  },

  'administrator.revoke': async ({ services, administrator, params, expectedRevision }) => {
    const organization = existing(services, params)
    const id = params['administrator']!
    await services.credentials.revokeAdministrator(administrator, organization, id, expectedRevision)
    return DONE
  },
}

function existing(services: ApiServices, params: Readonly<Record<string, string>>): string {
  return services.organizations.get(params['organization']!).id
}

function tokenView(token: ListedToken) {
  return { ...token, sites: [...token.sites] }
}

function accessKeyView(key: ListedAccessKey) {
  return { ...key, buckets: [...key.buckets] }
}

function administratorView(record: AdministratorRecord) {
  const { id, name, role, subject, createdAt, createdBy, expiresAt } = record
  const kind = subject === null ? ('token' as const) : ('oidc' as const)
  return { id, name, role, kind, subject, createdAt, createdBy, expiresAt }
}
