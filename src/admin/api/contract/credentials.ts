import { z } from 'zod'
import {
  appType,
  component,
  credentialName,
  managedBy,
  page,
  pageQuery,
  ruledAppType,
  ruledText,
  timestamp,
} from './common.ts'
import { routes } from './route.ts'

const expiresAt = timestamp.nullable()
const newExpiry = z.iso.datetime().optional().describe('RFC 3339, UTC; never expires when absent.')

export const appToken = component(
  'AppToken',
  'A bearer token of the data plane (`Portcullis-Authorization`), or a client certificate of the configuration file that stands for one. The gateway keeps only the SHA-256 of a token.',
  z.object({
    id: z.string(),
    kind: z.enum(['token', 'client-certificate']),
    name: z.string(),
    sites: z.array(z.string()).describe('The only sites of the organization that it reaches.'),
    managedBy,
    createdAt: timestamp.nullable(),
    createdBy: z.string().nullable(),
    expiresAt,
  }),
)

const newAppToken = component(
  'NewAppToken',
  'What an app token is made for.',
  z.strictObject({
    name: credentialName,
    sites: z.array(ruledText).min(1).max(1_000),
    expiresAt: newExpiry,
  }),
)

const createdAppToken = component(
  'CreatedAppToken',
  'The token itself is shown once; null when an answer is repeated for its Idempotency-Key.',
  appToken.extend({ token: z.string().nullable() }),
)

export const accessKey = component(
  'AccessKey',
  'An S3 access key. The secret of one that was made here is kept sealed under a tenant key of its app, so it obeys a revocation as well.',
  z.object({
    accessKeyId: z.string(),
    name: z.string(),
    site: z.string(),
    app: appType.describe(
      'The app whose keys seal; every S3 store that keeps its attachments can be reached.',
    ),
    buckets: z.array(z.string()).describe('The only buckets that it reaches; empty for all.'),
    managedBy,
    createdAt: timestamp.nullable(),
    createdBy: z.string().nullable(),
    expiresAt,
  }),
)

const newAccessKey = component(
  'NewAccessKey',
  'What an S3 access key is made for.',
  z.strictObject({
    name: credentialName,
    site: ruledText,
    app: ruledAppType,
    buckets: z
      .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/))
      .max(1_000)
      .default([]),
    expiresAt: newExpiry,
  }),
)

const createdAccessKey = component(
  'CreatedAccessKey',
  'The secret is shown once; null when an answer is repeated for its Idempotency-Key.',
  accessKey.extend({ secretAccessKey: z.string().nullable() }),
)

const boundRole = z.enum(['org-admin', 'auditor'])

export const administrator = component(
  'Administrator',
  'Someone who may use this API for one organization: the holder of a token, or an OIDC subject.',
  z.object({
    id: z.string(),
    name: z.string(),
    role: boundRole,
    kind: z.enum(['token', 'oidc']),
    subject: z.string().nullable().describe('`sub` of the OIDC identity.'),
    createdAt: timestamp,
    createdBy: z.string(),
    expiresAt,
  }),
)

const newAdministrator = component(
  'NewAdministrator',
  'With `subject` an OIDC identity is given the role; without, a token is made.',
  z.strictObject({
    name: credentialName,
    role: boundRole.default('org-admin'),
    subject: z.string().min(1).max(255).optional(),
    expiresAt: newExpiry,
  }),
)

const createdAdministrator = component(
  'CreatedAdministrator',
  'The token is shown once; null for OIDC identities and when an answer is repeated for its Idempotency-Key.',
  administrator.extend({ token: z.string().nullable() }),
)

/** Operations on credentials. */
export const credentialRoutes = routes({
  'token.list': {
    method: 'GET',
    path: '/admin/v1/organizations/{organization}/tokens',
    tag: 'Credentials',
    summary: 'List app tokens',
    access: 'read',
    query: pageQuery,
    response: page('AppTokenPage', appToken),
    status: 200,
  },
  'token.get': {
    method: 'GET',
    path: '/admin/v1/organizations/{organization}/tokens/{token}',
    tag: 'Credentials',
    summary: 'Get an app token, without the secret',
    access: 'read',
    response: appToken,
    status: 200,
    etag: true,
  },
  'token.create': {
    method: 'POST',
    path: '/admin/v1/organizations/{organization}/tokens',
    tag: 'Credentials',
    summary: 'Make an app token',
    access: 'manage',
    body: newAppToken,
    response: createdAppToken,
    status: 201,
    etag: true,
    secret: 'token',
  },
  'token.revoke': {
    method: 'DELETE',
    path: '/admin/v1/organizations/{organization}/tokens/{token}',
    tag: 'Credentials',
    summary: 'Revoke an app token',
    access: 'manage',
    status: 204,
    etag: true,
  },
  'access-key.list': {
    method: 'GET',
    path: '/admin/v1/organizations/{organization}/access-keys',
    tag: 'Credentials',
    summary: 'List S3 access keys',
    access: 'read',
    query: pageQuery,
    response: page('AccessKeyPage', accessKey),
    status: 200,
  },
  'access-key.get': {
    method: 'GET',
    path: '/admin/v1/organizations/{organization}/access-keys/{accessKey}',
    tag: 'Credentials',
    summary: 'Get an S3 access key, without the secret',
    access: 'read',
    response: accessKey,
    status: 200,
    etag: true,
  },
  'access-key.create': {
    method: 'POST',
    path: '/admin/v1/organizations/{organization}/access-keys',
    tag: 'Credentials',
    summary: 'Make an S3 access key',
    description: '423 while the keys of the app are suspended: a secret that cannot be sealed is not made.',
    access: 'manage',
    body: newAccessKey,
    response: createdAccessKey,
    status: 201,
    etag: true,
    secret: 'secretAccessKey',
  },
  'access-key.revoke': {
    method: 'DELETE',
    path: '/admin/v1/organizations/{organization}/access-keys/{accessKey}',
    tag: 'Credentials',
    summary: 'Revoke an S3 access key',
    access: 'manage',
    status: 204,
    etag: true,
  },
  'administrator.list': {
    method: 'GET',
    path: '/admin/v1/organizations/{organization}/administrators',
    tag: 'Credentials',
    summary: 'List who may use this API for the organization',
    access: 'read',
    query: pageQuery,
    response: page('AdministratorPage', administrator),
    status: 200,
  },
  'administrator.get': {
    method: 'GET',
    path: '/admin/v1/organizations/{organization}/administrators/{administrator}',
    tag: 'Credentials',
    summary: 'Get someone who may use this API for the organization',
    access: 'read',
    response: administrator,
    status: 200,
    etag: true,
  },
  'administrator.create': {
    method: 'POST',
    path: '/admin/v1/organizations/{organization}/administrators',
    tag: 'Credentials',
    summary: 'Let someone use this API for the organization',
    access: 'manage',
    body: newAdministrator,
    response: createdAdministrator,
    status: 201,
    etag: true,
    secret: 'token',
  },
  'administrator.revoke': {
    method: 'DELETE',
    path: '/admin/v1/organizations/{organization}/administrators/{administrator}',
    tag: 'Credentials',
    summary: 'Take the role back',
    access: 'manage',
    status: 204,
    etag: true,
  },
})
