import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AuthorityResources } from '../../src/local/aws/world.ts'
import type { AnyJson } from '../support/any-json.ts'
import { type ApiGateway, ApiWorld, byokOf, keysOf } from './support/api-world.ts'

let world: ApiWorld
let gateway: ApiGateway
let customer: AuthorityResources
let other: AuthorityResources

beforeAll(async () => {
  world = await ApiWorld.start()
  gateway = await world.gateway('rules', (configuration) => {
    configuration['organizations'] = [
      { id: 'from-file', location: 'europe', sites: [{ name: 'file-site', apps: [{ type: 'jira' }] }] },
    ]
  })
  customer = await world.organization(gateway, 'acme')
  other = await world.organization(gateway, 'globex')
  const create = (organization: string, body: unknown) =>
    gateway.organization(`/${organization}/sites`, { body })
  await create('acme', { name: 'byok', hosts: ['byok.example'], apps: [{ type: 'jira', byok: true }] })
  await create('acme', { name: 'vendor', apps: [{ type: 'confluence' }] })
  await create('acme', { name: 'empty' })
  await create('globex', { name: 'globex', hosts: ['globex.example'] })
  await gateway.organization('', { body: { id: 'japanese', location: 'japan' } })
  await gateway.organization('', { body: { id: 'no-byok', location: 'europe' } })
  await gateway.organization('/no-byok/sites', { body: { name: 'no-byok' } })
})

afterAll(async () => {
  await world?.stop()
})

interface Case {
  readonly what: string
  readonly path: string
  readonly method?: string
  readonly body?: unknown
  readonly status: number
  readonly rule: string
}

const byok = (change: (body: Record<string, AnyJson>) => void) => (): unknown => {
  const body = structuredClone(byokOf(customer))
  change(body)
  return body
}

