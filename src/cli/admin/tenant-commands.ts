import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AdminCommand, Outcome } from './command.ts'
import { UsageError } from './failure.ts'
import { organizations } from './path.ts'
import { facts, table } from './table.ts'

type Entry = Readonly<Record<string, any>>

/** Commands on organizations, sites and apps. */
export const tenantCommands: readonly AdminCommand[] = [
  {
    usage: 'org list',
    summary: 'list organizations',
    run: async ({ client }) => {
      const items = await client.all<Entry>(organizations())
      const rows = items.map((item) => [
        item['id'],
        item['name'],
        item['location'],
        item['sites'],
        item['apps'].byok,
        item['apps'].vendorManaged,
        item['access']?.state,
        item['managedBy'],
      ])
      const headings = ['ID', 'NAME', 'LOCATION', 'SITES', 'BYOK', 'VENDOR-MANAGED', 'ACCESS', 'MANAGED BY']
      return { value: items, text: table(headings, rows) }
    },
  },
  {
    usage: 'org create <organization>',
    summary: 'create an organization; its location never changes',
    options: [
      ['--location <location>', 'where keys and app data live, such as europe'],
      ['--name <name>', 'name for people'],
    ],
    run: async ({ client, options }, id) =>
      organization(
        await client.send('POST', organizations(), {
          id,
          location: required(options['location'], '--location'),
          ...(options['name'] === undefined ? {} : { name: options['name'] as string }),
        }),
      ),
  },
  {
    usage: 'org show <organization>',
    summary: 'show an organization',
    run: async ({ client }, id) => organization(await client.get(organizations(id!))),
  },
  {
    usage: 'org rename <organization> <name>',
    summary: 'change the name for people',
    run: async ({ client }, id, name) =>
      organization(await client.send('PATCH', organizations(id!), { name })),
  },
  {
    usage: 'org byok show <organization>',
    summary: 'show the BYOK configuration, its keys and when access was last verified',
    run: async ({ client }, id) => byok(await client.get(organizations(id!, 'byok'))),
  },
  {
    usage: 'org byok plan <organization>',
    summary: 'make the files that the customer applies in their AWS account',
    options: [
      ['--account <id>', 'AWS account ID, 12 digits'],
      ['--format <format>', 'cloudformation (default) or terraform'],
      ['--out <directory>', 'write the files there instead of printing them'],
    ],
    run: async ({ client, options }, id) => {
      const account = options['account'] as string | undefined
      const query = account === undefined ? '' : `?${new URLSearchParams({ accountId: account }).toString()}`
      const plan = await client.get<Entry>(`${organizations(id!, 'byok', 'plan')}${query}`)
      return planned(plan, options['format'] as string | undefined, options['out'] as string | undefined)
    },
  },
  {
    usage: 'org byok set <organization>',
    summary: 'set the one BYOK configuration',
    options: [
      ['--account <id>', 'AWS account ID, 12 digits'],
      ['--role <arn>', 'ARN of the IAM role to assume'],
      ['--key <region=arn...>', 'KMS key ARN of a region; once for every region of the location'],
    ],
    run: async ({ client, options }, id) =>
      byok(
        await client.send('PUT', organizations(id!, 'byok'), {
          accountId: required(options['account'], '--account'),
          roleArn: required(options['role'], '--role'),
          keys: Object.fromEntries(((options['key'] ?? []) as string[]).map(regionAndKey)),
        }),
      ),
  },
  {
    usage: 'org byok verify <organization>',
    summary: 'try every permission in every region; exit code 1 when one is missing or too wide',
    run: async ({ client }, id) =>
      verified(await client.send('POST', organizations(id!, 'byok', 'verification'))),
  },
  {
    usage: 'org byok impact <organization>',
    summary: 'show what would stop if access were revoked now',
    run: async ({ client }, id) => {
      const status = await client.get<Entry>(organizations(id!, 'byok', 'verification'))
      const { stops, continues, transfersCut, withinMs } = status['impact'] as Entry
      const name = ({ site, app }: Entry): string => `${site as string}/${app as string}`
      const text = facts({
        'would stop': (stops as Entry[]).map(name),
        'would go on': (continues as Entry[]).map(name),
        'transfers cut': transfersCut,
        within: `${String(withinMs)} ms`,
      })
      return { value: status, text }
    },
  },
  {
    usage: 'site list <organization>',
    summary: 'list sites with their apps',
    run: async ({ client }, id) => {
      const items = await client.all<Entry>(organizations(id!, 'sites'))
      const rows = items.map((site) => [
        site['name'],
        (site['apps'] as Entry[]).map((app) => `${app['type'] as string} (${app['encryption'] as string})`),
        site['hosts'],
        site['managedBy'],
      ])
      return { value: items, text: table(['SITE', 'APPS', 'HOSTS', 'MANAGED BY'], rows) }
    },
  },
  {
    usage: 'site create <organization> <site>',
    summary: 'create a site, with its first apps if wanted',
    options: [
      ['--host <name...>', 'host name that selects the site'],
      ['--app <type...>', 'app to begin with: type, or type:byok, such as jira:byok'],
    ],
    run: async ({ client, options }, id, name) =>
      site(
        await client.send('POST', organizations(id!, 'sites'), {
          name,
          hosts: (options['host'] ?? []) as string[],
          apps: ((options['app'] ?? []) as string[]).map(appAndSetting),
        }),
      ),
  },
  {
    usage: 'site show <organization> <site>',
    summary: 'show a site and its apps',
    run: async ({ client }, id, name) => site(await client.get(organizations(id!, 'sites', name!))),
  },
  {
    usage: 'site hosts <organization> <site> [hosts...]',
    summary: 'set the host names that select the site; none removes all',
    run: async ({ client }, id, name, ...hosts) =>
      site(await client.send('PATCH', organizations(id!, 'sites', name!), { hosts: hosts.flat() })),
  },
  {
    usage: 'site remove <organization> <site>',
    summary: 'remove a site that has no apps left',
    confirm: 'Requests for this site are refused from then on. Its name stays reserved for the organization.',
    run: async ({ client }, id, name) => {
      await client.send('DELETE', organizations(id!, 'sites', name!))
      return { value: { removed: name }, text: `removed site ${name}\n` }
    },
  },
  {
    usage: 'app list <organization> <site>',
    summary: 'list the apps of a site',
    run: async ({ client }, id, name) => {
      const { items } = await client.get<{ items: Entry[] }>(organizations(id!, 'sites', name!, 'apps'))
      return { value: items, text: apps(items) }
    },
  },
  {
    usage: 'app add <organization> <site> <type>',
    summary: 'add an app: vendor-managed unless --byok; it can never be converted',
    options: [['--byok', 'encrypt it under the key of the customer']],
    run: async ({ client, options }, id, name, type) => {
      const body = { type, byok: options['byok'] === true }
      const added = await client.send<Entry>('POST', organizations(id!, 'sites', name!, 'apps'), body)
      return { value: added, text: apps([added]) }
    },
  },
  {
    usage: 'app remove <organization> <site> <type>',
    summary: 'remove an app; adding it again brings its data back',
    confirm: 'Requests for this app are refused from then on.',
    run: async ({ client }, id, name, type) => {
      await client.send('DELETE', organizations(id!, 'sites', name!, 'apps', type!))
      return { value: { removed: type }, text: `removed ${type} from site ${name}\n` }
    },
  },
]

