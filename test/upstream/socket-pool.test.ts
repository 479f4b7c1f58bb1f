import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { createServer as createTlsServer } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import type { PortcullisError } from '../../src/errors.ts'
import { TURN_BYTES_MAX } from '../../src/wire/turns.ts'
import { SocketPool } from '../../src/upstream/socket-pool.ts'
import { LOCALHOST_CERT, LOCALHOST_KEY } from '../config/support/tls.ts'
import type { BodyWriter, StoreRequest, StoreTransfer } from '../../src/upstream/upstream.ts'

interface Answer {
  status: number
  body: string
  transfer: StoreTransfer
}

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

/** A store that gives each connection to `serve`, and counts them. */
async function store(
  serve: (socket: Socket, index: number) => void,
): Promise<{ url: string; connections: Socket[] }> {
  const connections: Socket[] = []
  const server: Server = createServer((socket) => {
    socket.on('error', () => {})
    connections.push(socket)
    serve(socket, connections.length - 1)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  cleanups.push(() => {
    for (const socket of connections) socket.destroy()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections }
}

/** Answers every request without a body. */
function answering(text: string): (socket: Socket) => void {
  return (socket) => {
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      while (received.includes('\r\n\r\n')) {
        received = received.slice(received.indexOf('\r\n\r\n') + 4)
        socket.write(text)
      }
    })
  }
}

function pool(url: string, options: Partial<ConstructorParameters<typeof SocketPool>[0]> = {}): SocketPool {
  const made = new SocketPool({
    url,
    connectionsMax: 8,
    connectTimeoutMs: 5_000,
    headersTimeoutMs: 20_000,
    idleTimeoutMs: 20_000,
    tls: undefined,
    ...options,
  })
  cleanups.push(() => made.close())
  return made
}

function send(upstream: SocketPool, request: Partial<StoreRequest> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const answer = { status: 0, body: '' } as Answer
    upstream.dispatch(
      { method: 'GET', path: '/x', headers: [], body: undefined, ...request },
      {
        head: (status, _headers, _message, transfer) => Object.assign(answer, { status, transfer }),
        data: (chunk) => (answer.body += chunk.toString('latin1')),
        end: () => resolve(answer),
        error: (error: PortcullisError) => reject(error),
      },
    )
  })
}

const HELLO = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'