const CASES: readonly Case[] = [
  {
    what: 'an organization that exists',
    path: '',
    body: { id: 'acme', location: 'europe' },
    status: 409,
    rule: 'organization-exists',
  },
  {
    what: 'an organization of the file',
    path: '',
    body: { id: 'from-file', location: 'europe' },
    status: 409,
    rule: 'organization-exists',
  },
  {
    what: 'an identifier with capitals',
    path: '',
    body: { id: 'Acme', location: 'europe' },
    status: 422,
    rule: 'organization-id',
  },
  {
    what: 'a location that is none',
    path: '',
    body: { id: 'x', location: 'mars' },
    status: 422,
    rule: 'location',
  },
  {
    what: 'a region as location',
    path: '',
    body: { id: 'x', location: 'eu-central-1' },
    status: 422,
    rule: 'location',
  },
  {
    what: 'another location',
    path: '/acme',
    method: 'PATCH',
    body: { location: 'usa' },
    status: 409,
    rule: 'location-immutable',
  },
  {
    what: 'a change of what the file manages',
    path: '/from-file',
    method: 'PATCH',
    body: { name: 'x' },
    status: 409,
    rule: 'managed-by-file',
  },
  {
    what: 'a site for what the file manages',
    path: '/from-file/sites',
    body: { name: 'x' },
    status: 409,
    rule: 'managed-by-file',
  },
  {
    what: 'an app on what the file manages',
    path: '/from-file/sites/file-site/apps',
    body: { type: 'confluence' },
    status: 409,
    rule: 'managed-by-file',
  },
  {
    what: 'an account ID of 11 digits',
    path: '/no-byok/byok',
    method: 'PUT',
    body: byok((body) => (body['accountId'] = '12345678901')),
    status: 422,
    rule: 'account-id',
  },
  {
    what: 'an account ID of 13 digits',
    path: '/no-byok/byok',
    method: 'PUT',
    body: byok((body) => (body['accountId'] = '1234567890123')),
    status: 422,
    rule: 'account-id',
  },
  {
    what: 'an account ID with letters',
    path: '/no-byok/byok',
    method: 'PUT',
    body: byok((body) => (body['accountId'] = '12345678901a')),
    status: 422,
    rule: 'account-id',
  },
  {
    what: 'an account ID with spaces',
    path: '/no-byok/byok',
    method: 'PUT',
    body: byok((body) => (body['accountId'] = '1234 5678 9012')),
    status: 422,
    rule: 'account-id',
  },
  {
    what: 'a role of another account',
    path: '/no-byok/byok',
    method: 'PUT',
    body: byok((body) => (body['roleArn'] = 'arn:aws:iam::999999999999:role/x')),
    status: 422,
    rule: 'role-account',
  },
  {
    what: 'a region without key',
    path: '/no-byok/byok',
    method: 'PUT',
    body: byok((body) => delete body['keys']['eu-west-1']),
    status: 422,
    rule: 'key-region-missing',
  },
  {
    what: 'a key outside the location',
    path: '/no-byok/byok',
    method: 'PUT',
    body: byok((body) => (body['keys']['us-east-1'] = body['keys']['eu-west-1'])),
    status: 422,
    rule: 'key-region-outside',
  },
  {
    what: 'an alias as key',
    path: '/no-byok/byok',
    method: 'PUT',
    body: byok(
      (body) => (body['keys']['eu-west-1'] = `arn:aws:kms:eu-west-1:${String(body['accountId'])}:alias/x`),
    ),
    status: 422,
    rule: 'key-arn',
  },
  {
    what: 'the keys of another organization',
    path: '/no-byok/byok',
    method: 'PUT',
    body: () => byokOf(customer),
    status: 409,
    rule: 'key-shared',
  },
  {
    what: 'the keys of the vendor',
    path: '/no-byok/byok',
    method: 'PUT',
    body: () => ({
      accountId: world.world.vendor.accountId,
      roleArn: world.world.vendor.roleArn,
      keys: keysOf(world.world.vendor),
    }),
    status: 422,
    rule: 'account-vendor',
  },
  {
    what: 'a site name of another organization',
    path: '/acme/sites',
    body: { name: 'globex' },
    status: 409,
    rule: 'site-foreign',
  },
  {
    what: 'a site name of the file',
    path: '/acme/sites',
    body: { name: 'file-site' },
    status: 409,
    rule: 'site-foreign',
  },
  {
    what: 'a site that exists',
    path: '/acme/sites',
    body: { name: 'byok' },
    status: 409,
    rule: 'site-exists',
  },
  {
    what: 'a site name with dots',
    path: '/acme/sites',
    body: { name: 'a.b' },
    status: 422,
    rule: 'site-name',
  },
  {
    what: 'another site name',
    path: '/acme/sites/byok',
    method: 'PATCH',
    body: { name: 'bring' },
    status: 409,
    rule: 'site-name-immutable',
  },
  {
    what: 'a host of another site',
    path: '/acme/sites',
    body: { name: 'x', hosts: ['globex.example'] },
    status: 409,
    rule: 'host-taken',
  },
  {
    what: 'a host with a port',
    path: '/acme/sites/byok',
    method: 'PATCH',
    body: { hosts: ['a.example:8080'] },
    status: 422,
    rule: 'site-host',
  },
  {
    what: 'an app that is there',
    path: '/acme/sites/byok/apps',
    body: { type: 'jira', byok: true },
    status: 409,
    rule: 'app-duplicate',
  },
  {
    what: 'a conversion from BYOK by adding',
    path: '/acme/sites/byok/apps',
    body: { type: 'jira', byok: false },
    status: 409,
    rule: 'byok-immutable',
  },
  {
    what: 'a conversion to BYOK by adding',
    path: '/acme/sites/vendor/apps',
    body: { type: 'confluence', byok: true },
    status: 409,
    rule: 'byok-immutable',
  },
  {
    what: 'a conversion from BYOK',
    path: '/acme/sites/byok/apps/jira',
    method: 'PATCH',
    body: { byok: false },
    status: 409,
    rule: 'byok-immutable',
  },
  {
    what: 'a conversion to BYOK',
    path: '/acme/sites/vendor/apps/confluence',
    method: 'PATCH',
    body: { byok: true },
    status: 409,
    rule: 'byok-immutable',
  },
  {
    what: 'a Jira family with two settings',
    path: '/acme/sites/byok/apps',
    body: { type: 'jira-service-management' },
    status: 409,
    rule: 'jira-family',
  },
  {
    what: 'a new site with two settings in the Jira family',
    path: '/acme/sites',
    body: { name: 'x', apps: [{ type: 'jira', byok: true }, { type: 'jira-service-management' }] },
    status: 409,
    rule: 'jira-family',
  },
  {
    what: 'a BYOK app on a site without one',
    path: '/acme/sites/vendor/apps',
    body: { type: 'jira', byok: true },
    status: 409,
    rule: 'byok-site',
  },
  {
    what: 'a BYOK app without BYOK configuration',
    path: '/no-byok/sites/no-byok/apps',
    body: { type: 'jira', byok: true },
    status: 409,
    rule: 'byok-missing',
  },
  {
    what: 'a vendor-managed app where the vendor has no keys',
    path: '/japanese/sites',
    body: { name: 'tokyo', apps: [{ type: 'jira' }] },
    status: 409,
    rule: 'vendor-keys-missing',
  },
  {
    what: 'removing a site with apps',
    path: '/acme/sites/byok',
    method: 'DELETE',
    status: 409,
    rule: 'site-not-empty',
  },
  {
    what: 'a token for a site of another organization',
    path: '/acme/tokens',
    body: { name: 'x', sites: ['globex'] },
    status: 422,
    rule: 'credential-site',
  },
  {
    what: 'a token that has expired',
    path: '/acme/tokens',
    body: { name: 'x', sites: ['byok'], expiresAt: '2020-01-01T00:00:00Z' },
    status: 422,
    rule: 'credential-expired',
  },
  { what: 'a plan without account', path: '/no-byok/byok/plan', status: 422, rule: 'account-id' },
  {
    what: 'a plan for 13 digits',
    path: '/no-byok/byok/plan?accountId=1234567890123',
    status: 422,
    rule: 'account-id',
  },
  {
    what: 'a suspension without BYOK',
    path: '/no-byok/suspensions',
    method: 'POST',
    status: 409,
    rule: 'byok-missing',
  },
]

