import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AuthorityResources } from '../../src/local/aws/world.ts'
import type { AnyJson } from '../support/any-json.ts'
import { type ApiGateway, ApiWorld, keysOf } from './support/api-world.ts'

const TOKEN = 'token-of-the-file-0123456789abcdef0123456789'
const BODY = '{"id":"1","fields":{"summary":"from the file"}}'

let world: ApiWorld
let customer: AuthorityResources
let token = ''

beforeAll(async () => {
  world = await ApiWorld.start()
  customer = await world.customer('acme', 'acme-external-id')
})

afterAll(async () => {
  await world?.stop()
})

/** A gateway whose file has the organization as `change` leaves it. */
async function start(change: (organization: Record<string, AnyJson>) => void): Promise<ApiGateway> {
  const { accountId, roleArn, externalId } = customer
  const organization: Record<string, AnyJson> = {
    id: 'acme',
    name: 'Acme',
    location: 'europe',
    byok: { accountId, roleArn, externalId, keys: keysOf(customer) },
    sites: [
      { name: 'acme', hosts: ['acme.example'], apps: [{ type: 'jira', byok: true }, { type: 'confluence' }] },
    ],
  }
  change(organization)
  return await world.gateway(
    'adopted',
    (configuration) => {
      configuration['organizations'] = [organization]
      configuration['tokens'] = [{ name: 'file', env: 'FILE_TOKEN', sites: ['acme'] }]
    },
    { FILE_TOKEN: TOKEN },
  )
}

describe('an organization of the configuration file', () => {
  it('is served and shown, and refuses to be changed by the API', async () => {
    const gateway = await start((organization) => {
      organization['sites'].push({ name: 'acme-old', hosts: [], apps: [{ type: 'jira', byok: true }] })
    })
    const put = await gateway.request('/jira/issue/1', 'acme', TOKEN, { method: 'PUT', body: BODY })
    expect(put.ok).toBe(true)
    expect(await gateway.organization('/acme')).toMatchObject({ managedBy: 'file', name: 'Acme' })
    const refused = await gateway.organization('/acme/sites', { body: { name: 'acme-new' }, expect: 409 })
    expect(refused).toMatchObject({ rule: 'managed-by-file' })
    expect(refused.remedy).toMatch(/managedBy: api/)
    await gateway.stop()
  })

  it('is handed over as it stands by managedBy: api, and its data stays readable', async () => {
    const gateway = await start((organization) => {
      organization['managedBy'] = 'api'
    })
    expect(await (await gateway.request('/jira/issue/1', 'acme', TOKEN)).text()).toBe(BODY)
    expect(await gateway.organization('/acme')).toMatchObject({
      managedBy: 'api',
      name: 'Acme',
      externalId: customer.externalId,
      sites: 1,
      apps: { byok: 1, vendorManaged: 1 },
    })
    const { items } = await gateway.organization('/acme/sites')
    expect(items).toMatchObject([{ name: 'acme', hosts: ['acme.example'], managedBy: 'api' }])
    expect(await gateway.organization('/acme/byok')).toMatchObject({
      accountId: customer.accountId,
      managedBy: 'api',
      replaceable: false,
    })
    expect((await gateway.api('/admin/v1/organizations/acme/audit?limit=500')).text).toContain(
      'organization.adopted',
    )
    await gateway.organization('/acme/sites', {
      body: { name: 'acme-new', apps: [{ type: 'jira', byok: true }] },
    })
    const made = await gateway.organization('/acme/tokens', { body: { name: 'api', sites: ['acme'] } })
    token = made.token as string
    await gateway.stop()
  })

  it('is taken over once: what the entry says later no longer counts', async () => {
    const gateway = await start((organization) => {
      organization['managedBy'] = 'api'
      organization['name'] = 'Another'
    })
    expect(await gateway.organization('/acme')).toMatchObject({ name: 'Acme', sites: 2 })
    expect((await gateway.request('/jira/issue/1', 'acme', TOKEN)).status).toBe(200)
    await gateway.stop()
  })

  it('does not go back to the file', async () => {
    await expect(start(() => undefined)).rejects.toThrow(/managed-by-api/)
  })

  it('goes on when its entry is taken out', async () => {
    const gateway = await world.gateway('adopted')
    expect(await (await gateway.request('/jira/issue/1', 'acme', token)).text()).toBe(BODY)
    expect((await gateway.request('/jira/issue/1', 'acme', TOKEN)).status).toBe(403)
  })
})
