import type {
  AccessKeyRecord,
  AdministratorRecord,
  AppTokenRecord,
} from '../../../registry/control-plane/records.ts'
import { type ApiHandlers, type ApiServices, DONE } from '../handler.ts'
import { pageOf } from '../page.ts'

/** App tokens, S3 access keys, and who may use the API for an organization. */
export const credentialHandlers: ApiHandlers<
  | 'token.list'
  | 'token.create'
  | 'token.revoke'
  | 'access-key.list'
  | 'access-key.create'
  | 'access-key.revoke'
  | 'administrator.list'
  | 'administrator.create'
  | 'administrator.revoke'
> = {
  'token.list': ({ services, params, query }) => {
    const organization = existing(services, params)
    const { items, next } = pageOf(services.credentials.appTokens(organization), ({ id }) => id, query)
    return { body: { items: items.map(tokenView), next } }
  },

  'token.create': async ({ services, administrator, params, body }) => {
    const organization = existing(services, params)
    const { record, token } = await services.credentials.createAppToken(administrator, organization, body)
    return { body: { ...tokenView(record), token } }
  },

  'token.revoke': async ({ services, administrator, params }) => {
    await services.credentials.revokeAppToken(administrator, existing(services, params), params['token']!)
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

  'access-key.create': async ({ services, administrator, params, body }) => {
    const organization = existing(services, params)
    const { record, secretAccessKey } = await services.accessKeys.create(administrator, organization, body)
    return { body: { ...accessKeyView(record), secretAccessKey } }
  },

  'access-key.revoke': async ({ services, administrator, params }) => {
    await services.accessKeys.revoke(administrator, existing(services, params), params['accessKey']!)
    return DONE
  },

  'administrator.list': ({ services, params, query }) => {
    const organization = existing(services, params)
    const { items, next } = pageOf(services.credentials.administrators(organization), ({ id }) => id, query)
    return { body: { items: items.map(administratorView), next } }
  },

  'administrator.create': async ({ services, administrator, params, body }) => {
    const organization = existing(services, params)
    const made = await services.credentials.createAdministrator(administrator, organization, body)
    return { body: { ...administratorView(made.record), token: made.token } }
  },

  'administrator.revoke': async ({ services, administrator, params }) => {
    const organization = existing(services, params)
    await services.credentials.revokeAdministrator(administrator, organization, params['administrator']!)
    return DONE
  },
}

function existing(services: ApiServices, params: Readonly<Record<string, string>>): string {
  return services.organizations.get(params['organization']!).id
}

function tokenView({ id, name, sites, createdAt, createdBy, expiresAt }: AppTokenRecord) {
  return { id, name, sites: [...sites], managedBy: 'api' as const, createdAt, createdBy, expiresAt }
}

function accessKeyView(record: AccessKeyRecord) {
  const { accessKeyId, name, site, app, buckets, createdAt, createdBy, expiresAt } = record
  const managedBy = 'api' as const
  return { accessKeyId, name, site, app, buckets: [...buckets], managedBy, createdAt, createdBy, expiresAt }
}

function administratorView(record: AdministratorRecord) {
  const { id, name, role, subject, createdAt, createdBy, expiresAt } = record
  const kind = subject === null ? ('token' as const) : ('oidc' as const)
  return { id, name, role, kind, subject, createdAt, createdBy, expiresAt }
}
