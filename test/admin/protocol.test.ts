import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { operations } from '../../src/admin/api/contract/contract.ts'
import { type ApiAnswer, type ApiGateway, ApiWorld, byokOf } from './support/api-world.ts'
import { unreachableObjectStore } from '../support/unreachable-object-store.ts'

let world: ApiWorld
let gateway: ApiGateway

beforeAll(async () => {
  world = await ApiWorld.start()
  gateway = await world.gateway(
    'protocol',
    (configuration) => {
      configuration['onboarding'].notificationSecret = { env: 'NOTIFICATIONS' }
      configuration['objectStores'] = [unreachableObjectStore()]
    },
    { NOTIFICATIONS: 'notification-key-of-at-least-32-characters' },
  )
  await world.organization(gateway, 'acme')
  const apps = [{ type: 'jira', byok: true }, { type: 'confluence' }]
  await gateway.organization('/acme/sites', { body: { name: 'acme', apps } })
})

afterAll(async () => {
  await world?.stop()
})

describe('a repeated request', () => {
  const path = '/admin/v1/organizations/acme/tokens'
  const ask = (key: string, body: unknown) => gateway.api(path, { body, headers: { 'Idempotency-Key': key } })

  it('is answered as before and not done again, without the secret', async () => {
    const body = { name: 'once', sites: ['acme'] }
    const first = await ask('key-1', body)
    const again = await ask('key-1', body)
    expect([first.status, again.status]).toEqual([201, 201])
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(again.json).toEqual({ ...(first.json as object), token: null })
    const { items } = await gateway.organization('/acme/tokens')
    expect((items as { name: string }[]).filter(({ name }) => name === 'once')).toHaveLength(1)
  })

  it('is done once when sent many times at once', async () => {
    const body = { name: 'many', sites: ['acme'] }
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask('key-2', body)))
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status === 201).length).toBeGreaterThan(0)
    expect(new Set(statuses.filter((status) => status !== 201)).difference(new Set([409])).size).toBe(0)
    const { items } = await gateway.organization('/acme/tokens')
    expect((items as { name: string }[]).filter(({ name }) => name === 'many')).toHaveLength(1)
  })

  it('with another body is refused', async () => {
    await ask('key-3', { name: 'three', sites: ['acme'] })
    expect(await ask('key-3', { name: 'four', sites: ['acme'] })).toMatchObject({
      status: 422,
      json: { reason: 'idempotency-key-reused' },
    })
  })

  it('that was refused may be sent again with the same key', async () => {
    const body = { name: 'later', sites: ['later'] }
    expect(await ask('key-4', body)).toMatchObject({ status: 422 })
    await gateway.organization('/acme/sites', { body: { name: 'later' } })
    expect(await ask('key-4', body)).toMatchObject({ status: 201 })
  })

  it('is documented for each POST', async () => {
    const { json } = await gateway.api('/openapi.json')
    const paths = json.paths as Record<string, Record<string, { parameters?: { name: string }[] }>>
    const named = Object.values(paths).flatMap(({ post }) =>
      post === undefined ? [] : [post.parameters?.some(({ name }) => name === 'Idempotency-Key')],
    )
    expect(named.length).toBeGreaterThan(8)
    expect(named.every((has) => has === true)).toBe(true)
  })

  it.each([
    ['/admin/v1/organizations', { id: 'repeated', location: 'japan' }],
    ['/admin/v1/organizations/acme/sites', { name: 'repeated' }],
    ['/admin/v1/organizations/acme/sites/acme/apps', { type: 'jira-service-management', byok: true }],
    ['/admin/v1/organizations/acme/access-keys', { name: 'repeated', site: 'acme', app: 'jira' }],
    ['/admin/v1/organizations/acme/administrators', { name: 'repeated' }],
    ['/admin/v1/organizations/acme/suspensions', undefined],
    ['/admin/v1/organizations/acme/rotations', {}],
    ['/admin/v1/organizations/acme/byok/verification', undefined],
    ['/admin/v1/organizations/acme/byok/notification-secret', undefined],
    ['/admin/v1/organizations/acme/audit/verification', undefined],
  ])('of POST %s is answered as before', async (path, body) => {
    const ask = () =>
      gateway.api(path, {
        method: 'POST',
        headers: { 'Idempotency-Key': `repeat ${path}`.replace(' ', '-') },
        ...(body === undefined ? {} : { body }),
      })
    const [first, again] = [await ask(), await ask()]
    expect(first.status).toBeLessThan(300)
    expect(again.status).toBe(first.status)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    const secrets = { token: null, secretAccessKey: null, secret: null }
    expect({ ...again.json, ...secrets }).toEqual({ ...first.json, ...secrets })
    const lifted = path.endsWith('/suspensions') ? (first.json.id as string) : undefined
    if (lifted !== undefined) await gateway.api(`${path}/${lifted}`, { method: 'DELETE' })
  })

  it('needs a key that can be one', async () => {
    const body = { name: 'x', sites: ['acme'] }
    expect(await ask('with space', body)).toMatchObject({ status: 422, json: { reason: 'input-invalid' } })
    expect(await ask('x'.repeat(129), body)).toMatchObject({ status: 422 })
  })
})

