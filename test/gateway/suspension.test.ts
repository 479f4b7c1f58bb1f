import { Agent, request as httpRequest } from 'node:http'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { DevStack, tightenBound } from '../support/dev-stack.ts'
import type { Answer } from '../support/http-client.ts'
import { send } from '../support/http-client.ts'
import { RawConnection } from '../support/raw-http.ts'

/** The contract's promise; the stack below is configured tighter, so that the tests do not take long. */
const CUT_OFF_MS_MAX = 5_000
const RESTORE_MS_MAX = 30_000
const ISSUE = '{"id":"1","fields":{"summary":"a covered summary","customfield_1":[1, 2.50]}}'
const PAGE = '{"id":"2","title":"a covered title","body":{"storage":{"value":"<p>covered</p>"}}}'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let stack: DevStack

beforeAll(async () => {
  stack = await DevStack.start({
    configure: (configuration) => tightenBound(configuration, 3_000),
  })
  await stack.put('/jira/issue/1', ISSUE)
  await stack.put('/confluence/page/2', PAGE)
})
afterAll(async () => {
  await stack.stop()
})

const WAYS: { name: string; reason: string; revoke(): Promise<void>; restore(): Promise<void> }[] = [
  {
    name: 'the key disabled in the first region',
    reason: 'key-disabled',
    revoke: () => stack.customer.disableKey('eu-central-1'),
    restore: () => stack.customer.enableKey('eu-central-1'),
  },
  {
    name: 'the key disabled in the second region only',
    reason: 'key-disabled',
    revoke: () => stack.customer.disableKey('eu-west-1'),
    restore: () => stack.customer.enableKey('eu-west-1'),
  },
  {
    name: 'the trust policy saying Deny',
    reason: 'access-denied',
    revoke: () => stack.customer.denyRole(true),
    restore: () => stack.customer.denyRole(false),
  },
  {
    name: 'the key scheduled for deletion',
    reason: 'key-pending-deletion',
    revoke: () => stack.customer.scheduleDeletion('eu-west-1'),
    restore: () => stack.customer.cancelDeletion('eu-west-1'),
  },
  {
    name: 'the key policy without Decrypt',
    reason: 'access-denied',
    revoke: () => stack.customer.denyDecrypt(true),
    restore: () => stack.customer.denyDecrypt(false),
  },
]

/** Readers and writers that run until told to stop; when the last of them was served. */
class Load {
  lastServedMs = 0
  served = 0
  refused = 0
  readonly unexpected: string[] = []
  #running = true
  readonly #workers: Promise<void>[]

  constructor() {
    this.#workers = Array.from({ length: 6 }, (_, index) => this.#work(index))
  }

  async stop(): Promise<void> {
    this.#running = false
    await Promise.all(this.#workers)
  }

  async #work(index: number): Promise<void> {
    while (this.#running) {
      const answer =
        index % 3 === 0
          ? await stack.put(`/jira/comment/load-${index}`, '{"id":"1","body":"load"}')
          : await stack.request(index % 3 === 1 ? '/jira/issue/1' : '/confluence/page?limit=5')
      if (answer.status < 300) {
        this.served += 1
        this.lastServedMs = performance.now()
      } else if (answer.status === 423) this.refused += 1
      else this.unexpected.push(`${answer.status} ${answer.text}`)
    }
  }
}

