import type { OperationId, ResponseOf } from '../../admin/api/contract/contract.ts'
import type { AdminClient } from './client.ts'
import { type AdminCommand, listOption, type Options, type Outcome, textOption } from './command.ts'
import { UsageError } from './failure.ts'
import { organizations } from './path.ts'
import { facts, table } from './table.ts'

type ItemOf<Id extends OperationId> =
  ResponseOf<Id> extends { readonly items: readonly (infer Item)[] } ? Item : never

/** Commands on app tokens, S3 access keys and administrators. */
export const credentialCommands: readonly AdminCommand[] = [
  {
    usage: 'token list <organization>',
    summary: 'list app tokens',
    run: async ({ client }, id) => {
      const items = await client.all<ItemOf<'token.list'>>(organizations(id, 'tokens'))
      const rows = items.map((token) => [
        token.id,
        token.name,
        token.sites,
        token.createdAt,
        token.createdBy,
        token.expiresAt,
        token.managedBy,
      ])
      const headings = ['ID', 'NAME', 'SITES', 'SINCE', 'BY', 'EXPIRES', 'MANAGED BY']
      return { value: items, text: table(headings, rows) }
    },
  },
  {
    usage: 'token create <organization> <name>',
    summary: 'make an app token, which is shown once',
    options: [
      ['--site <site...>', 'site that it reaches'],
      ['--expires <time>', 'RFC 3339, UTC'],
    ],
    run: async ({ client, options }, id, name) => {
      const sites = listOption(options, 'site')
      if (sites.length === 0) throw new UsageError('--site is required')
      const body = { name, sites, ...expiry(options) }
      return secret(await client.send('POST', organizations(id, 'tokens'), body))
    },
  },
  {
    usage: 'token revoke <organization> <id>',
    summary: 'revoke an app token',
    confirm: {
      warning: 'Apps that use it are refused from then on.',
      subject: (client, id, token) => named(client, organizations(id, 'tokens', token)),
    },
    run: async ({ client, ifMatch }, id, token) => {
      await client.send('DELETE', organizations(id, 'tokens', token), undefined, ifMatch)
      return { value: { revoked: token }, text: `revoked ${token}\n` }
    },
  },
  {
    usage: 'access-key list <organization>',
    summary: 'list S3 access keys',
    run: async ({ client }, id) => {
      const items = await client.all<ItemOf<'access-key.list'>>(organizations(id, 'access-keys'))
      const rows = items.map((key) => [
        key.accessKeyId,
        key.name,
        `${key.site}/${key.app}`,
        key.buckets.length === 0 ? 'all' : key.buckets,
        key.createdAt,
        key.createdBy,
        key.expiresAt,
        key.managedBy,
      ])
      const headings = ['ACCESS KEY ID', 'NAME', 'APP', 'BUCKETS', 'SINCE', 'BY', 'EXPIRES', 'MANAGED BY']
      return { value: items, text: table(headings, rows) }
    },
  },
  {
    usage: 'access-key create <organization> <name>',
    summary: 'make an S3 access key, whose secret is shown once',
    options: [
      ['--site <site>', 'site that it reaches'],
      ['--app <type>', 'app of the site whose keys seal what it writes'],
      ['--bucket <name...>', 'only bucket that it reaches; all when absent'],
      ['--expires <time>', 'RFC 3339, UTC'],
    ],
    run: async ({ client, options }, id, name) => {
      const site = textOption(options, 'site')
      const app = textOption(options, 'app')
      if (site === undefined || app === undefined) throw new UsageError('--site and --app are required')
      const body = { name, site, app, buckets: listOption(options, 'bucket'), ...expiry(options) }
      const made = await client.send<ResponseOf<'access-key.create'>>(
        'POST',
        organizations(id, 'access-keys'),
        body,
      )
      const { accessKeyId, secretAccessKey } = made
      const text = facts({
        'access key id': accessKeyId,
        'secret access key': secretAccessKey,
        app: `${site}/${app}`,
      })
      return { value: made, text: `${text}The secret is shown only now.\n` }
    },
  },
  {
    usage: 'access-key revoke <organization> <access-key-id>',
    summary: 'revoke an S3 access key',
    confirm: {
      warning: 'Clients that sign with it are refused from then on, and so are the URLs that it presigned.',
      subject: (client, id, key) => named(client, organizations(id, 'access-keys', key)),
    },
    run: async ({ client, ifMatch }, id, accessKeyId) => {
      await client.send('DELETE', organizations(id, 'access-keys', accessKeyId), undefined, ifMatch)
      return { value: { revoked: accessKeyId }, text: `revoked ${accessKeyId}\n` }
    },
  },
  {
    usage: 'org admin list <organization>',
    summary: 'list who may use the admin API for the organization',
    run: async ({ client }, id) => {
      const items = await client.all<ItemOf<'administrator.list'>>(organizations(id, 'administrators'))
      const rows = items.map((entry) => [
        entry.id,
        entry.name,
        entry.role,
        entry.kind,
        entry.subject,
        entry.createdAt,
        entry.expiresAt,
      ])
      return {
        value: items,
        text: table(['ID', 'NAME', 'ROLE', 'KIND', 'SUBJECT', 'SINCE', 'EXPIRES'], rows),
      }
    },
  },
  {
    usage: 'org admin add <organization> <name>',
    summary: 'let someone use the admin API for the organization; a token is shown once',
    options: [
      ['--role <role>', 'org-admin (default) or auditor'],
      ['--subject <sub>', 'OIDC subject, instead of a token'],
      ['--expires <time>', 'RFC 3339, UTC'],
    ],
    run: async ({ client, options }, id, name) => {
      const body = {
        name,
        role: textOption(options, 'role'),
        subject: textOption(options, 'subject'),
        ...expiry(options),
      }
      return secret(await client.send('POST', organizations(id, 'administrators'), body))
    },
  },
  {
    usage: 'org admin revoke <organization> <id>',
    summary: 'take the role back',
    confirm: {
      warning: 'They lose access to the organization at once.',
      subject: (client, id, entry) => named(client, organizations(id, 'administrators', entry)),
    },
    run: async ({ client, ifMatch }, id, administrator) => {
      await client.send('DELETE', organizations(id, 'administrators', administrator), undefined, ifMatch)
      return { value: { revoked: administrator }, text: `revoked ${administrator}\n` }
    },
  },
]

/** What is taken away by the name that people gave it. */
async function named(client: AdminClient, path: string) {
  const { body, etag } = await client.tagged(path)
  return { name: (body as { name: string }).name, etag }
}

function secret(item: {
  readonly id: string
  readonly name: string
  readonly token: string | null
}): Outcome {
  const { id, name, token } = item
  const shown = token === null ? {} : { token }
  const note = token === null ? '' : 'The token is shown only now.\n'
  return { value: item, text: `${facts({ id, name, ...shown })}${note}` }
}

function expiry(options: Options): { expiresAt: string | undefined } {
  return { expiresAt: textOption(options, 'expires') }
}