describe('a socket pool', () => {
  it('keeps connections alive and opens no more than it may', async () => {
    const { url, connections } = await store(answering(HELLO))
    const upstream = pool(url, { connectionsMax: 2 })
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(upstream)))
    expect(answers.every(({ body }) => body === 'hello')).toBe(true)
    expect(connections.length).toBe(2)
  })

  it('holds the brakes of a finished response away from the next one on its connection', async () => {
    const { url, connections } = await store(answering(HELLO))
    const upstream = pool(url, { connectionsMax: 1 })
    const first = await send(upstream)
    const second = send(upstream)
    first.transfer.pause()
    first.transfer.abort()
    expect((await second).body).toBe('hello')
    expect(connections.length).toBe(1)
  })

  it('repeats on a fresh connection what the store closed while it idled', async () => {
    const { url, connections } = await store((socket, index) => {
      socket.on('data', () => {
        if (index === 0 && socket.bytesRead > 100) socket.resetAndDestroy()
        else socket.write(HELLO)
      })
    })
    const upstream = pool(url)
    await send(upstream)
    const again = await send(upstream, {
      method: 'PUT',
      headers: ['x-filler', 'a'.repeat(100)],
      body: Buffer.from('b'),
    })
    expect(again.body).toBe('hello')
    expect(connections.length).toBe(2)
  })

  it('gives the memory of a body back once it is answered, and keeps it for a repetition until then', async () => {
    const { url } = await store((socket, index) => {
      let received = 0
      socket.on('data', (chunk) => {
        received += chunk.length
        if (index === 0 && received > 100) socket.resetAndDestroy()
        else if (received < 100 || received > 100_000) socket.write(HELLO)
      })
    })
    const upstream = pool(url)
    await send(upstream)
    const body = Buffer.alloc(100_000, 'x')
    expect((await send(upstream, { method: 'PUT', body, ownsBody: true })).body).toBe('hello')
    expect(body.length).toBe(0)
    const kept = Buffer.alloc(100_000, 'x')
    await send(upstream, { method: 'PUT', body: kept })
    expect(kept.length).toBe(100_000)
  })

  it('does not repeat a conditional write', async () => {
    const { url } = await store((socket) => {
      socket.on('data', () => {
        if (socket.bytesRead > 100) socket.resetAndDestroy()
        else socket.write(HELLO)
      })
    })
    const upstream = pool(url)
    await send(upstream)
    const headers = ['if-none-match', '*', 'x-filler', 'a'.repeat(100)]
    await expect(send(upstream, { method: 'PUT', headers, body: Buffer.from('b') })).rejects.toMatchObject({
      code: 'store-unreachable',
    })
  })

  it('fails when the store cannot be reached', async () => {
    const { url, connections } = await store(() => {})
    const dead = await store(() => {})
    await Promise.all(cleanups.splice(-1).map((cleanup) => cleanup()))
    await expect(send(pool(dead.url))).rejects.toMatchObject({ code: 'store-unreachable' })
    expect(connections.length).toBe(0)
    expect(url).not.toBe(dead.url)
  })

  it('fails when the store is silent for too long', async () => {
    const { url } = await store(() => {})
    await expect(send(pool(url, { headersTimeoutMs: 50 }))).rejects.toMatchObject({ code: 'store-timeout' })
  })

  it('fails when a body stops half way, and when it is cut', async () => {
    const { url } = await store((socket) => socket.write(HELLO.slice(0, -2)))
    await expect(send(pool(url, { idleTimeoutMs: 50 }))).rejects.toMatchObject({ code: 'store-timeout' })
    const cutting = await store((socket) => {
      socket.write(HELLO.slice(0, -2))
      setTimeout(() => socket.destroy(), 20)
    })
    await expect(send(pool(cutting.url))).rejects.toMatchObject({ code: 'store-unreachable' })
  })

  it('refuses what could be read as more than one request', async () => {
    const { url, connections } = await store(answering(HELLO))
    const upstream = pool(url)
    const wrong: Partial<StoreRequest>[] = [
      { path: '/x HTTP/1.1\r\nhost: y' },
      { path: '/\u0120' },
      { headers: ['x', 'a\r\nb: c'] },
      { headers: ['x\ny', 'a'] },
      { headers: ['x', '\u010d\u010a'] },
      { headers: ['Content-Length', '3'] },
      { headers: ['transfer-encoding', 'chunked'] },
    ]
    for (const request of wrong) await expect(send(upstream, request)).rejects.toThrow()
    expect(connections.length).toBe(0)
  })

  it('says nothing any more once a request was cut, at any stage', async () => {
    const { url } = await store((socket) => socket.write(HELLO.slice(0, -2)))
    const upstream = pool(url, { connectionsMax: 1 })
    const heard: string[] = []
    const handler = {
      head: () => heard.push('head'),
      data: () => heard.push('data'),
      end: () => heard.push('end'),
      error: () => heard.push('error'),
    }
    const request = { method: 'GET', path: '/x', headers: [], body: undefined }
    const cuts = [upstream.dispatch(request, handler), upstream.dispatch(request, handler)]
    for (const cut of cuts) cut()
    const seen = await new Promise<string[]>((resolve) => {
      const cut = upstream.dispatch(request, {
        ...handler,
        head: () => {
          cut()
          setTimeout(() => resolve([...heard]), 50)
        },
      })
    })
    expect(seen).toEqual([])
  })
})

