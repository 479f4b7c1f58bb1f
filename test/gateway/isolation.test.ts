import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type DocumentStore, startDocumentStore } from '../../src/local/document-store/document-store.ts'
import { auditEventsOnce } from '../support/audit-trail.ts'
import { tightenBound } from '../support/dev-stack.ts'
import { GatewayWorld, type RunningGateway } from '../support/gateway-world.ts'
import { send } from '../support/http-client.ts'
import type { AnyJson } from '../support/any-json.ts'

const JSON_TYPE = { 'Content-Type': 'application/json' }

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let world: GatewayWorld
let running: RunningGateway
let jira: DocumentStore
let confluence: DocumentStore

beforeAll(async () => {
  world = await GatewayWorld.start()
  jira = await startDocumentStore({
    directory: join(world.directory, 'jira'),
    collections: ['issue', 'comment'],
    port: 0,
  })
  confluence = await startDocumentStore({
    directory: join(world.directory, 'confluence'),
    collections: ['page'],
    port: 0,
  })
  running = await world.gateway((configuration) => {
    tightenBound(configuration, 3_000)
    configuration['stores'] = [
      {
        name: 'jira',
        mount: '/jira',
        upstream: jira.url,
        apps: ['jira', 'jira-service-management'],
        coverage: 'jira',
      },
      {
        name: 'confluence',
        mount: '/confluence',
        upstream: confluence.url,
        apps: ['confluence'],
        coverage: 'confluence',
      },
    ]
  })
})
afterAll(async () => {
  await world.stop()
  await jira.stop()
  await confluence.stop()
})

