import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { GatewayWorld, type RunningGateway } from '../support/gateway-world.ts'
import type { Answer } from '../support/http-client.ts'
import { answerJson, answerRaw, ScriptedStore } from '../support/scripted-store.ts'

const MEBIBYTE = 1024 * 1024

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let world: GatewayWorld
let running: RunningGateway
let store: ScriptedStore
/** What the gateway sealed of `{"fields":{"summary":"SECRET"}}`. */
let sealed: string

const routes = `
extends: jira
routes:
  - methods: [GET]
    paths: /short/{id}
    response: { entity: issue }
    limits: { responseBytesMax: 100000 }
  - methods: [GET, PUT]
    paths: /open/{id}
    action: pass
`

beforeAll(async () => {
  world = await GatewayWorld.start()
  store = await ScriptedStore.start()
  const coverage = world.file('faults.yaml', routes)
  running = await world.gateway((configuration) => {
    configuration['stores'] = [
      {
        name: 'jira',
        mount: '/jira',
        upstream: store.url,
        apps: ['jira'],
        coverage,
        headersTimeoutMs: '400ms',
        idleTimeoutMs: '400ms',
      },
    ]
  })
  await running.warm('/jira/issue/1', '{"fields":{"summary":"SECRET"}}')
  sealed = store.lastCall.body!.toString()
})
beforeEach(() => {
  store.calls.length = 0
  store.early = false
})
afterAll(async () => {
  await world.stop()
  await store.stop()
})

function expectRefused(answer: Answer, status: number, reason: string): void {
  expect(answer.status).toBe(status)
  expect(answer.headers['content-type']).toBe('application/problem+json')
  expect(answer.headers['cache-control']).toBe('no-store')
  expect(answer.json).toMatchObject({ status, reason, tenant: 'acme' })
  expect(answer.text).not.toContain('SECRET')
}

const head = (lines: string): string => `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${lines}\r\n`