describe('a change of what was seen', () => {
  it('is refused when it has changed since', async () => {
    const path = '/admin/v1/organizations/acme'
    const change = (name: string, etag: string) =>
      gateway.api(path, { method: 'PATCH', body: { name }, headers: { 'If-Match': etag } })
    const seen = (await gateway.api(path)).headers.get('etag')!
    expect(seen).toMatch(/^"r\d+"$/)
    const changed = await change('one', seen)
    expect(changed.status).toBe(200)
    expect(await change('two', seen)).toMatchObject({ status: 412, json: { reason: 'precondition-failed' } })
    expect(await change('two', 'nonsense')).toMatchObject({ status: 412 })
    expect(await change('two', changed.headers.get('etag')!)).toMatchObject({
      status: 200,
      json: { name: 'two' },
    })
    expect(await change('three', '*')).toMatchObject({ status: 200 })
  })

  it('sees the apps of a site as a part of it', async () => {
    await gateway.organization('/acme/sites', { body: { name: 'tagged' } })
    const path = '/admin/v1/organizations/acme/sites/tagged'
    const seen = (await gateway.api(path)).headers.get('etag')!
    await gateway.organization('/acme/sites/tagged/apps', { body: { type: 'confluence' } })
    await gateway.organization('/acme/sites/tagged/apps/confluence', { method: 'DELETE' })
    const remove = (etag: string) => gateway.api(path, { method: 'DELETE', headers: { 'If-Match': etag } })
    expect(await remove(seen)).toMatchObject({ status: 412 })
    expect(await remove((await gateway.api(path)).headers.get('etag')!)).toMatchObject({ status: 204 })
  })
})

describe('what is changed or removed under If-Match', () => {
  const acme = '/admin/v1/organizations/acme'
  const add = async (path: string, body: unknown): Promise<Record<string, string>> =>
    (await gateway.organization(path, { body })) as Record<string, string>

  const TARGETS: Record<string, () => Promise<{ path: string; method: string; body?: unknown }>> = {
    'organization.change': async () => ({ path: acme, method: 'PATCH', body: { name: 'seen' } }),
    'byok.put': async () => {
      const { externalId } = await add('', { id: 'replaced', location: 'europe' })
      const first = await world.customer('replaced', externalId!)
      await gateway.organization('/replaced/byok', { method: 'PUT', body: byokOf(first) })
      const second = await world.customer('replaced', externalId!)
      return { path: '/admin/v1/organizations/replaced/byok', method: 'PUT', body: byokOf(second) }
    },
    'site.change': async () => {
      await add('/acme/sites', { name: 'changed' })
      return { path: `${acme}/sites/changed`, method: 'PATCH', body: { hosts: ['changed.example'] } }
    },
    'site.remove': async () => {
      await add('/acme/sites', { name: 'removed' })
      return { path: `${acme}/sites/removed`, method: 'DELETE' }
    },
    'app.remove': async () => {
      await add('/acme/sites', { name: 'app-removed', apps: [{ type: 'confluence' }] })
      return { path: `${acme}/sites/app-removed/apps/confluence`, method: 'DELETE' }
    },
    'token.revoke': async () => {
      const { id } = await add('/acme/tokens', { name: 'tagged', sites: ['acme'] })
      return { path: `${acme}/tokens/${id}`, method: 'DELETE' }
    },
    'access-key.revoke': async () => {
      const { accessKeyId } = await add('/acme/access-keys', { name: 'tagged', site: 'acme', app: 'jira' })
      return { path: `${acme}/access-keys/${accessKeyId}`, method: 'DELETE' }
    },
    'administrator.revoke': async () => {
      const { id } = await add('/acme/administrators', { name: 'tagged' })
      return { path: `${acme}/administrators/${id}`, method: 'DELETE' }
    },
  }
  const changing = operations().filter(
    ([, { etag, method }]) => etag === true && method !== 'GET' && method !== 'POST',
  )

  it.each(changing.map(([id]) => id))('%s happens only to what was seen', async (id) => {
    const { path, method, body } = await TARGETS[id]!()
    const change = (etag: string) =>
      gateway.api(path, { method, headers: { 'If-Match': etag }, ...(body === undefined ? {} : { body }) })
    const seen = await gateway.api(path)
    const etag = seen.headers.get('etag')!
    expect(etag).toMatch(/^"r[1-9]\d*"$/)
    const refused = await change('"r1"')
    expect(refused).toMatchObject({
      status: 412,
      json: { reason: 'precondition-failed', detail: expect.stringContaining('Read it again') as string },
    })
    expect(refused.headers.get('content-type')).toBe('application/problem+json')
    expect((await gateway.api(path)).headers.get('etag')).toBe(etag)
    expect((await change(etag)).status).toBeLessThan(300)
    const after = await gateway.api(path)
    if (method === 'DELETE') expect(after.status).toBe(404)
    else expect(after.headers.get('etag')).not.toBe(etag)
  })

  it('an app that was removed and added again is another one', async () => {
    await add('/acme/sites', { name: 'again', apps: [{ type: 'confluence' }] })
    const path = `${acme}/sites/again/apps/confluence`
    const seen = (await gateway.api(path)).headers.get('etag')!
    await gateway.api(path, { method: 'DELETE' })
    await add('/acme/sites/again/apps', { type: 'confluence' })
    const remove = gateway.api(path, { method: 'DELETE', headers: { 'If-Match': seen } })
    expect(await remove).toMatchObject({ status: 412 })
  })
})