describe('the rules of the domain', () => {
  it.each(CASES)('refuse $what', async ({ path, method, body, status, rule }) => {
    const answer = await gateway.api(`/admin/v1/organizations${path}`, {
      ...(method === undefined ? {} : { method }),
      ...(body === undefined ? {} : { body: typeof body === 'function' ? (body as () => unknown)() : body }),
    })
    expect(answer).toMatchObject({
      status,
      json: {
        status,
        rule,
        reason: status === 409 ? 'rule-conflict' : 'rule-violated',
        detail: expect.stringMatching(/^["A-Z].*[.!?]$/) as string,
        remedy: expect.stringMatching(/^[A-Z].*[.!?]$/) as string,
        errors: expect.arrayContaining([expect.objectContaining({ rule })]) as unknown[],
      },
    })
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
  })

  it('name everything that is wrong at once', async () => {
    const body = { accountId: '1', roleArn: 'x', keys: { 'eu-central-1': 'y' } }
    const { json } = await gateway.api('/admin/v1/organizations/no-byok/byok', { method: 'PUT', body })
    const rules = (json as { errors: { rule: string; path: string }[] }).errors.map(({ rule, path }) => [
      path,
      rule,
    ])
    expect(rules).toEqual(
      expect.arrayContaining([
        ['accountId', 'account-id'],
        ['roleArn', 'role-arn'],
        ['keys', 'key-region-missing'],
        ['keys.eu-central-1', 'key-arn'],
      ]),
    )
  })

  it('let BYOK be set anew until a key was wrapped, then only to what it is', async () => {
    const replaced = await world.customer('globex-two', 'unused')
    await gateway.organization('/globex/byok', { method: 'PUT', body: byokOf(replaced) })
    expect(await gateway.organization('/globex/byok')).toMatchObject({
      replaceable: true,
      accountId: replaced.accountId,
    })
    await gateway.organization('/globex/byok', { method: 'PUT', body: byokOf(other) })
    await gateway.organization('/globex/sites/globex/apps', { body: { type: 'jira', byok: true } })
    const { token } = await gateway.organization('/globex/tokens', {
      body: { name: 'app', sites: ['globex'] },
    })
    const body = '{"id":"1","fields":{"summary":"s"}}'
    expect((await gateway.request('/jira/issue/1', 'globex', token, { method: 'PUT', body })).ok).toBe(true)

    expect(await gateway.organization('/globex/byok')).toMatchObject({ replaceable: false })
    const refused = await gateway.api('/admin/v1/organizations/globex/byok', {
      method: 'PUT',
      body: byokOf(replaced),
    })
    expect(refused).toMatchObject({ status: 409, json: { rule: 'byok-immutable' } })
    await gateway.organization('/globex/byok', { method: 'PUT', body: byokOf(other) })
  })

  it('bring a removed app back with its data, and only under its setting', async () => {
    const { token } = await gateway.organization('/acme/tokens', { body: { name: 'app', sites: ['byok'] } })
    const body = '{"id":"9","fields":{"summary":"kept"}}'
    const read = () => gateway.request('/jira/issue/9', 'byok', token)
    expect((await gateway.request('/jira/issue/9', 'byok', token, { method: 'PUT', body })).ok).toBe(true)
    await gateway.organization('/acme/sites/byok/apps/jira', { method: 'DELETE' })
    expect((await read()).status).toBe(404)
    const path = '/admin/v1/organizations/acme/sites/byok/apps'
    expect(await gateway.api(path, { body: { type: 'jira' } })).toMatchObject({
      status: 409,
      json: { rule: 'byok-immutable' },
    })
    expect(await gateway.api(path, { body: { type: 'jira', byok: true } })).toMatchObject({ status: 201 })
    expect(await (await read()).text()).toBe(body)
  })

  it('keep the name of a removed site for its organization', async () => {
    await gateway.organization('/acme/sites/empty', { method: 'DELETE' })
    expect(await gateway.api('/admin/v1/organizations/acme/sites/empty')).toMatchObject({ status: 404 })
    expect(
      await gateway.api('/admin/v1/organizations/globex/sites', { body: { name: 'empty' } }),
    ).toMatchObject({
      status: 409,
      json: { rule: 'site-foreign' },
    })
    expect(
      await gateway.api('/admin/v1/organizations/acme/sites', { body: { name: 'empty' } }),
    ).toMatchObject({ status: 201 })
  })

  it('hold for one of two equal requests that race', async () => {
    const body = { name: 'race' }
    const answers = await Promise.all(
      ['acme', 'globex', 'acme', 'no-byok'].map((id) =>
        gateway.api(`/admin/v1/organizations/${id}/sites`, { body }),
      ),
    )
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409, 409, 409])
  })
})

