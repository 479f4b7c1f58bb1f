import type { Duplex } from 'node:stream'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { tightenBound } from '../support/dev-stack.ts'
import { credentialLines, GatewayWorld, type RunningGateway } from '../support/gateway-world.ts'
import { RawConnection, rawExchange } from '../support/raw-http.ts'
import { answerJson, ScriptedStore } from '../support/scripted-store.ts'

const routes = `
extends: jira
routes:
  - methods: [GET]
    paths: /live
    action: upgrade
`

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let world: GatewayWorld
let running: RunningGateway
let store: ScriptedStore
let offered: { url: string; headers: Record<string, unknown> } | undefined
let storeSide: Duplex | undefined
/** How the store answers an offer. */
let accept: (socket: Duplex) => void

const switching = (socket: Duplex): void => {
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: abc\r\n\r\n',
  )
}

beforeAll(async () => {
  world = await GatewayWorld.start()
  store = await ScriptedStore.start(answerJson('{}'))
  store.server.on('upgrade', (request, socket) => {
    offered = { url: request.url!, headers: request.headers }
    storeSide = socket
    socket.on('error', () => {})
    accept(socket)
    socket.on('data', (chunk: Buffer) => socket.write(`echo ${chunk.toString()}`))
    socket.on('end', () => socket.end())
  })
  const coverage = world.file('upgrade.yaml', routes)
  running = await world.gateway((configuration) => {
    tightenBound(configuration, 3_000)
    configuration['listener'].limits = { idleTimeoutMs: '3500ms', drainTimeoutMs: '300ms' }
    configuration['stores'] = [
      { name: 'jira', mount: '/jira', upstream: store.url, apps: ['jira'], coverage, upgrade: true },
      { name: 'closed', mount: '/closed', upstream: store.url, apps: ['jira'], coverage },
    ]
  })
  await running.warm('/jira/issue/1', '{}')
})
beforeEach(() => {
  offered = undefined
  storeSide = undefined
  accept = switching
})
afterAll(async () => {
  await world.stop()
  await store.stop()
})

const offer = (path: string, lines = credentialLines('acme'), method = 'GET'): string =>
  `${method} ${path} HTTP/1.1\r\nHost: x\r\n${lines}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n\r\n`

async function eventually(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!holds()) {
    if (performance.now() > deadline) throw new Error('it never happened')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

async function joined(): Promise<RawConnection> {
  const connection = new RawConnection(running.url)
  connection.send(offer('/jira/live?room=1'))
  await connection.until('\r\n\r\n')
  connection.send('hello')
  await connection.until('echo hello')
  return connection
}

describe('a request for another protocol', () => {
  it('joins client and store where the route allows it', async () => {
    const connection = await joined()
    expect(connection.received).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/)
    expect(connection.received).toContain('Upgrade: websocket\r\n')
    expect(connection.received).toContain('Sec-WebSocket-Accept: abc\r\n')
    expect(offered!.url).toBe('/live?room=1')
    expect(offered!.headers).toMatchObject({ 'sec-websocket-key': 'k', upgrade: 'websocket' })
    expect(Object.keys(offered!.headers).filter((name) => name.startsWith('portcullis'))).toEqual([])
    storeSide!.write('from the store')
    await connection.until('from the store')
    connection.socket.end()
    await connection.closed()
    await eventually(() => storeSide!.destroyed)
  })

  it('takes along what the client sent without waiting', async () => {
    const connection = new RawConnection(running.url)
    connection.send(`${offer('/jira/live')}early`)
    await connection.until('echo early')
    connection.close()
  })

  it.each([
    ['a covered route', '/jira/issue/1', 403],
    ['an unknown route', '/jira/nowhere', 403],
    ['a store that does not allow it', '/closed/live', 403],
    ['no store', '/nothing', 404],
    ['a path with dots', '/jira/x/../live', 400],
  ])('is refused on %s, and the store hears nothing of it', async (_name, path, status) => {
    const answer = await rawExchange(running.url, offer(path))
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(answer).toContain('application/problem+json')
    expect(offered).toBeUndefined()
  })

  it('is refused without credentials and with wrong ones', async () => {
    expect(await rawExchange(running.url, offer('/jira/live', ''))).toMatch(/^HTTP\/1\.1 401 /)
    const wrong = 'Portcullis-Tenant: acme\r\nPortcullis-Authorization: Bearer x\r\n'
    expect(await rawExchange(running.url, offer('/jira/live', wrong))).toMatch(/^HTTP\/1\.1 403 /)
    expect(offered).toBeUndefined()
  })

  it('by a method other than GET is an ordinary request', async () => {
    const request = offer('/jira/live', `${credentialLines('acme')}Content-Length: 0\r\n`, 'POST')
    const connection = new RawConnection(running.url)
    connection.send(request)
    expect(await connection.until('}')).toMatch(/^HTTP\/1\.1 403 /)
    expect(offered).toBeUndefined()
    connection.close()
  })

  it('has the refusal of the store passed on', async () => {
    accept = (socket) =>
      void socket.end('HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno')
    const answer = await rawExchange(running.url, offer('/jira/live'))
    expect(answer).toMatch(/^HTTP\/1\.1 401 /)
    expect(answer).toContain('WWW-Authenticate: Basic\r\n')
    accept = (socket) => void socket.destroy()
    expect(await rawExchange(running.url, offer('/jira/live'))).toMatch(/^HTTP\/1\.1 502 /)
  })
})

describe('a joined connection', () => {
  it('ends on the other side when one side resets it, at any moment', async () => {
    const first = await joined()
    first.socket.resetAndDestroy()
    await eventually(() => storeSide!.destroyed)
    const second = await joined()
    storeSide!.destroy()
    await second.closed()

    accept = () => {}
    const waiting = new RawConnection(running.url)
    waiting.send(offer('/jira/live'))
    await eventually(() => offered !== undefined)
    waiting.socket.resetAndDestroy()
    await new Promise((resolve) => setTimeout(resolve, 50))
    switching(storeSide!)
    await eventually(() => storeSide!.destroyed)
    expect((await running.request('/jira/issue/1')).status).toBe(200)
  })

  it('is ended after a long silence', async () => {
    const connection = await joined()
    await connection.closed()
    await eventually(() => storeSide!.destroyed)
  })

  it('is cut when access is withdrawn, and while it waits it is answered 423', async () => {
    const connection = await joined()
    accept = () => {}
    const waiting = new RawConnection(running.url)
    waiting.send(offer('/jira/live'))
    const alive = setInterval(() => connection.socket.destroyed || connection.send('.'), 200)
    await world.acme.disableKey()
    await connection.closed()
    clearInterval(alive)
    const answer = await waiting.closed()
    expect(answer).toMatch(/^HTTP\/1\.1 423 /)
    expect(answer).toContain('Suspension-Reason: key-disabled')
    await world.acme.enableKey()
    await (async () => {
      while ((await running.request('/jira/issue/1')).status !== 200)
        await new Promise((resolve) => setTimeout(resolve, 20))
    })()
  })

  it('does not keep a gateway that is told to stop from stopping', async () => {
    const connection = await joined()
    const stopped = running.stop()
    await connection.closed()
    await stopped
  })
})