function required(value: unknown, flag: string): unknown {
  if (value === undefined) throw new UsageError(`${flag} is required`)
  return value
}

function regionAndKey(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`--key is written as region=arn, not ${JSON.stringify(text)}`)
  return [text.slice(0, at), text.slice(at + 1)]
}

function appAndSetting(text: string): { type: string; byok: boolean } {
  const [type = '', setting, ...rest] = text.split(':')
  if ((setting !== undefined && setting !== 'byok') || rest.length > 0) {
    throw new UsageError(`--app is written as type or type:byok, not ${JSON.stringify(text)}`)
  }
  return { type, byok: setting === 'byok' }
}

function organization(item: Entry): Outcome {
  const { id, name, location, regions, externalId, byokConfigured, sites, apps: counts, access } = item
  const text = facts({
    organization: id,
    name,
    location: `${location as string} (${(regions as string[]).join(', ')})`,
    'external id': externalId,
    byok: byokConfigured,
    access: access?.state,
    sites,
    'byok apps': counts.byok,
    'vendor-managed apps': counts.vendorManaged,
    'managed by': item['managedBy'],
  })
  return { value: item, text }
}

function byok(item: Entry): Outcome {
  const { organization: id, accountId, location, roleArn, externalId, access, keys, revocationBoundMs } = item
  const suspension = access.suspension as Entry | null
  const about = facts({
    organization: id,
    account: accountId,
    location,
    role: roleArn,
    'external id': externalId,
    access: access.state,
    'last verified': access.verifiedAt,
    suspended: suspension && `${suspension['reason'] as string} since ${suspension['since'] as string}`,
    'cut-off bound': `${String(revocationBoundMs)} ms`,
  })
  const rows = (keys as Entry[]).map((key) => [key['region'], key['keyArn'], key['verifiedAt']])
  return { value: item, text: `${about}\n${table(['REGION', 'KEY', 'LAST VERIFIED'], rows)}` }
}