describe('a store that answers garbage', () => {
  it.each([
    ['no JSON', head('Content-Length: 5\r\n') + 'hello'],
    ['half a document', head('Content-Length: 10\r\n') + '{"fields":'],
    ['two documents', head('Content-Length: 4\r\n') + '{}{}'],
    ['invalid UTF-8', head('Content-Length: 12\r\n') + '{"self":"\xff"}'],
    ['an error page as 200', 'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>'],
    [
      'bytes as 200',
      'HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 2\r\n\r\n{}',
    ],
    [
      'a part of a document',
      head('Content-Range: bytes 0-1/9\r\nContent-Length: 2\r\n').replace('200 OK', '206 Partial Content') +
        '{}',
    ],
    ['a coding it does not use', head('Content-Encoding: gzip\r\nContent-Length: 2\r\n') + '{}'],
    ['a coding nobody knows', head('Content-Encoding: rot13\r\nContent-Length: 2\r\n') + '{}'],
    ['two codings', head('Content-Encoding: gzip, gzip\r\nContent-Length: 2\r\n') + '{}'],
    [
      'a truncated gzip body',
      Buffer.concat([
        Buffer.from(head('Content-Encoding: gzip\r\nContent-Length: 20\r\n')),
        gzipSync('{"id":"1"}').subarray(0, 20),
      ]),
    ],
    [
      'JSON in UTF-16',
      'HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-16\r\nContent-Length: 2\r\n\r\n{}',
    ],
    [
      'nesting of 10,000',
      head('Content-Length: 20009\r\n') + `{"self":${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
    ],
  ])('is 502 and shows nothing of it: %s', async (_name, bytes) => {
    store.script = answerRaw(bytes)
    expectRefused(await running.request('/jira/issue/1'), 502, 'store-response-invalid')
  })

  it.each([
    ['no HTTP at all', 'SSH-2.0-OpenSSH\r\n'],
    ['nothing', ''],
    ['half a head', 'HTTP/1.1 200 OK\r\nContent-'],
    ['a body shorter than it said', head('Content-Length: 100\r\n') + '{"id":"1"}'],
    ['chunks that break off', head('Transfer-Encoding: chunked\r\n') + 'a\r\n{"id":"1"}\r\n5\r\nab'],
    ['two lengths', head('Content-Length: 2\r\nContent-Length: 3\r\n') + '{} '],
    ['a header with a NUL', head('X-A: a\u0000b\r\nContent-Length: 2\r\n') + '{}'],
    ['headers beyond every measure', head(`X-A: ${'a'.repeat(200_000)}\r\nContent-Length: 2\r\n`) + '{}'],
  ])('is 502 when it cannot even be read: %s', async (_name, bytes) => {
    store.script = answerRaw(bytes)
    for (const path of ['/jira/issue/1', '/jira/open/1']) {
      expectRefused(await running.request(path), 502, 'store-unreachable')
    }
  })

  it('passes a reason phrase only where it is plain text', async () => {
    store.script = answerRaw(
      'HTTP/1.1 200 Gr\xfc\xdfe\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
    )
    for (const path of ['/jira/issue/1', '/jira/open/1']) {
      const answer = await running.request(path)
      expect(answer.status).toBe(200)
      expect(answer.statusMessage).toBe('OK')
    }
    store.script = answerRaw(
      'HTTP/1.1 200 Fine\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
    )
    expect((await running.request('/jira/issue/1')).statusMessage).toBe('Fine')
  })

  it('gets its own error through, with the envelopes in it opened where the route tells where they are', async () => {
    store.script = (_call, response) => {
      response.writeHead(409, { 'Content-Type': 'application/json' })
      response.end(sealed.replace('{', '{"errorMessages":["conflict"],'))
    }
    const conflict = await running.request('/jira/issue/1')
    expect(conflict.status).toBe(409)
    expect(conflict.json).toEqual({ errorMessages: ['conflict'], fields: { summary: 'SECRET' } })
    for (const [type, body] of [
      ['text/html', '<h1>~not found~</h1>'],
      ['text/plain', 'nothing ~here'],
    ] as const) {
      store.script = (_call, response) => {
        response.writeHead(404, { 'Content-Type': type })
        response.end(body)
      }
      const missing = await running.request('/jira/issue/1')
      expect(missing.status).toBe(404)
      expect(missing.text).toBe(body)
    }
  })

  it('is cut off at the limit of the route, declared or not', async () => {
    const long = `"${'x'.repeat(200_000)}"`
    store.script = answerJson(`{"self":${long}}`)
    expectRefused(await running.request('/jira/short/1'), 502, 'store-response-invalid')
    store.script = (_call, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' })
      response.write(`{"self":${long}`)
      response.end('}')
    }
    expectRefused(await running.request('/jira/short/1'), 502, 'store-response-invalid')
    store.script = answerJson('{"self":"short"}')
    expect((await running.request('/jira/short/1')).status).toBe(200)
  })

  it('cannot fill the memory with a few coded bytes: a covered value has its limit, the rest streams', async () => {
    const bomb = gzipSync(`{"fields":{"summary":"~pc1~${'A'.repeat(40 * MEBIBYTE)}"}}`)
    store.script = answerJson(bomb, { 'Content-Encoding': 'gzip' })
    let released = 0
    await expect(
      running.request('/jira/issue/1', { onData: (chunk) => (released += chunk.length) }),
    ).rejects.toThrow()
    expect(released).toBeLessThan(MEBIBYTE)
    const spaces = gzipSync(`${' '.repeat(20 * MEBIBYTE)}{}`)
    store.script = answerJson(spaces, { 'Content-Encoding': 'gzip' })
    let bytes = 0
    const answer = await running.request('/jira/issue/1', { onData: (chunk) => (bytes += chunk.length) })
    expect(answer.status).toBe(200)
    expect(bytes).toBe(20 * MEBIBYTE + 2)
  })
})

describe('a store that fails', () => {
  it('before its answer: 502 for what may not be repeated, one more try for what may', async () => {
    store.script = (_call, _response, request) => void request.socket.resetAndDestroy()
    expectRefused(await running.request('/jira/issue/1'), 502, 'store-unreachable')
    expect(store.calls).toHaveLength(2)
    store.calls.length = 0
    const posted = await running.request('/jira/issue', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{}',
    })
    expectRefused(posted, 502, 'store-unreachable')
    expect(store.calls).toHaveLength(1)
    store.calls.length = 0
    const conditional = await running.request('/jira/issue/1', {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json', 'If-Match': '"1"' },
      body: '{}',
    })
    expectRefused(conditional, 502, 'store-unreachable')
    expect(store.calls).toHaveLength(1)
  })

  it('in the middle of a short answer: 502, in the middle of a long one: the connection is cut', async () => {
    store.script = (_call, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 1_000 })
      response.write('{"id":')
      setTimeout(() => response.destroy(), 20)
    }
    expectRefused(await running.request('/jira/issue/1'), 502, 'store-unreachable')
    for (const path of ['/jira/issue/1', '/jira/open/1']) {
      for (const framing of [{}, { 'Content-Length': String(20 * MEBIBYTE) }]) {
        store.script = (_call, response) => {
          response.writeHead(200, { 'Content-Type': 'application/json', ...framing })
          response.write(`{"self":"${'x'.repeat(4 * MEBIBYTE)}`)
          setTimeout(() => response.destroy(), 50)
        }
        let bytes = 0
        await expect(running.request(path, { onData: (chunk) => (bytes += chunk.length) })).rejects.toThrow()
        expect(bytes).toBeLessThan(5 * MEBIBYTE)
      }
    }
  })

  it('to answer in time: 504, and when it goes silent within a long answer the connection is cut', async () => {
    store.script = () => {}
    expectRefused(await running.request('/jira/issue/1'), 504, 'store-timeout')
    store.script = (_call, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' })
      response.write('{"id":')
    }
    expectRefused(await running.request('/jira/issue/1'), 504, 'store-timeout')
    store.script = (_call, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' })
      response.write(`{"self":"${'x'.repeat(4 * MEBIBYTE)}`)
    }
    await expect(running.request('/jira/issue/1')).rejects.toThrow()
  })

  it('to be there at all: 502 at once', async () => {
    const gone = await ScriptedStore.start()
    const { url } = gone
    await gone.stop()
    const other = await world.gateway((configuration) => {
      configuration['stores'] = [
        { name: 'jira', mount: '/jira', upstream: url, apps: ['jira'], coverage: 'jira' },
      ]
    })
    expectRefused(await other.request('/jira/issue/1'), 502, 'store-unreachable')
    expectRefused(await other.put('/jira/issue/1', '{}'), 502, 'store-unreachable')
  })

  it('to take an upload to its end: its early answer goes through, and the client is not told of a success', async () => {
    store.early = true
    store.script = (_call, response) => {
      response.writeHead(413, { 'Content-Type': 'application/json', Connection: 'close' })
      response.end('{"errorMessages":["too long"]}')
    }
    const refused = await running.put('/jira/issue/1', `{"self":"${'x'.repeat(3 * MEBIBYTE)}"}`)
    expect([413, 502]).toContain(refused.status)
    store.script = (_call, _response, request) => {
      request.once('data', () => request.socket.resetAndDestroy())
    }
    const cut = await running.put('/jira/issue/1', `{"self":"${'x'.repeat(3 * MEBIBYTE)}"}`)
    expectRefused(cut, 502, 'store-unreachable')
  })
})
