import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { operations } from '../../src/admin/api/contract/contract.ts'
import { type ApiGateway, ApiWorld, AUDITOR } from './support/api-world.ts'

let world: ApiWorld
let gateway: ApiGateway
let admin: string
let auditor: string
let foreign: { suspension: string; token: string; administrator: string; rotation: string }

beforeAll(async () => {
  world = await ApiWorld.start()
  gateway = await world.gateway('isolation')
  for (const id of ['acme', 'globex']) {
    await world.organization(gateway, id)
    await gateway.organization(`/${id}/sites`, { body: { name: id, apps: [{ type: 'jira', byok: true }] } })
  }
  const create = (id: string, what: string, body: unknown) => gateway.organization(`/${id}/${what}`, { body })
  admin = (await create('acme', 'administrators', { name: 'kim' })).token as string
  auditor = (await create('acme', 'administrators', { name: 'alex', role: 'auditor' })).token as string
  const suspension = (await gateway.organization('/globex/suspensions', { method: 'POST' })).id as string
  await gateway.organization(`/globex/suspensions/${suspension}`, { method: 'DELETE' })
  foreign = {
    suspension,
    token: (await create('globex', 'tokens', { name: 't', sites: ['globex'] })).id as string,
    administrator: (await create('globex', 'administrators', { name: 'a' })).id as string,
    rotation: (await create('globex', 'rotations', {})).id as string,
  }
})

afterAll(async () => {
  await world?.stop()
})

const BODIES: Readonly<Record<string, unknown>> = {
  'organization.change': { name: 'taken over' },
  'byok.put': { accountId: '111122223333', roleArn: 'x', keys: {} },
  'site.create': { name: 'intruder' },
  'site.change': { hosts: ['intruder.example'] },
  'app.add': { type: 'confluence', byok: true },
  'app.change': { byok: false },
  'token.create': { name: 'intruder', sites: ['globex'] },
  'administrator.create': { name: 'intruder' },
  'rotation.start': {},
}

/** Every operation on an organization, aimed at one, with identifiers of things that are there. */
function aimedAt(organization: string): { id: string; method: string; path: string; body: unknown }[] {
  return operations()
    .filter(([, { path }]) => path.includes('{organization}'))
    .map(([id, { method, path }]) => ({
      id,
      method,
      path: path
        .replace('{organization}', organization)
        .replace('{site}', 'globex')
        .replace('{app}', 'jira')
        .replace('{token}', foreign.token)
        .replace('{administrator}', foreign.administrator)
        .replace('{suspension}', foreign.suspension)
        .replace('{rotation}', foreign.rotation),
      body: BODIES[id],
    }))
}

