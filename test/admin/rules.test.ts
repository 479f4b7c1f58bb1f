import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RULES } from '../../src/provisioning/rules.ts'
import { requestOf } from '../rules/by-api.ts'
import { actOf, RULE_CASES } from '../rules/cases.ts'
import { RuleWorld } from '../rules/rule-world.ts'
import type { AnyJson } from '../support/any-json.ts'
import { type ApiGateway, type ApiWorld, byokOf } from './support/api-world.ts'

let rules: RuleWorld
let world: ApiWorld
let gateway: ApiGateway

beforeAll(async () => {
  rules = await RuleWorld.start()
  ;({ world, gateway } = rules)
})

afterAll(async () => {
  await rules?.stop()
})

describe('the rules of the domain', () => {
  it.each(RULE_CASES)('refuse $what', async (refused) => {
    const { rule } = refused
    const { method, path, body } = requestOf(actOf(refused, rules))
    const answer = await gateway.api(`/admin/v1/organizations${path}`, {
      method,
      ...(body === undefined ? {} : { body }),
    })
    const status = RULES[rule] === 'conflict' ? 409 : 422
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

  it('have a case each', () => {
    expect(new Set(RULE_CASES.map(({ rule }) => rule))).toEqual(new Set(Object.keys(RULES)))
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
    await gateway.organization('/globex/byok', { method: 'PUT', body: byokOf(rules.globex) })
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
    await gateway.organization('/globex/byok', { method: 'PUT', body: byokOf(rules.globex) })
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