const until = async (path: string, site: string, status: number) => {
  const deadline = performance.now() + 30_000
  for (;;) {
    const answer = await running.request(path, { site })
    if (answer.status === status) return answer
    if (performance.now() > deadline) throw new Error(`still ${answer.status}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe('two organizations behind one gateway', () => {
  const ISSUE = '{"id":"1","fields":{"summary":"belongs to SITE"}}'

  beforeAll(async () => {
    for (const site of ['acme', 'umbrella']) {
      expect((await running.warm(`/jira/issue/of-${site}`, ISSUE.replace('SITE', site), site)).status).toBe(
        201,
      )
    }
    expect(
      (
        await running.put(
          '/confluence/page/of-umbrella',
          '{"id":"1","title":"under vendor keys"}',
          'umbrella',
        )
      ).status,
    ).toBe(201)
    expect(
      (await running.put('/confluence/page/of-acme', '{"id":"1","title":"under the own key"}', 'acme'))
        .status,
    ).toBe(201)
  })

  it('the one never reads what the other wrote, however it asks', async () => {
    const stolen = await running.request('/jira/issue/of-umbrella', { site: 'acme' })
    expect(stolen.status).toBe(502)
    expect(stolen.json).toMatchObject({ reason: 'ciphertext-invalid', tenant: 'acme' })
    expect(stolen.text).not.toContain('belongs')
    expect((await running.request('/confluence/page/of-umbrella', { site: 'acme' })).status).toBe(502)
    expect((await running.request('/confluence/page/of-acme', { site: 'umbrella' })).status).toBe(502)
  })

  it('a token of the one is nothing for the other, and selects no tenant by itself', async () => {
    const ofUmbrella = await running.request('/jira/issue/of-acme', {
      headers: { 'Portcullis-Tenant': 'umbrella' },
    })
    expect(ofUmbrella.status).toBe(403)
    expect(ofUmbrella.json).toMatchObject({ reason: 'credentials-refused' })
    const unnamed = await send(`${running.url}/jira/issue/of-acme`, {
      headers: { 'Portcullis-Authorization': `Bearer token-of-acme-0123456789abcdef0123456789abcdef` },
    })
    expect(unnamed.status).toBe(400)
    expect(unnamed.json).toMatchObject({ reason: 'tenant-required' })
  })

  it('a host name selects the tenant, and may not contradict the header', async () => {
    const byHost = (host: string, tenant?: string) =>
      send(`${running.url}/jira/issue/of-acme`, {
        headers: {
          Host: host,
          'Portcullis-Authorization': 'Bearer token-of-acme-0123456789abcdef0123456789abcdef',
          ...(tenant === undefined ? {} : { 'Portcullis-Tenant': tenant }),
        },
      })
    expect((await byHost('acme.gateway.example')).status).toBe(200)
    expect((await byHost('ACME.gateway.example:8443')).status).toBe(200)
    expect((await byHost('acme.gateway.example', 'acme')).status).toBe(200)
    expect((await byHost('umbrella.gateway.example')).status).toBe(403)
    expect((await byHost('umbrella.gateway.example', 'acme')).status).toBe(400)
    expect((await byHost('elsewhere.example')).status).toBe(400)
  })

  it('a revocation by the one cuts all its apps and touches nothing of the other, nor of the vendor', async () => {
    await world.acme.disableKey()
    await until('/jira/issue/of-acme', 'acme', 423)
    for (let round = 0; round < 20; round++) {
      expect((await running.request('/confluence/page/of-acme', { site: 'acme' })).status).toBe(423)
      expect((await running.request('/jira/issue/of-umbrella', { site: 'umbrella' })).text).toBe(
        ISSUE.replace('SITE', 'umbrella'),
      )
      expect((await running.request('/confluence/page/of-umbrella', { site: 'umbrella' })).status).toBe(200)
    }
    await world.umbrella.denyRole(true)
    await until('/jira/issue/of-umbrella', 'umbrella', 423)
    const vendorManaged = await running.request('/confluence/page/of-umbrella', { site: 'umbrella' })
    expect(vendorManaged.status).toBe(200)
    expect(vendorManaged.text).toContain('under vendor keys')
    await world.acme.enableKey()
    await until('/jira/issue/of-acme', 'acme', 200)
    expect((await running.request('/jira/issue/of-umbrella', { site: 'umbrella' })).status).toBe(423)
    await world.umbrella.denyRole(false)
    await until('/jira/issue/of-umbrella', 'umbrella', 200)
  })

  it('an app of the same family on the same site reads what its sibling wrote; a site without the app has 404', async () => {
    const sibling = { 'Portcullis-App': 'jira-service-management' }
    expect((await running.request('/jira/issue/of-acme', { headers: sibling })).text).toBe(
      ISSUE.replace('SITE', 'acme'),
    )
    expect(
      (await running.request('/jira/issue/of-umbrella', { site: 'umbrella', headers: sibling })).status,
    ).toBe(404)
    expect(
      (await running.request('/jira/issue/of-acme', { headers: { 'Portcullis-App': 'confluence' } })).status,
    ).toBe(400)
  })
})

describe('what somebody changed in the store', () => {
  const PLAIN = { summary: 'SECRETSUMMARY', environment: 'SECRETENVIRONMENT' }
  let sealed: { summary: string; environment: string }
  let ofUmbrella: string
  let ofComment: string
  let ofPage: string

  const stored = async (path: string): Promise<AnyJson> => (await send(jira.url + path)).json

  beforeAll(async () => {
    await running.put('/jira/issue/sound', JSON.stringify({ id: '1', fields: PLAIN }))
    await running.put('/jira/issue/umbrella-tamper', JSON.stringify({ id: '1', fields: PLAIN }), 'umbrella')
    await running.put('/jira/comment/sound', JSON.stringify({ id: '1', summary: 'SECRETCOMMENT' }))
    await running.put('/confluence/page/sound', JSON.stringify({ id: '1', summary: 'SECRETPAGE' }))
    sealed = (await stored('/issue/sound')).fields
    ofUmbrella = (await stored('/issue/umbrella-tamper')).fields.summary
    ofComment = (await stored('/comment/sound')).summary
    ofPage = (await send(`${confluence.url}/page/sound`)).json.summary
  })

  const flipped = (position: number): string => {
    const bytes = Buffer.from(sealed.summary.slice(5), 'base64url')
    bytes[position < 0 ? bytes.length + position : position]! ^= 0x10
    return `~pc1~${bytes.toString('base64url')}`
  }

  const CASES: { name: string; fields: () => Record<string, unknown> }[] = [
    { name: "another organization's envelope", fields: () => ({ summary: ofUmbrella }) },
    { name: 'an envelope of another data class', fields: () => ({ summary: ofComment }) },
    { name: 'an envelope of another store', fields: () => ({ summary: ofPage }) },
    {
      name: 'two fields swapped',
      fields: () => ({ summary: sealed.environment, environment: sealed.summary }),
    },
    { name: 'a field under another name', fields: () => ({ customfield_1: sealed.summary }) },
    { name: 'a flipped bit in the suite', fields: () => ({ summary: flipped(0) }) },
    { name: 'a flipped bit in the key identifier', fields: () => ({ summary: flipped(5) }) },
    { name: 'a flipped bit in the nonce', fields: () => ({ summary: flipped(20) }) },
    { name: 'a flipped bit in the ciphertext', fields: () => ({ summary: flipped(45) }) },
    { name: 'a flipped bit in the tag', fields: () => ({ summary: flipped(-1) }) },
    { name: 'a truncated envelope', fields: () => ({ summary: sealed.summary.slice(0, -4) }) },
    { name: 'an extended envelope', fields: () => ({ summary: `${sealed.summary}AAAA` }) },
    { name: 'nothing but the marker', fields: () => ({ summary: '~pc1~' }) },
    {
      name: 'an envelope of another version',
      fields: () => ({ summary: sealed.summary.replace('~pc1~', '~pc2~') }),
    },
    { name: 'plain text', fields: () => ({ summary: 'written by somebody else' }) },
    { name: 'a number', fields: () => ({ summary: 42 }) },
    { name: 'null', fields: () => ({ summary: null }) },
    { name: 'an object', fields: () => ({ summary: { text: sealed.summary } }) },
    { name: 'an array', fields: () => ({ summary: [sealed.summary] }) },
  ]

  it.each(CASES)('is refused, and no byte of a neighbour gets out: $name', async ({ name, fields }) => {
    // the sound neighbours come first, so that a gateway that released early would show them
    const document = JSON.stringify({ id: '1', fields: { ...sealed, ...fields() } })
    const path = `/issue/tampered-${name.replaceAll(/\W+/g, '-')}`
    await send(jira.url + path, { method: 'PUT', headers: JSON_TYPE, body: document })
    for (const form of ['', '?expand=all']) {
      const answer = await running.request(`/jira${path}${form}`)
      expect(answer.status).toBe(502)
      expect(answer.headers['content-type']).toBe('application/problem+json')
      expect(answer.json).toMatchObject({ reason: 'ciphertext-invalid', tenant: 'acme', status: 502 })
      expect(answer.text).not.toMatch(/SECRET|somebody/)
    }
    await send(jira.url + path, { method: 'DELETE' })
  })

  it('is put into the audit trail, with what failed and never with content', async () => {
    const events = await auditEventsOnce(running.auditDirectory, 'ciphertext.refused', CASES.length * 2)
    expect(events.length).toBeGreaterThanOrEqual(CASES.length * 2)
    expect(events).toContainEqual(
      expect.objectContaining({
        authority: 'acme',
        organization: 'acme',
        site: 'acme',
        app: 'jira',
        detail: expect.stringMatching(/^not-authentic: store jira, route \/issue\/\{id\}, request \S+$/),
      }),
    )
    for (const failure of ['truncated', 'unknown-suite', 'unknown-version', 'not-an-envelope', 'wrong-key']) {
      expect(
        events.some(({ detail }) => detail.startsWith(failure)),
        failure,
      ).toBe(true)
    }
    expect(JSON.stringify(events)).not.toMatch(/SECRET|somebody/)
  })

  it('spoils a list as a whole while it is small, and breaks a long one off before the bad value', async () => {
    const bad = JSON.stringify({ id: '1', fields: { summary: ofUmbrella, environment: sealed.environment } })
    await send(`${jira.url}/issue/z-bad`, { method: 'PUT', headers: JSON_TYPE, body: bad })
    const list = await running.request('/jira/issue?limit=100')
    expect(list.status).toBe(502)
    expect(list.text).not.toContain('SECRET')
    await send(`${jira.url}/issue/z-bad`, { method: 'DELETE' })

    const words = 'long words '.repeat(30_000)
    for (let index = 0; index < 20; index++) {
      await running.put(`/jira/comment/long-${index}`, JSON.stringify({ id: String(index), body: words }))
    }
    await running.put('/jira/comment/zz-bad', '{"id":"1","first":"SECRETLAST","last":"x"}')
    const sound = await stored('/comment/zz-bad')
    const badComment = JSON.stringify({ ...sound, last: sound.first })
    await send(`${jira.url}/comment/zz-bad`, { method: 'PUT', headers: JSON_TYPE, body: badComment })
    let received = ''
    await expect(
      running.request('/jira/comment?limit=100', { onData: (chunk) => (received += chunk.toString()) }),
    ).rejects.toThrow()
    expect(received.includes('long words')).toBe(true)
    expect(received.includes('SECRETLAST')).toBe(false)
    await send(`${jira.url}/comment/zz-bad`, { method: 'DELETE' })
  })
})

describe('a store under migration', () => {
  it('may hold values that are not encrypted yet, but no envelope that does not authenticate', async () => {
    const mixed = await world.gateway((configuration) => {
      configuration['stores'] = [
        { name: 'jira', mount: '/jira', upstream: jira.url, apps: ['jira'], coverage: 'jira', mixed: true },
      ]
    })
    const plain = '{"id":"1","fields":{"summary":"not encrypted yet","labels":["a"],"duedate":null}}'
    await send(`${jira.url}/issue/plain`, { method: 'PUT', headers: JSON_TYPE, body: plain })
    expect((await mixed.request('/jira/issue/plain')).text).toBe(plain)
    const forged = '{"id":"1","fields":{"summary":"~pc1~AAAA"}}'
    await send(`${jira.url}/issue/forged`, { method: 'PUT', headers: JSON_TYPE, body: forged })
    expect((await mixed.request('/jira/issue/forged')).status).toBe(502)
    await mixed.put('/jira/issue/plain', plain)
    expect((await send(`${jira.url}/issue/plain`)).text).not.toContain('not encrypted')
  })
})
