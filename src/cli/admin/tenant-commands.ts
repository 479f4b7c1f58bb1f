import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { ResponseOf } from '../../admin/api/contract/contract.ts'
import type { VerificationStep } from '../../onboarding/verification.ts'
import { type AdminCommand, listOption, type Options, type Outcome, textOption } from './command.ts'
import { UsageError } from './failure.ts'
import { waitForAccess } from './access-wait.ts'
import { organizations } from './path.ts'
import { facts, table } from './table.ts'

type Organization = ResponseOf<'organization.get'>
type Byok = ResponseOf<'byok.get'>
type Plan = ResponseOf<'byok.plan'>
type Report = ResponseOf<'byok.verify'>
type VerificationLine = { readonly step: VerificationStep } | { readonly report: Report }
type Site = ResponseOf<'site.get'>
type App = ResponseOf<'app.add'>

/** Commands on organizations, sites and apps. */
export const tenantCommands: readonly AdminCommand[] = [
  {
    usage: 'org list',
    summary: 'list organizations',
    run: async ({ client }) => {
      const items = await client.all<Organization>(organizations())
      const rows = items.map((item) => [
        item.id,
        item.name,
        item.location,
        item.sites,
        item.apps.byok,
        item.apps.vendorManaged,
        item.access?.state,
        item.managedBy,
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
          location: required(options, 'location'),
          name: textOption(options, 'name'),
        }),
      ),
  },
  {
    usage: 'org show <organization>',
    summary: 'show an organization',
    run: async ({ client }, id) => organization(await client.get(organizations(id))),
  },
  {
    usage: 'org change <organization>',
    summary: 'change the name for people; says what to do instead of moving to another location',
    options: [
      ['--name <name>', 'name for people'],
      ['--location <location>', 'refused unless it is the present one'],
    ],
    run: async ({ client, options }, id) => {
      const change = { name: textOption(options, 'name'), location: textOption(options, 'location') }
      if (change.name === undefined && change.location === undefined)
        throw new UsageError('name what to change')
      return organization(await client.send('PATCH', organizations(id), change))
    },
  },
  {
    usage: 'org byok show <organization>',
    summary: 'show the BYOK configuration, its keys and when access was last verified',
    run: async ({ client }, id) => byok(await client.get(organizations(id, 'byok'))),
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
      const account = textOption(options, 'account')
      const query = account === undefined ? '' : `?${new URLSearchParams({ accountId: account }).toString()}`
      const plan = await client.get<Plan>(`${organizations(id, 'byok', 'plan')}${query}`)
      return planned(plan, textOption(options, 'format'), textOption(options, 'out'))
    },
  },
  {
    usage: 'org byok set <organization>',
    summary: 'set the one BYOK configuration',
    options: [
      ['--account <id>', 'AWS account ID, 12 digits'],
      ['--role <arn>', 'ARN of the IAM role to assume'],
      ['--key <region=arn...>', 'KMS key ARN of a region; once for every region of the location'],
      ['--from <file>', 'JSON with accountId, roleArn and keys, instead of the others'],
    ],
    run: async ({ client, options }, id) =>
      byok(await client.send('PUT', organizations(id, 'byok'), byokOptions(options))),
  },
  {
    usage: 'org byok notification-secret <organization>',
    summary: 'show what the customer enters as NotificationSecret, so that a revocation takes effect at once',
    run: async ({ client }, id) => {
      const path = organizations(id, 'byok', 'notification-secret')
      const value = await client.send<ResponseOf<'byok.notifications'>>('POST', path)
      return { value, text: facts({ ...value }) }
    },
  },
  {
    usage: 'org byok verify <organization>',
    summary: 'try every permission in every region; exit code 1 when one is missing or too wide',
    run: async ({ client, progress }, id) => {
      const lines = client.lines<VerificationLine>(organizations(id, 'byok', 'verification'), 'POST')
      for await (const line of lines) {
        if ('report' in line) return verified(line.report)
        progress.show(
          line.step.done,
          line.step.regions,
          `regions, trying every permission in ${line.step.region}`,
        )
      }
      throw new Error('the verification ended without a report')
    },
  },
  {
    usage: 'org byok wait <organization> <state>',
    summary:
      'while apps are in use, wait until access is suspended, or valid again; exit code 1 on a timeout',
    options: [['--timeout <seconds>', 'how long to wait; default 60']],
    run: waitForAccess,
  },
  {
    usage: 'org byok impact <organization>',
    summary: 'show what would stop if access were revoked now',
    run: async ({ client }, id) => {
      const status = await client.get<ResponseOf<'byok.status'>>(organizations(id, 'byok', 'verification'))
      const { stops, continues, transfersCut, withinMs } = status.impact
      const name = ({ site, app }: { site: string; app: string }): string => `${site}/${app}`
      const text = facts({
        'would stop': stops.map(name),
        'would go on': continues.map(name),
        'transfers cut': transfersCut,
        within: `${withinMs} ms`,
      })
      return { value: status, text }
    },
  },
  {
    usage: 'site list <organization>',
    summary: 'list sites with their apps',
    run: async ({ client }, id) => {
      const items = await client.all<Site>(organizations(id, 'sites'))
      const rows = items.map((site) => [
        site.name,
        site.apps.map((app) => `${app.type} (${app.encryption})`),
        site.hosts,
        site.managedBy,
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
        await client.send('POST', organizations(id, 'sites'), {
          name,
          hosts: listOption(options, 'host'),
          apps: listOption(options, 'app').map(appAndSetting),
        }),
      ),
  },
  {
    usage: 'site show <organization> <site>',
    summary: 'show a site and its apps',
    run: async ({ client }, id, name) => site(await client.get(organizations(id, 'sites', name))),
  },
  {
    usage: 'site change <organization> <site>',
    summary: 'set the host names that select the site; says what to do instead of renaming it',
    options: [
      ['--host <name...>', 'host name that selects the site; replaces those there are'],
      ['--no-host', 'no host name selects the site'],
      ['--name <name>', 'refused unless it is the present one'],
    ],
    run: async ({ client, options }, id, name) => {
      const hosts = options['host'] === undefined ? undefined : listOption(options, 'host')
      const change = { name: textOption(options, 'name'), hosts }
      if (change.name === undefined && hosts === undefined) throw new UsageError('name what to change')
      return site(await client.send('PATCH', organizations(id, 'sites', name), change))
    },
  },
  {
    usage: 'site remove <organization> <site>',
    summary: 'remove a site that has no apps left',
    confirm: {
      warning:
        'Requests for this site are refused from then on. Its name stays reserved for the organization.',
      subject: async (client, id, name) => {
        const { etag } = await client.tagged(organizations(id, 'sites', name))
        return { name, etag }
      },
    },
    run: async ({ client, ifMatch }, id, name) => {
      await client.send('DELETE', organizations(id, 'sites', name), undefined, ifMatch)
      return { value: { removed: name }, text: `removed site ${name}\n` }
    },
  },
  {
    usage: 'app list <organization> <site>',
    summary: 'list the apps of a site',
    run: async ({ client }, id, name) => {
      const items = await client.all<App>(organizations(id, 'sites', name, 'apps'))
      return { value: items, text: apps(items) }
    },
  },
  {
    usage: 'app add <organization> <site> <type>',
    summary: 'add an app: vendor-managed unless --byok; it can never be converted',
    options: [['--byok', 'encrypt it under the key of the customer']],
    run: async ({ client, options }, id, name, type) => {
      const body = { type, byok: options['byok'] === true }
      const added = await client.send<App>('POST', organizations(id, 'sites', name, 'apps'), body)
      return { value: added, text: apps([added]) }
    },
  },
  {
    usage: 'app change <organization> <site> <type>',
    summary: 'say what to do instead of converting an app, which is refused',
    options: [
      ['--byok', 'encrypted under the key of the customer'],
      ['--no-byok', 'encrypted under the keys of the vendor'],
    ],
    run: async ({ client, options }, id, name, type) => {
      const byok = options['byok']
      if (typeof byok !== 'boolean') throw new UsageError('--byok or --no-byok is required')
      const same = await client.send<App>('PATCH', organizations(id, 'sites', name, 'apps', type), { byok })
      return { value: same, text: apps([same]) }
    },
  },
  {
    usage: 'app remove <organization> <site> <type>',
    summary: 'remove an app; adding it again brings its data back',
    confirm: {
      warning: 'Requests for this app are refused from then on.',
      subject: async (client, id, name, type) => {
        const { etag } = await client.tagged(organizations(id, 'sites', name, 'apps', type))
        return { name: `${name}/${type}`, etag }
      },
    },
    run: async ({ client, ifMatch }, id, name, type) => {
      await client.send('DELETE', organizations(id, 'sites', name, 'apps', type), undefined, ifMatch)
      return { value: { removed: type }, text: `removed ${type} from site ${name}\n` }
    },
  },
]

function required(options: Options, name: string): string {
  const value = textOption(options, name)
  if (value === undefined) throw new UsageError(`--${name} is required`)
  return value
}

function byokOptions(options: Options): unknown {
  const file = textOption(options, 'from')
  if (file !== undefined) return JSON.parse(readFileSync(file, 'utf8'))
  return {
    accountId: required(options, 'account'),
    roleArn: required(options, 'role'),
    keys: Object.fromEntries(listOption(options, 'key').map(regionAndKey)),
  }
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

function organization(item: Organization): Outcome {
  const { id, name, location, regions, externalId, byokConfigured, sites, apps: counts, access } = item
  const text = facts({
    organization: id,
    name,
    location: `${location} (${regions.join(', ')})`,
    'external id': externalId,
    byok: byokConfigured,
    access: access?.state,
    sites,
    'byok apps': counts.byok,
    'vendor-managed apps': counts.vendorManaged,
    'managed by': item.managedBy,
  })
  return { value: item, text }
}

function byok(item: Byok): Outcome {
  const { organization: id, accountId, location, roleArn, externalId, access, keys, revocationBoundMs } = item
  const { suspension } = access
  const about = facts({
    organization: id,
    account: accountId,
    location,
    role: roleArn,
    'external id': externalId,
    access: access.state,
    'last verified': access.verifiedAt,
    suspended: suspension && `${suspension.reason} since ${suspension.since}`,
    'cut-off bound': `${revocationBoundMs} ms`,
  })
  const rows = keys.map((key) => [key.region, key.keyArn, key.verifiedAt])
  return { value: item, text: `${about}\n${table(['REGION', 'KEY', 'LAST VERIFIED'], rows)}` }
}

function planned(plan: Plan, format = 'cloudformation', out: string | undefined): Outcome {
  if (format !== 'cloudformation' && format !== 'terraform') {
    throw new UsageError('--format is cloudformation or terraform')
  }
  const files = format === 'terraform' ? plan.terraform : plan.cloudFormation
  const steps = plan.steps.map((step, index) => `${index + 1}. ${step}\n`).join('')
  const notes = plan.notes.map((note) => `- ${note}\n`).join('')
  if (out !== undefined) mkdirSync(out, { recursive: true })
  const shown = files.map(({ fileName, purpose, text, commands }) => {
    const apply = commands.map((command) => `  $ ${command}\n`).join('')
    if (out === undefined) return `# ${fileName}: ${purpose}\n${text}\n${apply}`
    const path = join(out, basename(fileName))
    writeFileSync(path, text)
    return `${path}: ${purpose}\n${apply}`
  })
  return { value: plan, text: `${shown.join('\n')}\n${steps}\n${notes}` }
}

function verified(report: Report): Outcome {
  const rows = report.checks.map(({ verdict, region, title }) => [verdict, region, title])
  const findings = report.findings
    .map(({ region, detail, remedy }) => `\n${region ?? 'all regions'}: ${detail}\n  ${remedy}\n`)
    .join('')
  const { ok } = report
  const text = `${table(['VERDICT', 'REGION', 'CHECK'], rows)}${findings}\n${ok ? 'every permission is as it must be\n' : 'not as it must be yet\n'}`
  return { value: report, text, failed: !ok }
}

function site(item: Site): Outcome {
  const { name, organization: owner, hosts, managedBy } = item
  const about = facts({ site: name, organization: owner, hosts, 'managed by': managedBy })
  return { value: item, text: `${about}\n${apps(item.apps)}` }
}

function apps(items: readonly App[]): string {
  const rows = items.map(({ type, encryption, state, createdAt }) => [type, encryption, state, createdAt])
  return table(['APP', 'ENCRYPTION', 'KEYS', 'SINCE'], rows)
}