describe('lists', () => {
  it.each(operations().flatMap(([id, { path }]) => (id.endsWith('.list') ? [[id, path] as const] : [])))(
    '%s takes limit and cursor, and answers the next',
    async (id, template) => {
      const path = template.replace('{organization}', 'acme').replace('{site}', 'acme')
      const cursor = id === 'audit.list' ? 'after' : 'cursor'
      const found: unknown[] = []
      let query = ''
      do {
        const { status, json } = await gateway.api(`${path}?limit=1${query}`)
        expect(status).toBe(200)
        expect(json).toEqual({ items: expect.any(Array) as unknown, next: json.next as unknown })
        expect(json.items.length).toBeLessThanOrEqual(1)
        found.push(...(json.items as unknown[]))
        query = json.next === null ? '' : `&${cursor}=${String(json.next)}`
      } while (query !== '' && found.length < 20)
      expect(new Set(found.map((item) => JSON.stringify(item))).size).toBe(found.length)
      expect(await gateway.api(`${path}?limit=0`)).toMatchObject({ status: 422 })
    },
  )

  it('of the apps of a site go on where the page before ended', async () => {
    const first = await gateway.organization('/acme/sites/acme/apps?limit=2')
    expect(first.items.map(({ type }: { type: string }) => type)).toEqual(['confluence', 'jira'])
    const second = await gateway.organization(`/acme/sites/acme/apps?limit=2&cursor=${String(first.next)}`)
    expect(second).toMatchObject({ items: [{ type: 'jira-service-management' }], next: null })
  })

  it('are read page by page, each item once', async () => {
    const names = Array.from({ length: 7 }, (_, index) => `page-${index}`)
    for (const id of names) await gateway.organization('', { body: { id, location: 'japan' } })
    const found: string[] = []
    let cursor = ''
    for (;;) {
      const page = await gateway.organization(`?limit=3${cursor}`)
      expect(page.items.length).toBeLessThanOrEqual(3)
      found.push(...(page.items as { id: string }[]).map(({ id }) => id))
      if (page.next === null) break
      cursor = `&cursor=${page.next as string}`
    }
    expect(found).toEqual([...found].sort())
    expect(found).toEqual(expect.arrayContaining(names))
    expect(new Set(found).size).toBe(found.length)
  })

  it.each(['limit=0', 'limit=501', 'limit=x', 'cursor=%20', 'unknown=1'])('refuse ?%s', async (query) => {
    expect(await gateway.api(`/admin/v1/organizations?${query}`)).toMatchObject({
      status: 422,
      json: { reason: 'input-invalid' },
    })
  })
})

describe('the audit trail', () => {
  it('has every change with who made it, and proves itself', async () => {
    const { items } = await gateway.organization('/acme/audit?limit=1000')
    const events = (items as { event: Record<string, unknown> }[]).map(({ event }) => event)
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'provisioning.changed',
        change: 'site.created',
        site: 'acme',
        by: 'olga',
      }),
    )
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'admin.acted',
        operation: 'token.create',
        outcome: 'refused',
        problem: 'rule-violated',
        actor: 'olga',
        role: 'operator',
      }),
    )
    const proof = await gateway.organization('/acme/audit/verification', { method: 'POST' })
    expect(proof).toMatchObject({ ok: true, chain: 'acme', problems: [] })
    expect(proof.rows).toBeGreaterThanOrEqual(items.length)
  })

  it('is exported as NDJSON', async () => {
    const answer = await gateway.api('/admin/v1/organizations/acme/audit', {
      headers: { Accept: 'application/x-ndjson' },
    })
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson')
    const rows = answer.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(rows[0]).toMatchObject({ chain: 'acme', sequence: 1 })
  })

  it('is filtered and paged by sequence', async () => {
    const first = await gateway.organization('/acme/audit?types=provisioning.changed&limit=2')
    expect(first.items).toHaveLength(2)
    const next = await gateway.organization(
      `/acme/audit?types=provisioning.changed&limit=2&after=${String(first.next)}`,
    )
    expect(next.items[0].sequence).toBeGreaterThan(first.items[1].sequence)
    expect(await gateway.api('/admin/v1/audit/nobody')).toMatchObject({ status: 404 })
    expect(await gateway.api('/admin/v1/audit/vendor:europe')).toMatchObject({ status: 200 })
  })
})

