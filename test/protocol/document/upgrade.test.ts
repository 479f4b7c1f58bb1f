import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DocumentStore } from '../../../src/protocol/document/document-store.ts'
import { passUpgrade } from '../../../src/protocol/document/upgrade.ts'

/** Two ends of a TCP connection. */
async function connection(): Promise<[Socket, Socket]> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [far] = (await once(server, 'connection')) as [Socket]
  server.close()
  return [near, far]
}

let client: Socket
let store: Socket
/** Without a timer of its own, as when the process stood still: nothing but a look at it tells its end. */
let lease: { valid: boolean; onEnd: () => () => void }
/** What renewing the lease comes to. */
let renewal: PromiseWithResolvers<void>
let sockets: Socket[]

beforeEach(async () => {
  const [near, gatewaySide] = await connection()
  const [storeSide, far] = await connection()
  client = near
  store = far
  sockets = [near, gatewaySide, storeSide, far]
  for (const socket of sockets) socket.on('error', () => undefined)
  renewal = Promise.withResolvers()
  renewal.promise.catch(() => undefined)
  lease = { valid: true, onEnd: () => () => undefined }
  const mounted = {
    upgrade: true,
    mount: '/jira',
    coverage: { matchRoute: () => undefined },
    passUncovered: true,
    upstream: {
      upgrade: (_request: unknown, handler: { upgraded(headers: string[], socket: Socket): void }) =>
        handler.upgraded([], storeSide),
    },
  }
  passUpgrade(
    {
      requestId: 'request-1',
      path: '/jira/live',
      query: '',
      protocol: 'websocket',
      head: { forwarded: [] } as never,
      socket: gatewaySide,
      firstBytes: Buffer.alloc(0),
      refuse: () => gatewaySide.destroy(),
    },
    mounted as unknown as DocumentStore,
    lease,
    () => renewal.promise,
  )
  await once(client, 'data')
})
afterEach(() => {
  for (const socket of sockets) socket.destroy()
})

it('a joined connection carries bytes both ways while the lease is valid', async () => {
  store.write('from the store')
  expect(String((await once(client, 'data'))[0])).toBe('from the store')
  client.write('from the client')
  expect(String((await once(store, 'data'))[0])).toBe('from the client')
})

describe.each([
  ['to the client', () => [store, client] as const],
  ['to the store', () => [client, store] as const],
])('nothing passes %s once the lease has lapsed, although nobody has told,', (_which, ends) => {
  it.each(['is refused', 'is renewed without being valid again'])('when it %s', async (how) => {
    const [from, to] = ends()
    let passed = 0
    to.on('data', (chunk: Buffer) => {
      passed += chunk.length
    })
    lease.valid = false
    from.write('too late')
    if (how === 'is refused') renewal.reject(new Error('refused'))
    else renewal.resolve()
    await once(to, 'close')
    expect(passed).toBe(0)
  })

  it('until it is renewed', async () => {
    const [from, to] = ends()
    const received: string[] = []
    to.on('data', (chunk: Buffer) => received.push(String(chunk)))
    lease.valid = false
    from.write('early')
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(received).toEqual([])
    lease.valid = true
    renewal.resolve()
    await once(to, 'data')
    expect(received).toEqual(['early'])
  })
})