describe('an administrator of one organization', () => {
  it('finds nothing of another, whatever they ask', async () => {
    const before = JSON.stringify(await everything('globex'))
    for (const token of [admin, auditor]) {
      for (const { method, path, body } of aimedAt('globex')) {
        const asking = { method, token, ...(body === undefined ? {} : { body }) }
        const answer = await gateway.api(path, asking)
        const nowhere = await gateway.api(path.replace('/globex', '/nobody'), asking)
        expect([path, answer.status]).toEqual([path, 404])
        const strip = (text: string) => text.replace(/"requestId":"[^"]*"/, '').replaceAll('globex', 'nobody')
        expect(strip(answer.text)).toBe(strip(nowhere.text))
      }
    }
    expect(JSON.stringify(await everything('globex'))).toBe(before)
  })

  it('reaches nothing of another through their own', async () => {
    for (const { id, method, path, body } of aimedAt('acme')) {
      if (!/\{(site|token|administrator|suspension|rotation)\}/.test(operationPath(id))) continue
      if (id.startsWith('suspension.')) continue
      const answer = await gateway.api(path, {
        method,
        token: admin,
        ...(body === undefined ? {} : { body }),
      })
      expect([path, answer.status]).toEqual([path, 404])
    }
    expect(await gateway.organization('/globex/tokens')).toMatchObject({ items: [{ id: foreign.token }] })
  })

  it('sees only their own in the list, and who they are', async () => {
    const list = await gateway.api('/admin/v1/organizations', { token: admin })
    expect(list.json).toMatchObject({ items: [{ id: 'acme' }], next: null })
    expect(list.text).not.toContain('globex')
    expect((await gateway.api('/admin/v1/identity', { token: admin })).json).toEqual({
      name: 'acme/kim',
      role: 'org-admin',
      organization: 'acme',
    })
  })

  it('may not do what is for the vendor', async () => {
    const denied = [
      await gateway.api('/admin/v1/organizations', {
        token: admin,
        body: { id: 'mine', location: 'europe' },
      }),
      await gateway.api('/admin/v1/organizations/acme/suspensions', { token: admin, method: 'POST' }),
      await gateway.api('/admin/v1/audit/globex', { token: admin }),
      await gateway.api('/admin/v1/audit/system:audit', { token: admin }),
      await gateway.api('/metrics', { token: admin }),
      await gateway.api('/metrics', { token: auditor }),
    ]
    expect(denied.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403, 403])
  })

  it('manages what is theirs, and an auditor only reads it', async () => {
    const body = { name: 'two' }
    expect(await gateway.api('/admin/v1/organizations/acme/sites', { token: auditor, body })).toMatchObject({
      status: 403,
    })
    expect(await gateway.api('/admin/v1/organizations/acme/sites', { token: admin, body })).toMatchObject({
      status: 201,
    })
    expect(await gateway.api('/admin/v1/organizations/acme/audit', { token: auditor })).toMatchObject({
      status: 200,
    })
    expect(await gateway.api('/admin/v1/organizations/acme', { token: AUDITOR })).toMatchObject({
      status: 200,
    })
    const change = { token: AUDITOR, method: 'PATCH', body: { name: 'x' } }
    expect(await gateway.api('/admin/v1/organizations/acme', change)).toMatchObject({ status: 403 })
  })

  it('leaves their attempts in the audit trail of their own organization', async () => {
    await gateway.api('/admin/v1/organizations/globex', {
      token: admin,
      method: 'PATCH',
      body: { name: 'x' },
    })
    const own = await gateway.organization('/acme/audit?types=admin.acted&limit=1000')
    const attempts = (own.items as { event: Record<string, unknown> }[]).map(({ event }) => event)
    expect(attempts).toContainEqual(
      expect.objectContaining({
        actor: 'acme/kim',
        operation: 'organization.change',
        resource: '/admin/v1/organizations/globex',
        outcome: 'refused',
        problem: 'resource-unknown',
      }),
    )
    const theirs = await gateway.api('/admin/v1/organizations/globex/audit?limit=1000')
    expect(theirs.text).not.toContain('acme/kim')
  })

  it('loses access at once when revoked', async () => {
    const made = await gateway.organization('/acme/administrators', { body: { name: 'lee' } })
    const { id, token } = made as { id: string; token: string }
    expect(await gateway.api('/admin/v1/identity', { token })).toMatchObject({ status: 200 })
    await gateway.organization(`/acme/administrators/${id}`, { method: 'DELETE' })
    expect(await gateway.api('/admin/v1/identity', { token })).toMatchObject({ status: 403 })
  })
})

describe('secrets', () => {
  it('are in no answer but the first, no log and no audit row', async () => {
    const made = await gateway.organization('/acme/tokens', { body: { name: 'once', sites: ['acme'] } })
    const token = made.token as string
    expect(token).toMatch(/^pca_[\w-]{43}$/)
    const shown = [
      JSON.stringify(await everything('acme')),
      (await gateway.api('/admin/v1/organizations/acme/audit?limit=1000')).text,
      gateway.logs.text,
    ].join('\n')
    for (const secret of [token, admin, auditor]) expect(shown).not.toContain(secret)
  })
})

function operationPath(id: string): string {
  return operations().find(([name]) => name === id)![1].path
}

async function everything(organization: string): Promise<unknown[]> {
  const parts = ['', '/sites', '/tokens', '/administrators', '/keys', '/rotations', '/suspensions']
  const found = []
  for (const part of parts) found.push(await gateway.organization(`/${organization}${part}`))
  return found.map((part) =>
    JSON.parse(JSON.stringify(part, (name, value: unknown) => (name === 'leaseAgeMs' ? 0 : value))),
  )
}
