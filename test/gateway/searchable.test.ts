import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { GatewayWorld, type RunningGateway } from '../support/gateway-world.ts'
import { answerJson, ScriptedStore } from '../support/scripted-store.ts'
import type { AnyJson } from '../support/any-json.ts'

const JSON_TYPE = { 'Content-Type': 'application/json' }

const coverage = `
entities:
  ticket:
    dataClass: issue
    rules:
      - clear: [id, created]
      - searchable: customer
      - { searchable: reference, fieldName: number }
      - { encrypt: 'update.title[].set', fieldName: title }
      - include: note
        at: notes[]
  note:
    dataClass: comment
    rules:
      - clear: [id, author]
routes:
  - methods: [GET]
    paths: /tickets
    response: { entity: ticket, at: 'data[]', clear: [took] }
    query:
      - { name: customer, field: customer }
      - { name: number, field: reference }
  - methods: [GET, PUT]
    paths: '/tickets/{id}'
    request: { entity: ticket }
    response: { entity: ticket }
  - methods: [PATCH]
    paths: '/tickets/{id}'
    request: { entity: ticket, shape: patch }
    response: none
  - methods: [POST, GET]
    paths: /bulk
    request: { entity: ticket, shape: ndjson }
    response: { entity: ticket, shape: ndjson }
  - methods: [POST]
    paths: /limited
    request: { entity: ticket }
    limits: { requestBytesMax: 50 }
`

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let world: GatewayWorld
let running: RunningGateway
let store: ScriptedStore

beforeAll(async () => {
  world = await GatewayWorld.start()
  store = await ScriptedStore.start()
  const file = world.file('tickets.yaml', coverage)
  running = await world.gateway((configuration) => {
    configuration['stores'] = [
      { name: 'desk', mount: '/desk', upstream: store.url, apps: ['jira'], coverage: file },
    ]
  })
  await running.warm('/desk/tickets/0', '{}')
})
beforeEach(() => {
  store.calls.length = 0
  store.script = answerJson('{}')
})
afterAll(async () => {
  await world.stop()
  await store.stop()
})

/** A ticket as the store was sent it. */
async function stored(body: unknown, site = 'acme'): Promise<Record<string, AnyJson>> {
  expect((await running.put('/desk/tickets/1', JSON.stringify(body), site)).status).toBe(200)
  return JSON.parse(store.lastCall.body!.toString()) as Record<string, AnyJson>
}

const queried = (name: string): string | null =>
  new URL(store.lastCall.url, 'http://store').searchParams.get(name)

describe('an equality-searchable field', () => {
  it('is the same at rest for equal values, and what a query parameter is made to', async () => {
    const first = await stored({ id: '1', customer: 'Zoë & Söhne', title: 'same' })
    const second = await stored({ id: '2', customer: 'Zoë & Söhne', title: 'same' })
    expect(first['customer']).toMatch(/^~pc1~/)
    expect(second['customer']).toBe(first['customer'])
    expect(second['title']).not.toBe(first['title'])
    for (const written of ['Zo%C3%AB%20%26%20S%C3%B6hne', 'Zo%C3%AB+%26+S%C3%B6hne']) {
      await running.request(`/desk/tickets?page=2&customer=${written}&x=Zo%C3%AB`)
      expect(queried('customer')).toBe(first['customer'])
      expect(store.lastCall.url).toMatch(/^\/tickets\?page=2&customer=~pc1~[\w-]+&x=Zo%C3%AB$/)
    }
    await running.request('/desk/tickets?%63ustomer=other&customer=Zo%C3%AB%20%26%20S%C3%B6hne')
    expect(store.lastCall.url).not.toContain('other')
  })

  it('differs between values, fields and tenants', async () => {
    const { customer, reference } = await stored({ customer: 'A', reference: 'A' })
    expect(reference).not.toBe(customer)
    expect((await stored({ customer: 'B' }))['customer']).not.toBe(customer)
    expect((await stored({ customer: 'A' }, 'umbrella'))['customer']).not.toBe(customer)
  })

  it('is found and opened in a list', async () => {
    const ticket = {
      id: '1',
      customer: 'C',
      title: 'the title',
      notes: [{ id: 'n', author: 'a', text: 'the note' }],
    }
    const sealed = await stored(ticket)
    store.script = answerJson(JSON.stringify({ data: [sealed], took: 3, next: null }))
    const answer = await running.request('/desk/tickets?customer=C')
    expect(answer.json).toEqual({ data: [ticket], took: 3, next: null })
    expect(queried('customer')).toBe(sealed['customer'])
  })

  it('may be tested in a JSON patch', async () => {
    const { customer } = await stored({ customer: 'D' })
    const answer = await running.request('/desk/tickets/1', {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/json-patch+json' },
      body: '[{"op":"test","path":"/customer","value":"D"},{"op":"add","path":"/notes/-","value":{"id":"x","text":"t"}}]',
    })
    expect(answer.status).toBe(200)
    const [test, add] = JSON.parse(store.lastCall.body!.toString()) as [AnyJson, AnyJson]
    expect(test.value).toBe(customer)
    expect(add.value).toMatchObject({ id: 'x', text: expect.stringMatching(/^~pc1~/) })
  })

  it('is no way to smuggle a parameter that cannot be decoded', async () => {
    expect((await running.request('/desk/tickets?customer=%ff')).status).toBe(400)
    expect((await running.request('/desk/tickets?customer=%zz')).status).toBe(400)
    expect(store.calls).toEqual([])
  })
})

