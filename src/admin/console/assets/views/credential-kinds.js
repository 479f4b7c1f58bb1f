import { appName } from '../format.js'
import { AppScope, RoleScope, SitesScope } from './credential-scopes.js'

/**
 * What differs between the kinds of credentials. `Scope` asks what a new one reaches, as members of what is sent.
 * @typedef {{ path: string, title: string, one: string, hint: string, create: import('../shapes.js').OperationId,
 *   revoke: import('../shapes.js').OperationId, consequence: string, idOf: (row: any) => string,
 *   reaches: (row: any) => string, Scope: any }} Kind
 */

/** @type {Readonly<Record<string, string>>} */
const ROLE_NAMES = { 'org-admin': 'Administers', auditor: 'Reads' }

/** @type {readonly Kind[]} */
export const CREDENTIAL_KINDS = [
  {
    path: 'tokens',
    title: 'App tokens',
    one: 'app token',
    hint: 'What apps send as Portcullis-Authorization. A token reaches the sites that it names.',
    create: 'token.create',
    revoke: 'token.revoke',
    consequence: 'Apps that use it are refused on every replica from then on. It cannot be brought back.',
    idOf: (row) => row.id,
    reaches: (row) =>
      `${row.sites.join(', ')}${row.kind === 'client-certificate' ? ' (client certificate)' : ''}`,
    Scope: SitesScope,
  },
  {
    path: 'access-keys',
    title: 'S3 access keys',
    one: 'S3 access key',
    hint: 'What S3 clients sign with. An access key reaches the attachments of one app.',
    create: 'access-key.create',
    revoke: 'access-key.revoke',
    consequence:
      'Clients that sign with it are refused on every replica from then on, and so are the URLs that it presigned. It cannot be brought back.',
    idOf: (row) => row.accessKeyId,
    reaches: (row) =>
      `${appName(row.app)} on ${row.site}, ${row.buckets.length === 0 ? 'all buckets' : row.buckets.join(', ')}`,
    Scope: AppScope,
  },
  {
    path: 'administrators',
    title: 'Administrators',
    one: 'administrator',
    hint: 'Who may use this console and the admin API for this organization alone: by a token, or by the identity provider.',
    create: 'administrator.create',
    revoke: 'administrator.revoke',
    consequence: 'They lose access to the organization at once. It cannot be brought back.',
    idOf: (row) => row.id,
    reaches: (row) => {
      const how = row.kind === 'oidc' ? `, as ${row.subject}` : ''
      return `${ROLE_NAMES[row.role] ?? row.role} the organization${how}`
    },
    Scope: RoleScope,
  },
]
