import { type Act, type AskedApp, translated, type Translations } from './act.ts'

const command = (words: string, ...rest: string[]): string[] => [...words.split(' '), ...rest]
const option = (flag: string, value: string | undefined): string[] =>
  value === undefined ? [] : [flag, value]
const options = (flag: string, values: readonly string[] = []): string[] =>
  values.length === 0 ? [] : [flag, ...values]
const appText = ({ type, byok }: AskedApp): string => (byok === true ? `${type}:byok` : type)

const COMMANDS: Translations<string[]> = {
  'create-organization': ({ id, location }) => command('org create', id, '--location', location),
  'move-organization': ({ organization, location }) => [
    'org',
    'change',
    organization,
    '--location',
    location,
  ],
  'rename-organization': ({ organization, name }) => command('org change', organization, '--name', name),
  'plan-byok': ({ organization, accountId }) => [
    ...command('org byok plan', organization),
    ...option('--account', accountId),
  ],
  'set-byok': ({ organization, accountId, roleArn, keys }) => [
    ...command('org byok set', organization, '--account', accountId, '--role', roleArn),
    ...options(
      '--key',
      Object.entries(keys).map(([region, arn]) => `${region}=${arn}`),
    ),
  ],
  'show-notification-secret': ({ organization }) => command('org byok notification-secret', organization),
  'create-site': ({ organization, name, hosts, apps = [] }) => [
    ...command('site create', organization, name),
    ...options('--host', hosts),
    ...options('--app', apps.map(appText)),
  ],
  'rename-site': ({ organization, site, name }) => command('site change', organization, site, '--name', name),
  'set-hosts': ({ organization, site, hosts }) => [
    ...command('site change', organization, site),
    ...options('--host', hosts),
  ],
  'remove-site': ({ organization, site }) => command('site remove', organization, site, '--yes'),
  'add-app': ({ organization, site, type, byok }) => [
    ...command('app add', organization, site, type),
    ...(byok === true ? ['--byok'] : []),
  ],
  'convert-app': ({ organization, site, type, byok }) => [
    ...command('app change', organization, site, type),
    byok ? '--byok' : '--no-byok',
  ],
  'create-token': ({ organization, name, sites, expiresAt }) => [
    ...command('token create', organization, name),
    ...options('--site', sites),
    ...option('--expires', expiresAt),
  ],
  'create-access-key': ({ organization, name, site, app, expiresAt }) => [
    ...command('access-key create', organization, name, '--site', site, '--app', app),
    ...option('--expires', expiresAt),
  ],
  'add-administrator': ({ organization, name, subject, expiresAt }) => [
    ...command('org admin add', organization, name),
    ...option('--subject', subject),
    ...option('--expires', expiresAt),
  ],
  suspend: ({ organization }) => command('org suspend', organization, '--yes'),
  lift: ({ organization, suspension }) => command('org lift', organization, suspension),
}

/** An act as words of a command line. */
export function commandOf(act: Act): string[] {
  return translated(COMMANDS, act)
}
