import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiGateway, ApiWorld } from './support/api-world.ts'

let world: ApiWorld
let gateway: ApiGateway

beforeAll(async () => {
  world = await ApiWorld.start()
  gateway = await world.gateway()
})

afterAll(async () => {
  await world?.stop()
})

describe('an empty gateway', () => {
  it('is provisioned by calls alone, and serves at once', async () => {
    await gateway.organization('', { body: { id: 'acme', name: 'Acme', location: 'europe' } })
    const customer = await world.applyPlan('acme', gateway)
    await gateway.organization('/acme/byok', { method: 'PUT', body: customer })
    const report = await gateway.organization('/acme/byok/verification', { method: 'POST' })
    expect(report).toMatchObject({ ok: true, findings: [], impact: { stops: [], continues: [] } })

    const site = await gateway.organization('/acme/sites', {
      body: { name: 'acme', apps: [{ type: 'jira', byok: true }] },
    })
    expect(site).toMatchObject({
      name: 'acme',
      managedBy: 'api',
      apps: [{ type: 'jira', byok: true, encryption: 'byok' }],
    })
    await gateway.organization('/acme/sites/acme/apps', { body: { type: 'confluence' } })
    const { token } = await gateway.organization('/acme/tokens', { body: { name: 'app', sites: ['acme'] } })

    const body = JSON.stringify({ id: '1', fields: { summary: 'the secret plan' } })
    const written = await gateway.request('/jira/issue/1', 'acme', token, { method: 'PUT', body })
    expect(written.status).toBeLessThan(300)
    expect(await (await gateway.request('/jira/issue/1', 'acme', token)).text()).toBe(body)

    expect(await gateway.organization('/acme')).toMatchObject({
      location: 'europe',
      byokConfigured: true,
      sites: 1,
      apps: { byok: 1, vendorManaged: 1 },
      access: { state: 'valid', suspension: null },
    })
    expect(await gateway.organization('/acme/byok')).toMatchObject({
      accountId: customer['accountId'],
      replaceable: false,
      keys: [{ region: 'eu-central-1', verifiedAt: expect.any(String) as string }, { region: 'eu-west-1' }],
    })
    expect(await gateway.organization('/acme/byok/verification')).toMatchObject({
      impact: {
        stops: [{ site: 'acme', app: 'jira' }],
        continues: [{ site: 'acme', app: 'confluence' }],
      },
    })
  })
})