describe('a field name of its own', () => {
  it('lets a store move a value to the member of that name', async () => {
    const sealed = await stored({ update: { title: [{ set: 'moved' }] } })
    const moved = { id: '1', title: sealed['update'].title[0].set }
    store.script = answerJson(JSON.stringify(moved))
    expect((await running.request('/desk/tickets/1')).json).toEqual({ id: '1', title: 'moved' })
    store.script = answerJson(JSON.stringify(sealed))
    expect((await running.request('/desk/tickets/1')).json).toEqual({ update: { title: [{ set: 'moved' }] } })
  })

  it('does not let it move to any other', async () => {
    const sealed = await stored({ update: { title: [{ set: 'moved' }], other: [{ set: 'stays' }] } })
    for (const moved of [{ subject: sealed['update'].title[0].set }, { title: sealed['update'].other }]) {
      store.script = answerJson(JSON.stringify(moved))
      expect((await running.request('/desk/tickets/1')).status).toBe(502)
    }
  })

  it('is what a query parameter for it is sealed under', async () => {
    const { reference } = await stored({ reference: '42' })
    await running.request('/desk/tickets?number=42')
    expect(queried('number')).toBe(reference)
  })
})

describe('documents one per line', () => {
  const LINES = '{"id":"1","title":"first"}\n\n {"id":"2", "title" : null}\r\n{"id":"3","customer":"E"}'

  it.each(['application/x-ndjson', 'application/jsonl', 'text/plain'])(
    'are sealed and opened line by line: %s',
    async (type) => {
      const written = await running.request('/desk/bulk', {
        method: 'POST',
        headers: { 'Content-Type': type },
        body: LINES,
      })
      expect(written.status).toBe(200)
      const sealed = store.lastCall.body!.toString()
      expect(sealed).not.toMatch(/first|null|"E"/)
      expect(sealed.split('\n')).toHaveLength(LINES.split('\n').length)
      store.script = (_call, response) => {
        response.writeHead(200, { 'Content-Type': type })
        response.end(sealed)
      }
      expect((await running.request('/desk/bulk')).text).toBe(LINES)
    },
  )

  it('are refused as a whole for one bad line, before the store sees any', async () => {
    for (const bad of ['{"id":"1"}\n{"id":', '{"id":"1"}{"id":"2"}\n', '{"a":\n1}\n']) {
      const answer = await running.request('/desk/bulk', {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-ndjson' },
        body: bad,
      })
      expect(answer.status).toBe(400)
    }
    expect(store.calls).toEqual([])
  })

  it('of many megabytes stream both ways', async () => {
    const lines = Array.from(
      { length: 20_000 },
      (_, index) => `{"id":"${index}","title":"line ${'of many '.repeat(20)}"}`,
    ).join('\n')
    await running.request('/desk/bulk', {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-ndjson' },
      body: lines,
    })
    const sealed = store.lastCall.body!
    expect(sealed.includes('of many')).toBe(false)
    store.script = (_call, response) => {
      response.writeHead(200, { 'Content-Type': 'application/x-ndjson' })
      response.end(sealed)
    }
    expect((await running.request('/desk/bulk')).text === lines).toBe(true)
  })
})

describe('the ceiling of a route', () => {
  it('holds for requests', async () => {
    const post = (body: string) =>
      running.request('/desk/limited', { method: 'POST', headers: JSON_TYPE, body })
    expect((await post('{"id":"1"}')).status).toBe(200)
    expect((await post(JSON.stringify({ id: 'x'.repeat(100) }))).status).toBe(413)
  })
})