it('reads no more of a big answer in a pass of the event loop than a turn allows', async () => {
  const bytes = 16 * TURN_BYTES_MAX
  const { url } = await store((socket) => {
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`)
      socket.write(Buffer.alloc(bytes))
    })
  })
  const upstream = pool(url)
  const inPass = [0, 0, 0, 0]
  const read = { most: 0, total: 0 }
  const transfers = inPass.map((_, index) => {
    return new Promise<void>((resolve, reject) => {
      upstream.dispatch(
        { method: 'GET', path: '/big', headers: [], body: undefined },
        {
          head: () => {},
          data: (chunk) => {
            inPass[index]! += chunk.length
            read.most = Math.max(read.most, inPass[index]!)
            read.total += chunk.length
          },
          end: () => resolve(),
          error: reject,
        },
      )
    })
  })
  while (read.total < inPass.length * bytes) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    inPass.fill(0)
  }
  await Promise.all(transfers)
  // A turn ends with the read that completes it.
  expect(read.most).toBeLessThan(2 * TURN_BYTES_MAX)
})

describe('a pushed body', () => {
  async function receiver(): Promise<{
    url: string
    received: () => number
    zeros: () => number
    ended: () => boolean
  }> {
    let bytes = 0
    let zeros = 0
    let ended = false
    const { url } = await store((socket) => {
      socket.on('data', (chunk) => {
        bytes += chunk.length
        if (chunk.includes('\0')) zeros += 1
        if (chunk.includes('END')) socket.write(HELLO)
      })
      socket.on('close', () => (ended = true))
    })
    return { url, received: () => bytes, zeros: () => zeros, ended: () => ended }
  }

  it('arrives at the pace of the store, and its memory serves again only once it was sent', async () => {
    const { url, received, zeros } = await receiver()
    const pieces = Array.from({ length: 200 }, () => Buffer.alloc(64 * 1024, 'x'))
    let next = 0
    let waits = 0
    let writer: BodyWriter
    const go = (): void => {
      while (next < pieces.length) {
        next += 1
        const piece = pieces[next - 1]!
        if (!writer.write([piece], () => piece.fill(0))) {
          waits += 1
          return
        }
      }
      writer.write([Buffer.from('END')])
      writer.end()
    }
    const bytes = 200 * 64 * 1024 + 3
    const answer = await send(pool(url), {
      method: 'PUT',
      body: {
        start: (given) => {
          writer = given
          go()
        },
        ready: go,
      },
      contentLength: bytes,
    })
    expect(answer.body).toBe('hello')
    expect(received()).toBeGreaterThan(bytes)
    expect(waits).toBeGreaterThan(0)
    expect(zeros(), 'none of the memory was used before it was sent').toBe(0)
    expect(pieces.every((piece) => piece.at(-1) === 0)).toBe(true)
  })

  it('of another length than declared cuts the connection', async () => {
    const { url } = await receiver()
    const body = {
      start: (writer: BodyWriter) => {
        writer.write([Buffer.from('abc')])
        writer.end()
      },
      ready: () => {},
    }
    await expect(send(pool(url), { method: 'PUT', body, contentLength: 4 })).rejects.toMatchObject({
      code: 'store-unreachable',
    })
  })

  it('may be a stream', async () => {
    const { url } = await receiver()
    const body = Readable.from([Buffer.from('abc'), Buffer.from('END')])
    expect((await send(pool(url), { method: 'PUT', body, contentLength: 6 })).body).toBe('hello')
  })

  it('that the store answers early leaves no connection to reuse', async () => {
    const { url, connections } = await store((socket) => socket.once('data', () => socket.write(HELLO)))
    const upstream = pool(url)
    const body = { start: (writer: BodyWriter) => void writer.write([Buffer.from('abc')]), ready: () => {} }
    expect((await send(upstream, { method: 'PUT', body, contentLength: 10 })).body).toBe('hello')
    expect((await send(upstream)).body).toBe('hello')
    expect(connections.length).toBe(2)
  })
})

describe('under TLS', () => {
  async function secureStore(body: Buffer): Promise<string> {
    const server = createTlsServer({ cert: LOCALHOST_CERT, key: LOCALHOST_KEY }, (socket) => {
      socket.on('error', () => {})
      let received = 0
      socket.on('data', (chunk) => {
        received += chunk.length
        if (!chunk.includes('END') && !chunk.includes('GET')) return
        socket.write(`HTTP/1.1 200 OK\r\nx-received: ${received}\r\nContent-Length: ${body.length}\r\n\r\n`)
        socket.write(body)
      })
    })
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    cleanups.push(() => server.close())
    return `https://localhost:${(server.address() as AddressInfo).port}`
  }

  it('moves bodies both ways, on several connections at once', async () => {
    const body = Buffer.from(Array.from({ length: 300_000 }, (_, index) => `${index % 100_000}\n`).join(''))
    const upstream = pool(await secureStore(body), { tls: { ca: LOCALHOST_CERT } })
    const upload = (): Readable => Readable.from([Buffer.alloc(2_000_000, 'x'), Buffer.from('END')])
    const answers = await Promise.all([
      ...Array.from({ length: 4 }, () => send(upstream)),
      ...Array.from({ length: 4 }, () =>
        send(upstream, { method: 'PUT', body: upload(), contentLength: 2_000_003 }),
      ),
    ])
    expect(answers.every((answer) => answer.body === body.toString('latin1'))).toBe(true)
  })

  it('trusts nobody without a reason', async () => {
    const url = await secureStore(Buffer.from('x'))
    await expect(send(pool(url, { tls: {} }))).rejects.toMatchObject({ code: 'store-unreachable' })
    const otherName = pool(url.replace('localhost', '127.0.0.2'), { tls: { ca: LOCALHOST_CERT } })
    await expect(send(otherName)).rejects.toMatchObject({ code: 'store-unreachable' })
  })
})
