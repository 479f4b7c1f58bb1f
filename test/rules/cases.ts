import type { Rule } from '../../src/provisioning/rules.ts'
import { keysOf } from '../admin/support/api-world.ts'
import type { Act } from './act.ts'
import type { RuleWorld } from './rule-world.ts'

/** What a rule refuses. */
export interface RuleCase {
  readonly rule: Rule
  readonly what: string
  readonly act: Act | ((world: RuleWorld) => Act)
  /** The console has no way to ask for it: a choice without it, or no control at all. */
  readonly withheld?: true
}

/** The act of a case in a world. */
export function actOf({ act }: RuleCase, world: RuleWorld): Act {
  return typeof act === 'function' ? act(world) : act
}

/** The BYOK configuration of `acme`, with a change, for an organization that has none. */
function byok(change: (world: RuleWorld) => Partial<Extract<Act, { kind: 'set-byok' }>>) {
  return (world: RuleWorld): Act => {
    const { accountId, roleArn } = world.acme
    const keys = keysOf(world.acme)
    return { kind: 'set-byok', organization: 'no-byok', accountId, roleArn, keys, ...change(world) }
  }
}

/** At least one case for each rule of the domain, whichever way it is asked. */
export const RULE_CASES: readonly RuleCase[] = [
  {
    rule: 'organization-exists',
    what: 'an organization that exists',
    act: { kind: 'create-organization', id: 'acme', location: 'europe' },
  },
  {
    rule: 'organization-exists',
    what: 'an organization of the file',
    act: { kind: 'create-organization', id: 'from-file', location: 'europe' },
  },
  {
    rule: 'organization-id',
    what: 'an identifier with capitals',
    act: { kind: 'create-organization', id: 'Acme', location: 'europe' },
  },
  {
    rule: 'location',
    what: 'a location that is none',
    act: { kind: 'create-organization', id: 'x', location: 'mars' },
    withheld: true,
  },
  {
    rule: 'location',
    what: 'a region as location',
    act: { kind: 'create-organization', id: 'x', location: 'eu-central-1' },
    withheld: true,
  },
  {
    rule: 'location-immutable',
    what: 'another location',
    act: { kind: 'move-organization', organization: 'acme', location: 'usa' },
    withheld: true,
  },
  {
    rule: 'managed-by-file',
    what: 'a change of what the file manages',
    act: { kind: 'rename-organization', organization: 'from-file', name: 'x' },
    withheld: true,
  },
  {
    rule: 'managed-by-file',
    what: 'a site for what the file manages',
    act: { kind: 'create-site', organization: 'from-file', name: 'x' },
    withheld: true,
  },
  {
    rule: 'managed-by-file',
    what: 'an app on what the file manages',
    act: { kind: 'add-app', organization: 'from-file', site: 'file-site', type: 'confluence' },
    withheld: true,
  },
  {
    rule: 'managed-by-file',
    what: 'a token for what the file manages',
    act: { kind: 'create-token', organization: 'from-file', name: 'x', sites: ['file-site'] },
    withheld: true,
  },
  { rule: 'account-id', what: 'an account ID of 11 digits', act: byok(() => ({ accountId: '12345678901' })) },
  {
    rule: 'account-id',
    what: 'an account ID of 13 digits',
    act: byok(() => ({ accountId: '1234567890123' })),
  },
  {
    rule: 'account-id',
    what: 'an account ID with letters',
    act: byok(() => ({ accountId: '12345678901a' })),
  },
  {
    rule: 'account-id',
    what: 'an account ID with spaces',
    act: byok(() => ({ accountId: '1234 5678 9012' })),
  },
  {
    rule: 'role-arn',
    what: 'a role that is none',
    act: byok(() => ({ roleArn: 'arn:aws:iam::999999999999:user/x' })),
  },
  {
    rule: 'role-account',
    what: 'a role of another account',
    act: byok(() => ({ roleArn: 'arn:aws:iam::999999999999:role/x' })),
  },
  {
    rule: 'arn-partition',
    what: 'a role of another partition',
    act: byok(({ acme }) => ({ roleArn: `arn:aws-cn:iam::${acme.accountId}:role/x` })),
  },
  {
    rule: 'key-region-missing',
    what: 'a region without key',
    act: byok(({ acme }) => ({ keys: { 'eu-central-1': keysOf(acme)['eu-central-1']! } })),
    withheld: true,
  },
  {
    rule: 'key-region-outside',
    what: 'a key outside the location',
    act: byok(({ acme }) => ({ keys: { ...keysOf(acme), 'us-east-1': keysOf(acme)['eu-west-1']! } })),
    withheld: true,
  },
  {
    rule: 'key-arn',
    what: 'an alias as key',
    act: byok(({ acme }) => ({
      keys: { ...keysOf(acme), 'eu-west-1': `arn:aws:kms:eu-west-1:${acme.accountId}:alias/x` },
    })),
  },
  {
    rule: 'key-arn-region',
    what: 'a key under the wrong region',
    act: byok(({ acme }) => ({ keys: { ...keysOf(acme), 'eu-west-1': keysOf(acme)['eu-central-1']! } })),
  },
  {
    rule: 'key-arn-account',
    what: 'a key of another account',
    act: byok(({ acme, globex }) => ({
      keys: { ...keysOf(acme), 'eu-west-1': keysOf(globex)['eu-west-1']! },
    })),
  },
  { rule: 'key-shared', what: 'the keys of another organization', act: byok(() => ({})) },
  {
    rule: 'account-vendor',
    what: 'the keys of the vendor',
    act: ({
      world: {
        world: { vendor },
      },
    }) => ({
      kind: 'set-byok',
      organization: 'no-byok',
      accountId: vendor.accountId,
      roleArn: vendor.roleArn,
      keys: keysOf(vendor),
    }),
  },
  {
    rule: 'account-id',
    what: 'a plan without account',
    act: { kind: 'plan-byok', organization: 'no-byok' },
    withheld: true,
  },
  {
    rule: 'account-id',
    what: 'a plan for 13 digits',
    act: { kind: 'plan-byok', organization: 'no-byok', accountId: '1234567890123' },
  },
  {
    rule: 'onboarding-unconfigured',
    what: 'a notification secret of a gateway that takes no notifications',
    act: { kind: 'show-notification-secret', organization: 'no-byok' },
  },
  {
    rule: 'site-foreign',
    what: 'a site name of another organization',
    act: { kind: 'create-site', organization: 'acme', name: 'globex', apps: [{ type: 'jira' }] },
  },
  {
    rule: 'site-foreign',
    what: 'a site name of the file',
    act: { kind: 'create-site', organization: 'acme', name: 'file-site', apps: [{ type: 'jira' }] },
  },
  {
    rule: 'site-exists',
    what: 'a site that exists',
    act: { kind: 'create-site', organization: 'acme', name: 'byok', apps: [{ type: 'jira' }] },
  },
  {
    rule: 'site-name',
    what: 'a site name with dots',
    act: { kind: 'create-site', organization: 'acme', name: 'a.b', apps: [{ type: 'jira' }] },
  },
  {
    rule: 'site-name-immutable',
    what: 'another site name',
    act: { kind: 'rename-site', organization: 'acme', site: 'byok', name: 'bring' },
    withheld: true,
  },
  {
    rule: 'host-taken',
    what: 'a host of another site',
    act: { kind: 'set-hosts', organization: 'acme', site: 'byok', hosts: ['globex.example'] },
  },
  {
    rule: 'host-taken',
    what: 'a new site with a host of another',
    act: {
      kind: 'create-site',
      organization: 'acme',
      name: 'x',
      hosts: ['globex.example'],
      apps: [{ type: 'jira' }],
    },
  },
  {
    rule: 'site-host',
    what: 'a host with a port',
    act: { kind: 'set-hosts', organization: 'acme', site: 'byok', hosts: ['a.example:8080'] },
  },
  {
    rule: 'site-not-empty',
    what: 'removing a site with apps',
    act: { kind: 'remove-site', organization: 'acme', site: 'byok' },
  },
  {
    rule: 'app-type',
    what: 'Jira Product Discovery, which lives in the database of Jira',
    act: { kind: 'add-app', organization: 'acme', site: 'byok', type: 'jira-product-discovery', byok: true },
    withheld: true,
  },
  {
    rule: 'app-type',
    what: 'an app that is none',
    act: { kind: 'add-app', organization: 'acme', site: 'byok', type: 'wiki' },
    withheld: true,
  },
  {
    rule: 'app-type',
    what: 'a new site with an app that is none',
    act: { kind: 'create-site', organization: 'acme', name: 'x', apps: [{ type: 'wiki' }] },
    withheld: true,
  },
  {
    rule: 'app-duplicate',
    what: 'an app that is there',
    act: { kind: 'add-app', organization: 'acme', site: 'byok', type: 'jira', byok: true },
  },
  {
    rule: 'app-duplicate',
    what: 'a new site with an app twice',
    act: { kind: 'create-site', organization: 'acme', name: 'x', apps: [{ type: 'jira' }, { type: 'jira' }] },
    withheld: true,
  },
  {
    rule: 'byok-immutable',
    what: 'a conversion from BYOK by adding without asking for it',
    act: { kind: 'add-app', organization: 'acme', site: 'byok', type: 'jira' },
  },
  {
    rule: 'byok-immutable',
    what: 'a conversion to BYOK by adding',
    act: { kind: 'add-app', organization: 'acme', site: 'vendor', type: 'confluence', byok: true },
  },
  {
    rule: 'byok-immutable',
    what: 'a conversion from BYOK',
    act: { kind: 'convert-app', organization: 'acme', site: 'byok', type: 'jira', byok: false },
    withheld: true,
  },
  {
    rule: 'byok-immutable',
    what: 'a conversion to BYOK',
    act: { kind: 'convert-app', organization: 'acme', site: 'vendor', type: 'confluence', byok: true },
    withheld: true,
  },
  {
    rule: 'jira-family',
    what: 'a Jira family with two settings',
    act: { kind: 'add-app', organization: 'acme', site: 'byok', type: 'jira-service-management' },
  },
  {
    rule: 'jira-family',
    what: 'a new site with two settings in the Jira family',
    act: {
      kind: 'create-site',
      organization: 'acme',
      name: 'x',
      apps: [{ type: 'jira', byok: true }, { type: 'jira-service-management' }],
    },
    withheld: true,
  },
  {
    rule: 'byok-site',
    what: 'a BYOK app on a site without one',
    act: { kind: 'add-app', organization: 'acme', site: 'vendor', type: 'jira', byok: true },
  },
  {
    rule: 'byok-missing',
    what: 'a BYOK app without BYOK configuration',
    act: { kind: 'add-app', organization: 'no-byok', site: 'no-byok', type: 'jira', byok: true },
    withheld: true,
  },
  {
    rule: 'vendor-keys-missing',
    what: 'a vendor-managed app where the vendor has no keys',
    act: { kind: 'create-site', organization: 'japanese', name: 'tokyo', apps: [{ type: 'jira' }] },
  },
  {
    rule: 'credential-site',
    what: 'a token for a site of another organization',
    act: { kind: 'create-token', organization: 'acme', name: 'x', sites: ['globex'] },
    withheld: true,
  },
  {
    rule: 'credential-expired',
    what: 'a token that has expired',
    act: {
      kind: 'create-token',
      organization: 'acme',
      name: 'x',
      sites: ['byok'],
      expiresAt: '2020-01-01T00:00:00Z',
    },
  },
  {
    rule: 'credential-expired',
    what: 'an access key that has expired',
    act: {
      kind: 'create-access-key',
      organization: 'acme',
      name: 'x',
      site: 'byok',
      app: 'jira',
      expiresAt: '2020-01-01T00:00:00Z',
    },
  },
  {
    rule: 'credential-expired',
    what: 'an administrator whose time has passed',
    act: { kind: 'add-administrator', organization: 'acme', name: 'x', expiresAt: '2020-01-01T00:00:00Z' },
  },
  {
    rule: 'credential-name-taken',
    what: 'a second token of one name',
    act: { kind: 'create-token', organization: 'acme', name: 'taken', sites: ['byok'] },
  },
  {
    rule: 'credential-name-taken',
    what: 'a second administrator of one name',
    act: { kind: 'add-administrator', organization: 'acme', name: 'taken' },
  },
  {
    rule: 'subject-taken',
    what: 'an OIDC subject that has a role elsewhere',
    act: { kind: 'add-administrator', organization: 'globex', name: 'x', subject: 'taken' },
  },
  {
    rule: 'credential-site',
    what: 'an access key for a site of another organization',
    act: { kind: 'create-access-key', organization: 'acme', name: 'x', site: 'globex', app: 'jira' },
    withheld: true,
  },
  {
    rule: 'access-key-app',
    what: 'an access key for an app that is not there',
    act: { kind: 'create-access-key', organization: 'acme', name: 'x', site: 'byok', app: 'confluence' },
    withheld: true,
  },
  {
    rule: 'access-key-store',
    what: 'an access key for an app without S3 store',
    act: { kind: 'create-access-key', organization: 'acme', name: 'x', site: 'byok', app: 'jira' },
  },
  {
    rule: 'app-type',
    what: 'an access key for an app that is none',
    act: { kind: 'create-access-key', organization: 'acme', name: 'x', site: 'byok', app: 'wiki' },
    withheld: true,
  },
  {
    rule: 'byok-missing',
    what: 'a suspension without BYOK',
    act: { kind: 'suspend', organization: 'no-byok' },
    withheld: true,
  },
  {
    rule: 'suspension-not-operator',
    what: 'lifting what the customer has done',
    act: ({ suspension }) => ({ kind: 'lift', organization: 'denied', suspension }),
    withheld: true,
  },
]