function expectSuspended(answer: Answer, reason: string, method: string): void {
  expect(answer.status).toBe(423)
  const { headers } = answer
  expect(headers['content-type']).toBe('application/problem+json')
  expect(headers['cache-control']).toBe('no-store')
  expect(headers['retry-after']).toMatch(/^[1-9]\d?$/)
  expect(headers['suspension-reason']).toBe(reason)
  expect(headers['suspension-since']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  expect(headers['suspension-scope']).toBe('organization')
  expect(headers['suspension-id']).toMatch(/^[\w-]{8,}$/)
  if (method === 'HEAD') {
    expect(answer.body.length).toBe(0)
    return
  }
  const problem = answer.json as Record<string, unknown>
  expect(problem).toMatchObject({
    status: 423,
    tenant: 'acme',
    reason,
    since: headers['suspension-since'],
    scope: 'organization',
    suspensionId: headers['suspension-id'],
  })
  for (const name of ['type', 'title', 'detail']) expect(problem[name], name).toMatch(/\S/)
}

describe('while the customer holds access back', () => {
  it.each(WAYS)('everything under load is cut off in time and comes back by itself: $name', async (way) => {
    const load = new Load()
    await new Promise((resolve) => setTimeout(resolve, 150))
    await way.revoke()
    const revokedMs = performance.now()
    const refused = await stack.until('/jira/issue/1', ({ status }) => status !== 200)
    expectSuspended(refused, way.reason, 'GET')
    await new Promise((resolve) => setTimeout(resolve, 200))
    await load.stop()
    expect(load.unexpected).toEqual([])
    expect(load.served).toBeGreaterThan(10)
    expect(load.refused).toBeGreaterThan(10)
    expect(load.lastServedMs - revokedMs).toBeLessThan(CUT_OFF_MS_MAX)
    expectSuspended(await stack.request('/confluence/page/2'), way.reason, 'GET')
    await way.restore()
    await stack.until('/jira/issue/1', ({ status }) => status === 200, RESTORE_MS_MAX)
    expect((await stack.request('/jira/issue/1')).text).toBe(ISSUE)
    expect((await stack.request('/confluence/page/2')).text).toBe(PAGE)
    expect((await stack.put('/jira/issue/after', ISSUE)).status).toBeLessThan(300)
  })
})

describe('a suspended tenant', () => {
  const PATHS = [
    '/jira/issue/1',
    '/jira/issue?limit=1',
    '/jira/rest/api/3/issue/SHOP-1',
    '/jira/rest/api/3/myself',
    '/jira/rest/api/99/never-heard-of',
    '/jira/no/such/route?x=1',
    '/jira',
    '/jira/a//b/%2e%2e/c',
    '/confluence/page/2',
    '/confluence/wiki/api/v2/pages',
    '/confluence/unknown',
  ]
  const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']

  beforeAll(async () => {
    await stack.customer.disableKey()
    await stack.until('/jira/issue/1', ({ status }) => status === 423)
  })
  afterAll(async () => {
    await stack.customer.enableKey()
    await stack.until('/jira/issue/1', ({ status }) => status === 200, RESTORE_MS_MAX)
  })

  it.each(METHODS)('is answered 423 with everything the contract says on every route: %s', async (method) => {
    for (const path of PATHS) {
      const body = ['POST', 'PUT', 'PATCH'].includes(method) ? '{"id":"1"}' : undefined
      const answer = await stack.request(path, {
        method,
        ...(body === undefined ? {} : { body, headers: { 'Content-Type': 'application/json' } }),
      })
      expectSuspended(answer, 'key-disabled', method)
    }
  })

  it('is answered 423 for each of its apps, with a malformed body, and without waiting for a body', async () => {
    const asServiceManagement = { 'Portcullis-App': 'jira-service-management' }
    expectSuspended(
      await stack.request('/jira/issue/1', { headers: asServiceManagement }),
      'key-disabled',
      'GET',
    )
    expectSuspended(await stack.put('/jira/issue/1', '{"broken'), 'key-disabled', 'PUT')
    const connection = new RawConnection(stack.gateway.url)
    const lines = Object.entries(stack.credentials).map(([name, value]) => `${name}: ${value}\r\n`)
    connection.send(
      `PUT /jira/issue/1 HTTP/1.1\r\nHost: x\r\n${lines.join('')}Content-Length: 100\r\nExpect: 100-continue\r\n\r\n`,
    )
    expect(await connection.until('}')).toMatch(/^HTTP\/1\.1 423 /)
    expect(connection.received).not.toContain('100 Continue')
    connection.close()
  })

  it('is answered 423 to a request for another protocol', async () => {
    const connection = new RawConnection(stack.gateway.url)
    const lines = Object.entries(stack.credentials).map(([name, value]) => `${name}: ${value}\r\n`)
    connection.send(
      `GET /jira/live HTTP/1.1\r\nHost: x\r\n${lines.join('')}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    )
    const answer = await connection.closed()
    expect(answer).toMatch(/^HTTP\/1\.1 423 /)
    expect(answer).toContain('Suspension-Reason: key-disabled')
    expect(answer).toContain('"tenant":"acme"')
  })

  it('says the same identifier and time at every request', async () => {
    const answers = await Promise.all(PATHS.map(async (path) => await stack.request(path)))
    expect(new Set(answers.map(({ headers }) => headers['suspension-id'])).size).toBe(1)
    expect(new Set(answers.map(({ headers }) => headers['suspension-since'])).size).toBe(1)
  })

  it('still has its credentials checked first', async () => {
    const wrong = await send(`${stack.gateway.url}/jira/issue/1`, {
      headers: { 'Portcullis-Tenant': 'acme', 'Portcullis-Authorization': 'Bearer wrong' },
    })
    expect(wrong.status).toBe(403)
    expect(wrong.headers['suspension-reason']).toBeUndefined()
    expect((await send(`${stack.gateway.url}/jira/issue/1`)).status).toBe(401)
  })
})

describe('transfers under way when access is withdrawn', () => {
  it('are cut: a download breaks off, an upload is refused and leaves nothing, a kept connection gets 423', async () => {
    const words = 'words that are covered '.repeat(20_000)
    for (let index = 0; index < 40; index++) {
      await stack.put(
        `/confluence/blogpost/big-${index}`,
        JSON.stringify({ id: String(index), title: words }),
      )
    }
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    expect((await stack.request('/jira/issue/1', { agent })).status).toBe(200)

    const download = startDownload('/confluence/blogpost?limit=40')
    const upload = startUpload('/jira/issue/half')
    await download.begun
    await stack.customer.disableKey()
    await stack.until('/jira/issue/1', ({ status }) => status === 423)

    download.resume()
    expect(await download.ended).toBe('cut')
    expect(download.received()).toBeLessThan(40 * words.length)
    const refused = await upload.answer
    expectSuspended(refused, 'key-disabled', 'PUT')
    expectSuspended(await stack.request('/jira/issue/1', { agent }), 'key-disabled', 'GET')
    expect((await stack.atRest('/jira/issue/half')).status).toBe(404)
    agent.destroy()
    await stack.customer.enableKey()
    await stack.until('/jira/issue/1', ({ status }) => status === 200, RESTORE_MS_MAX)
    expect((await stack.request('/jira/issue/half')).status).toBe(404)
  })
})

function startDownload(path: string) {
  let bytes = 0
  let begin: () => void
  let end: (how: 'cut' | 'complete') => void
  const begun = new Promise<void>((resolve) => (begin = resolve))
  const ended = new Promise<'cut' | 'complete'>((resolve) => (end = resolve))
  let resume = (): void => {}
  const request = httpRequest(stack.gateway.url + path, { headers: stack.credentials }, (response) => {
    response.once('data', () => {
      response.pause()
      begin()
    })
    response.on('data', (chunk: Buffer) => (bytes += chunk.length))
    response.on('error', () => {})
    response.on('close', () => end(response.complete ? 'complete' : 'cut'))
    resume = () => response.resume()
  })
  request.on('error', () => end('cut'))
  request.end()
  return { begun, ended, received: () => bytes, resume: () => resume() }
}

function startUpload(path: string): { answer: Promise<Answer> } {
  async function* slowly(): AsyncGenerator<string> {
    yield '{"id":"9","fields":{"summary":"an upload that never ends","description":"'
    for (;;) {
      yield 'covered words '.repeat(1_000)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  const body = Readable.from(slowly())
  const answer = stack.request(path, {
    method: 'PUT',
    body,
    agent: new Agent(),
    headers: { 'Content-Type': 'application/json' },
  })
  void answer.finally(() => body.destroy()).catch(() => {})
  return { answer }
}
