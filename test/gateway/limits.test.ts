import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { GatewayWorld, type RunningGateway } from '../support/gateway-world.ts'
import { send } from '../support/http-client.ts'
import { rawExchange } from '../support/raw-http.ts'
import { answerJson, ScriptedStore } from '../support/scripted-store.ts'

const MEBIBYTE = 1024 * 1024

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let world: GatewayWorld
let running: RunningGateway
let store: ScriptedStore

beforeAll(async () => {
  world = await GatewayWorld.start()
  store = await ScriptedStore.start()
  running = await world.gateway((configuration) => {
    configuration['listener'].limits = {
      bufferBudgetBytes: '4MiB',
      bufferedBodyBytesMax: '256KiB',
      valueBytesMax: '8MiB',
      depthMax: 20,
      headersCountMax: 30,
      headerBytesMax: '8KiB',
    }
    configuration['stores'] = [
      { name: 'jira', mount: '/jira', upstream: store.url, apps: ['jira'], coverage: 'jira' },
    ]
  })
  await running.warm('/jira/issue/1', '{}')
})
beforeEach(() => {
  store.calls.length = 0
  store.script = answerJson('{}')
})
afterAll(async () => {
  await world.stop()
  await store.stop()
})

async function bufferedBytes(): Promise<number> {
  const answer = await send(`${running.gateway.adminUrl}/metrics`, {
    headers: { Authorization: 'Bearer admin-token-of-at-least-32-characters' },
  })
  return Number(/^portcullis_buffered_bytes (\d+)$/m.exec(answer.text)![1])
}

const issue = (bytes: number): string => `{"fields":{"summary":"${'x'.repeat(bytes)}"}}`

describe('limits of a configuration', () => {
  it('bound what covered values under way may hold together, and let go of it afterwards', async () => {
    expect((await running.put('/jira/issue/1', issue(3 * MEBIBYTE))).status).toBe(200)
    const refused = await running.put('/jira/issue/1', issue(6 * MEBIBYTE))
    expect(refused.status).toBe(503)
    expect(refused.headers['retry-after']).toBeDefined()
    expect(refused.json).toMatchObject({ reason: 'overloaded' })
    store.script = answerJson(`{"fields":{"summary":"~pc1~${'A'.repeat(6 * MEBIBYTE)}"}}`)
    await expect(running.request('/jira/issue/1')).rejects.toThrow()
    store.script = answerJson('{}')
    for (let round = 0; round < 5; round++) {
      expect((await running.put('/jira/issue/1', issue(3 * MEBIBYTE))).status).toBe(200)
    }
    expect(await bufferedBytes()).toBe(0)
  })

  it('bound one covered value and the nesting of a document', async () => {
    const nested = (depth: number): string => `{"self":${'['.repeat(depth)}${']'.repeat(depth)}}`
    expect((await running.put('/jira/issue/1', nested(19))).status).toBe(200)
    expect((await running.put('/jira/issue/1', nested(20))).status).toBe(400)
    const patch = (depth: number) =>
      running.request('/jira/issue/1', {
        method: 'PATCH',
        headers: { 'Content-Type': 'application/json-patch+json' },
        body: `[{"op":"add","path":"/self","value":${'['.repeat(depth)}${']'.repeat(depth)}}]`,
      })
    expect((await patch(10)).status).toBe(200)
    expect((await patch(30)).status).toBe(400)
    store.script = answerJson(nested(20))
    expect((await running.request('/jira/issue/1')).status).toBe(502)
  })

  it('bound the head of a request', async () => {
    const many = await rawExchange(running.url, `GET / HTTP/1.1\r\nHost: x\r\n${'X-A: 1\r\n'.repeat(40)}\r\n`)
    expect(many).toMatch(/^HTTP\/1\.1 431 /)
    const long = await rawExchange(running.url, `GET /${'a'.repeat(9_000)} HTTP/1.1\r\nHost: x\r\n\r\n`)
    expect(long).toMatch(/^HTTP\/1\.1 431 /)
  })
})