describe('a configuration file', () => {
  const start = (change: (configuration: Record<string, AnyJson>) => void) => world.gateway('rules', change)
  const site = (apps: unknown[]) => [
    { id: 'from-file', location: 'europe', sites: [{ name: 'file-site', apps }] },
  ]

  it.each<[string, unknown, RegExp]>([
    ['changes a location', [{ id: 'from-file', location: 'usa' }], /location-immutable/],
    ['changes a setting', site([{ type: 'jira', byok: true }]), /byok-immutable|byok-missing/],
    ['takes an organization of the API', [{ id: 'acme', location: 'europe' }], /managed-by-api/],
    [
      'takes a site of the API',
      [{ id: 'x', location: 'europe', sites: [{ name: 'globex', apps: [{ type: 'jira' }] }] }],
      /site-foreign/,
    ],
    [
      'takes a host of the API',
      [
        {
          id: 'x',
          location: 'europe',
          sites: [{ name: 'x', hosts: ['globex.example'], apps: [{ type: 'jira' }] }],
        },
      ],
      /site-host-duplicate/,
    ],
  ])('is refused at start when it %s', async (_what, organizations, message) => {
    await expect(
      start((configuration) => {
        configuration['organizations'] = organizations
      }),
    ).rejects.toThrow(message)
  })

  it('is refused when it takes the keys away that apps of the API need', async () => {
    await expect(
      start((configuration) => {
        configuration['vendorKeys'] = []
      }),
    ).rejects.toThrow(/vendor-keys-missing/)
  })
})