describe('any input', () => {
  const paths = operations().map(([id, { method, path }]) => ({
    id,
    method,
    path: path
      .replace('{organization}', 'acme')
      .replace('{site}', 'acme')
      .replaceAll(/\{\w+\}/g, 'x'),
  }))

  it('is answered with a problem and never with a defect', async () => {
    const safe = paths.filter(({ id }) => !/verify|rotation.start|suspension.place|app.remove/.test(id))
    const member = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(fc.string(), { maxLength: 3 }),
    )
    const names = fc.constantFrom(
      'id',
      'name',
      'location',
      'hosts',
      'apps',
      'type',
      'byok',
      'sites',
      'keys',
      'accountId',
      'roleArn',
      'role',
      'subject',
      'expiresAt',
      '__proto__',
      'constructor',
    )
    const bodies = fc.oneof(
      fc.dictionary(names, member),
      fc.anything().filter((value) => JSON.stringify(value) !== undefined),
    )
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...safe), bodies, async ({ method, path }, body) => {
        const answer = await gateway.api(path, {
          method,
          ...(method === 'GET' || method === 'DELETE' ? {} : { body }),
        })
        expect(answer.status).toBeLessThan(500)
        if (answer.status >= 400) {
          expect(answer.headers.get('content-type')).toBe('application/problem+json')
          expect(answer.json).toMatchObject({ status: answer.status, detail: expect.any(String) as string })
        }
      }),
      { numRuns: 150 },
    )
  })

  it('that is of no known type is refused with its place', async () => {
    const answer = await gateway.api('/admin/v1/organizations/acme/sites', {
      body: { name: 7, apps: [{ type: 8 }] },
    })
    expect(answer).toMatchObject({
      status: 422,
      json: { reason: 'input-invalid', errors: [{ path: 'name' }, { path: 'apps[0].type' }] },
    })
    expect(
      await gateway.api('/admin/v1/organizations/acme/sites', { body: { name: 'x', nme: 'y' } }),
    ).toMatchObject({
      status: 422,
    })
  })
})

describe('too many requests', () => {
  /** Asks until it is refused, however slowly the gateway answers here. */
  async function refusedAfter(ask: () => Promise<ApiAnswer>, together: number) {
    for (let answered = 0; ; answered += together) {
      const answers = await Promise.all(Array.from({ length: together }, ask))
      const refused = answers.find(({ status }) => status === 429)
      if (refused !== undefined) return { answered, refused }
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    }
  }

  // Names of their own each time, or a second attempt would meet what the first one left.
  const fresh = (name: string): string => `${name}-${Date.now()}`

  it('of one administrator are refused with 429, and others are not', async () => {
    const body = { name: fresh('flood') }
    const { token } = (await gateway.organization('/acme/administrators', { body })) as { token: string }
    const { answered, refused } = await refusedAfter(() => gateway.api('/admin/v1/identity', { token }), 100)
    expect(answered).toBeGreaterThanOrEqual(300)
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(await gateway.api('/admin/v1/locations')).toMatchObject({ status: 200 })
  })

  it('of costly operations are refused sooner', async () => {
    const organization = fresh('costly')
    await world.organization(gateway, organization)
    const path = `/admin/v1/organizations/${organization}/audit/verification`
    const { answered } = await refusedAfter(() => gateway.api(path, { method: 'POST' }), 1)
    expect(answered).toBeGreaterThanOrEqual(10)
    expect(answered).toBeLessThan(100)
  })
})

describe('/openapi.json', () => {
  it('is open and describes every operation', async () => {
    const { json, status } = await gateway.api('/openapi.json', { token: '' })
    expect(status).toBe(200)
    const document = json as { openapi: string; paths: Record<string, object> }
    expect(document.openapi).toBe('3.1.1')
    expect(Object.values(document.paths).flatMap(Object.keys)).toHaveLength(operations().length)
  })
})