function planned(plan: Entry, format = 'cloudformation', out: string | undefined): Outcome {
  if (format !== 'cloudformation' && format !== 'terraform') {
    throw new UsageError('--format is cloudformation or terraform')
  }
  const files = plan[format === 'terraform' ? 'terraform' : 'cloudFormation'] as Entry[]
  const steps = (plan['steps'] as string[]).map((step, index) => `${index + 1}. ${step}\n`).join('')
  const notes = (plan['notes'] as string[]).map((note) => `- ${note}\n`).join('')
  if (out !== undefined) mkdirSync(out, { recursive: true })
  const shown = files.map((file) => {
    const { fileName, purpose, text, commands } = file as Record<string, any>
    const apply = (commands as string[]).map((command) => `  $ ${command}\n`).join('')
    if (out === undefined) return `# ${fileName as string}: ${purpose as string}\n${text as string}\n${apply}`
    const path = join(out, fileName as string)
    writeFileSync(path, text as string)
    return `${path}: ${purpose as string}\n${apply}`
  })
  return { value: plan, text: `${shown.join('\n')}\n${steps}\n${notes}` }
}

function verified(report: Entry): Outcome {
  const checks = report['checks'] as Entry[]
  const rows = checks.map(({ verdict, region, title }) => [verdict, region, title])
  const findings = (report['findings'] as Entry[])
    .map(
      ({ region, detail, remedy }) =>
        `\n${(region as string | null) ?? 'all regions'}: ${detail as string}\n  ${remedy as string}\n`,
    )
    .join('')
  const ok = report['ok'] === true
  const text = `${table(['VERDICT', 'REGION', 'CHECK'], rows)}${findings}\n${ok ? 'every permission is as it must be\n' : 'not as it must be yet\n'}`
  return { value: report, text, failed: !ok }
}

function site(item: Entry): Outcome {
  const { name, organization: owner, hosts, managedBy } = item
  const about = facts({ site: name, organization: owner, hosts, 'managed by': managedBy })
  return { value: item, text: `${about}\n${apps(item['apps'] as Entry[])}` }
}

function apps(items: readonly Entry[]): string {
  const rows = items.map(({ type, encryption, state, createdAt }) => [type, encryption, state, createdAt])
  return table(['APP', 'ENCRYPTION', 'KEYS', 'SINCE'], rows)
}
