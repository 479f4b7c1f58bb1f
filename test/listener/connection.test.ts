import { randomBytes } from 'node:crypto'
import { Agent } from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { PortcullisError } from '../../src/errors.ts'
import type { Exchange } from '../../src/listener/exchange.ts'
import { refuseRaw } from '../../src/listener/refuse-raw.ts'
import type { Loan } from '../../src/wire/loan.ts'
import { LOCALHOST_CERT, LOCALHOST_KEY } from '../config/support/tls.ts'
import { send } from '../support/http-client.ts'
import { RawConnection, rawExchange } from '../support/raw-http.ts'
import { closeListeners, listen, until } from './listening.ts'

afterEach(closeListeners)

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

/** Answers with the body that came. */
function echo(exchange: Exchange): void {
  const pieces: Buffer[] = []
  exchange.request.read({
    data: (chunk) => pieces.push(Buffer.from(chunk)),
    end: () => {
      const body = Buffer.concat(pieces)
      exchange.reply(200, ['Content-Length', String(body.length)], body)
    },
  })
  exchange.continue()
}

describe('requests of one connection', () => {
  it('are answered in order, one at a time, however many arrive at once', async () => {
    const waiting: Exchange[] = []
    let most = 0
    let under = 0
    const { url } = await listen((exchange) => {
      under += 1
      most = Math.max(most, under)
      waiting.push(exchange)
      exchange.onEnd(() => (under -= 1))
    })
    const connection = new RawConnection(url)
    const paths = Array.from({ length: 400 }, (_, index) => `/${index}`)
    for (const path of paths)
      connection.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nX-Pad: ${'p'.repeat(400)}\r\n\r\n`)
    for (const path of paths) {
      await until(() => waiting.length > 0)
      const exchange = waiting.shift()!
      expect(exchange.path).toBe(path)
      exchange.reply(200, ['Content-Length', String(path.length)], Buffer.from(path))
    }
    await connection.until('/399')
    expect(most).toBe(1)
    connection.close()
  })

  it('follow a body of any length and framing', async () => {
    const { url } = await listen(echo)
    const connection = new RawConnection(url)
    connection.send(
      'PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nfirstPOST / HTTP/1.1\r\nHost: x\r\n',
    )
    connection.send('Transfer-Encoding: chunked\r\n\r\n6\r\nsecond\r\n0\r\nX-T: 1\r\n\r\n')
    connection.send('\r\nPUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nthird')
    const answer = await connection.closed()
    expect([...answer.matchAll(/\r\n\r\n(first|second|third)/g)].map(([, body]) => body)).toEqual([
      'first',
      'second',
      'third',
    ])
  })

  it('end with the one that asks to close, and with HTTP/1.0 unless it asks to stay', async () => {
    const { url } = await listen(echo)
    const closing = await rawExchange(url, `GET / HTTP/1.1\r\nHost: x\r\nConnection: close, x\r\n\r\n${GET}`)
    expect(closing.match(/HTTP\/1\.1 200/g)).toHaveLength(1)
    expect(closing).toContain('Connection: close')
    const old = await rawExchange(url, 'GET / HTTP/1.0\r\n\r\n')
    expect(old).toContain('Connection: close')
    const stays = new RawConnection(url)
    stays.send('GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n')
    await stays.until('keep-alive\r\n')
    stays.send('GET / HTTP/1.0\r\n\r\n')
    expect((await stays.closed()).match(/HTTP\/1\.1 200/g)).toHaveLength(2)
  })

  it('may be followed by another after an answer that came before the end of the body', async () => {
    const { url } = await listen((exchange) => {
      if (exchange.path === '/early') exchange.reply(404, ['Content-Length', '0'], undefined)
      else echo(exchange)
    })
    const connection = new RawConnection(url)
    connection.send('PUT /early HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n')
    await connection.until('404')
    connection.send(`${'b'.repeat(300_000)}PUT /late HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nlate`)
    expect(await connection.until('\r\n\r\nlate')).toContain('200')
    connection.close()
  })
})

describe('a body', () => {
  it('arrives whole, asked for at once or later, with pauses', async () => {
    const body = randomBytes(3_000_000)
    const { url } = await listen(async (exchange) => {
      if (exchange.path === '/later') await new Promise((resolve) => setTimeout(resolve, 50))
      const pieces: Buffer[] = []
      exchange.request.read({
        data: (chunk) => {
          pieces.push(Buffer.from(chunk))
          exchange.request.pause()
          setTimeout(() => exchange.request.resume(), 1)
        },
        end: () => {
          const same = Buffer.concat(pieces).equals(body)
          exchange.reply(same ? 200 : 500, ['Content-Length', '0'], undefined)
        },
      })
    })
    for (const path of ['/', '/later']) {
      const response = await fetch(`${url}${path}`, { method: 'PUT', body })
      expect(response.status).toBe(200)
    }
  })

  it('stays as it is where it was lent until it is given back, whatever arrives meanwhile', async () => {
    const kept: { chunk: Buffer; copy: Buffer; loan: Loan }[] = []
    const { url } = await listen((exchange) => {
      exchange.request.read({
        data: (chunk, loan) => {
          loan.retain()
          kept.push({ chunk, copy: Buffer.from(chunk), loan })
        },
        end: () => exchange.reply(204, [], undefined),
      })
    })
    const sent = await Promise.all(
      Array.from({ length: 6 }, () => fetch(url, { method: 'PUT', body: randomBytes(2_500_000) })),
    )
    expect(sent.map(({ status }) => status)).toEqual(Array(6).fill(204))
    expect(kept.every(({ chunk, copy }) => chunk.equals(copy))).toBe(true)
    expect(kept.reduce((sum, { chunk }) => sum + chunk.length, 0)).toBe(15_000_000)
    for (const { loan } of kept) loan.release()
  })

  it('may be changed where it lies without a trace in another one', async () => {
    const { url } = await listen(
      (exchange) => {
        const pieces: Buffer[] = []
        exchange.request.read({
          data: (chunk) => {
            pieces.push(Buffer.from(chunk))
            chunk.fill(0)
          },
          end: () => exchange.reply(200, [], Buffer.concat(pieces)),
        })
      },
      { connectionsPerPeerMax: 100 },
    )
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const body = Buffer.alloc(1 + index * 997, index + 1)
        const response = await fetch(url, { method: 'PUT', body })
        return Buffer.from(await response.arrayBuffer()).equals(body)
      }),
    )
    expect(answers).toEqual(Array(40).fill(true))
  })

  it('that ends before its length, or badly, fails its request with 400', async () => {
    const { url, ended } = await listen(echo)
    const connection = new RawConnection(url)
    connection.send('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc')
    await until(() => connection.socket.writableLength === 0)
    connection.socket.end()
    expect(await connection.closed()).toMatch(/^HTTP\/1\.1 400 /)
    const bad = 'PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef'
    expect(await rawExchange(url, bad)).toMatch(/^HTTP\/1\.1 400 /)
    expect(ended.map(({ error }) => error?.code)).toEqual(['request-malformed', 'request-malformed'])
  })
})

describe('a client that asks before it sends', () => {
  const ASKING = 'PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n'

  it('is told to go on when its body is wanted', async () => {
    const { url } = await listen(echo)
    const connection = new RawConnection(url)
    connection.send(ASKING)
    expect(await connection.until('Continue\r\n\r\n')).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    connection.send('body')
    expect(await connection.until('\r\n\r\nbody')).toContain('Connection: keep-alive')
    connection.close()
  })

  it('gets its answer without, and no further one on a connection where its next bytes could be either', async () => {
    const { url } = await listen((exchange) => exchange.reply(404, [], Buffer.from('no')))
    const answer = await rawExchange(url, ASKING)
    expect(answer).toMatch(/^HTTP\/1\.1 404 /)
    expect(answer).toContain('Connection: close')
  })
})

describe('a refused upload', () => {
  it('shows its refusal to a client that goes on sending for long, and takes little more', async () => {
    const { url } = await listen((exchange) => exchange.fail(new PortcullisError('body-too-large', 'No.')))
    const connection = new RawConnection(url)
    connection.send('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000000\r\n\r\n')
    for (let piece = 0; piece < 60; piece += 1) connection.socket.write(Buffer.alloc(1_000_000))
    expect(await connection.until('body-too-large')).toMatch(/^HTTP\/1\.1 413 /)
    expect(connection.received).toContain('Connection: close')
    expect(connection.socket.writableLength).toBeGreaterThan(20_000_000)
    connection.close()
  })

  it('does not stand in the way of the next request of a client that keeps connections', async () => {
    const { url } = await listen((exchange) => {
      if (exchange.path === '/') exchange.fail(new PortcullisError('body-too-large', 'No.'))
      else echo(exchange)
    })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (const megabytes of [1, 3, 6, 7, 9]) {
      const body = Readable.from(Array.from({ length: megabytes }, () => Buffer.alloc(1_000_000)))
      expect((await send(url, { method: 'PUT', body, agent })).status).toBe(413)
      expect((await send(`${url}/next`, { agent })).status).toBe(200)
    }
    agent.destroy()
  })
})

describe('a body of many small chunks', () => {
  it('is copied once, not once for each', async () => {
    const { url } = await listen(echo)
    const chunks = 'Transfer-Encoding: chunked\r\n\r\n' + '1\r\nx\r\n'.repeat(9_000) + '0\r\n\r\n'
    const copies = vi.spyOn(Buffer, 'allocUnsafeSlow')
    const connection = new RawConnection(url)
    connection.send(`PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${chunks}`)
    const answer = await connection.closed()
    expect(answer).toMatch(/\r\n\r\nx{9000}$/)
    expect(copies.mock.calls.length).toBeLessThan(20)
    copies.mockRestore()
  })
})

describe('a response', () => {
  async function answer(
    handle: (exchange: Exchange) => void,
    request = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  ): Promise<string> {
    const { url } = await listen(handle)
    return rawExchange(url, request)
  }

  it('says the length of a body that is whole, and frames by chunks what comes in pieces', async () => {
    const whole = await answer((exchange) => exchange.reply(200, ['X-A', '1'], Buffer.from('whole')))
    expect(whole).toContain('\r\nContent-Length: 5\r\n')
    expect(whole).toMatch(/\r\n\r\nwhole$/)
    const pieces = await answer((exchange) => {
      exchange.begin(200, [])
      exchange.send(Buffer.from('one'))
      exchange.sendAll([Buffer.from('two'), Buffer.from('three')], () => {})
      exchange.response.end(Buffer.from('four'), ['X-T', '1'])
    })
    expect(pieces).toContain('\r\nTransfer-Encoding: chunked\r\n')
    expect(pieces).toMatch(/\r\n\r\n3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n4\r\nfour\r\n0\r\nX-T: 1\r\n\r\n$/)
  })

  it('ends with the connection for HTTP/1.0, which knows no chunks', async () => {
    const old = await answer((exchange) => {
      exchange.begin(200, [])
      exchange.send(Buffer.from('one'))
      exchange.response.end(Buffer.from('two'))
    }, 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
    expect(old).not.toMatch(/transfer-encoding|content-length/i)
    expect(old).toMatch(/Connection: close\r\n\r\nonetwo$/)
  })

  it.each([
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ])('has no body: %s, %i', async (method, status) => {
    const bare = await answer((exchange) => {
      exchange.begin(status, ['Content-Length', '5'])
      exchange.send(Buffer.from('he'))
      exchange.response.end(Buffer.from('llo'))
    }, `${method} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    expect(bare).toMatch(/\r\n\r\n$/)
    expect(bare).toContain('Content-Length: 5')
  })

  it('has one date: its own, or the one it was given', async () => {
    const own = await answer((exchange) => exchange.reply(200, [], undefined))
    expect(own).toMatch(/\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/)
    const given = await answer((exchange) => exchange.reply(200, ['date', 'yesterday'], undefined))
    expect(given.match(/date:/gi)).toHaveLength(1)
  })

  it.each([
    ['a line end in a value', ['X-A', 'a\r\nX-B: b']],
    ['a lone line feed', ['X-A', 'a\nX-B: b']],
    ['a NUL', ['X-A', 'a\0b']],
    ['a line end in a name', ['X-A: 1\r\nX-B', 'b']],
    ['what is not Latin-1', ['X-A', 'ā']],
  ])('is never sent with %s', async (_what, headers) => {
    const refused = await answer((exchange) => exchange.reply(200, headers, Buffer.from('ok')))
    expect(refused).toMatch(/^HTTP\/1\.1 500 /)
    expect(refused).not.toMatch(/X-B: b/)
  })

  it('that is shorter or longer than it said never looks whole', async () => {
    const short = await answer((exchange) => {
      exchange.begin(200, ['Content-Length', '10'])
      exchange.send(Buffer.from('abc'))
      exchange.response.end()
    })
    expect(short).not.toMatch(/Connection: keep-alive\r\n\r\n.{10}/)
    const long = await answer((exchange) => {
      exchange.begin(200, ['Content-Length', '3'])
      exchange.send(Buffer.from('abcdef'))
      exchange.response.end()
    })
    expect(long).not.toContain('abc')
  })

  it('waits for a client that does not read, and goes on when it does', async () => {
    const piece = Buffer.alloc(256 * 1024, 'p')
    let sent = 0
    const { url } = await listen((exchange) => {
      exchange.begin(200, ['Content-Length', String(200 * piece.length)])
      const go = (): void => {
        while (sent < 200) {
          sent += 1
          if (!exchange.send(piece)) return
        }
        exchange.response.end()
      }
      exchange.response.onDrain(go)
      go()
    })
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    socket.pause()
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    await until(() => sent > 0)
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(sent).toBeLessThan(200)
    let received = 0
    socket.on('data', (chunk) => (received += chunk.length))
    socket.resume()
    await new Promise((resolve) => socket.once('close', resolve))
    expect(received).toBeGreaterThan(200 * piece.length)
  })
})

describe('an offer to change protocol', () => {
  const OFFER = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'

  it("makes the connection the handler's, with what arrived behind the request", async () => {
    const { url } = await listen(
      echo,
      {},
      {
        upgrade: (_request, head, socket, firstBytes) => {
          socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${head.upgrade}\r\n\r\n`)
          socket.write(firstBytes)
          socket.pipe(socket)
        },
      },
    )
    const connection = new RawConnection(url)
    connection.send(`${OFFER}first`)
    await connection.until('first')
    connection.send('second')
    await connection.until('second')
    connection.socket.end('last')
    expect(await connection.closed()).toMatch(/Upgrade: echo\r\n\r\nfirstsecondlast$/)
  })

  it('that is refused leaves no connection behind', async () => {
    const { url, listener } = await listen(
      echo,
      { idleTimeoutMs: 60_000, drainTimeoutMs: 60_000 },
      {
        upgrade: (_request, _head, socket) =>
          refuseRaw(socket, new PortcullisError('method-not-allowed', 'No.')),
      },
    )
    expect(await rawExchange(url, OFFER)).toMatch(/^HTTP\/1\.1 405 /)
    await listener.drain()
  })
})

describe('under TLS', () => {
  const tls = { cert: LOCALHOST_CERT, key: LOCALHOST_KEY }

  it('a client that does not trust the certificate leaves no connection behind', async () => {
    const limits = { headersTimeoutMs: 60_000, drainTimeoutMs: 60_000 }
    const { url, listener } = await listen(echo, limits, { tls })
    await expect(fetch(url)).rejects.toThrow()
    await listener.drain()
  })

  it('a client that never shakes hands is closed in time, and does not hold up a stop', async () => {
    const slow = await listen(echo, { headersTimeoutMs: 200 }, { tls })
    await new RawConnection(slow.url).closed()
    const { url, listener } = await listen(echo, { headersTimeoutMs: 60_000, drainTimeoutMs: 200 }, { tls })
    const connection = new RawConnection(url)
    await new Promise((resolve) => connection.socket.once('connect', resolve))
    await listener.drain()
    await connection.closed()
  })

  it('bodies of any size pass both ways, and their memory is given back', async () => {
    const { url } = await listen(echo, {}, { tls })
    for (const bytes of [1, 100_000, 3_000_000]) {
      const body = randomBytes(bytes)
      const answer = await send(url, {
        method: 'PUT',
        body,
        tls: { ca: LOCALHOST_CERT, checkServerIdentity: () => undefined },
      })
      expect(answer.status).toBe(200)
      expect(answer.body.equals(body)).toBe(true)
    }
  })
})

describe('a connection', () => {
  it('that brings what cannot be a request is refused at once', async () => {
    const { url } = await listen(echo, { headersTimeoutMs: 60_000, idleTimeoutMs: 60_000 })
    for (const bytes of ['\x16\x03\x01\x02\x00', 'GET / HTTP/1.1\nHost: x\n\n', 'nonsense'])
      expect(await rawExchange(url, bytes)).toMatch(/^HTTP\/1\.1 400 /)
  })

  it('that idles is closed, at once while the gateway drains', async () => {
    const { url, listener } = await listen(echo, { keepAliveTimeoutMs: 100 })
    const idle = new RawConnection(url)
    idle.send(GET)
    await idle.until('200')
    await idle.closed()
    const kept = await listen(echo, { keepAliveTimeoutMs: 60_000, drainTimeoutMs: 60_000 })
    const open = [new RawConnection(kept.url), new RawConnection(kept.url)]
    open[0]!.send(GET)
    await open[0]!.until('200')
    await kept.listener.drain()
    for (const connection of open) await connection.closed()
    await listener.drain()
  })

  it('above the number allowed is closed, and room is made when one ends', async () => {
    const { url } = await listen(echo, { connectionsMax: 2, connectionsPerPeerMax: 100 })
    const kept = [new RawConnection(url), new RawConnection(url)]
    for (const connection of kept) {
      connection.send(GET)
      await connection.until('200')
    }
    expect(await rawExchange(url, GET)).toBe('')
    kept[0]!.close()
    let answer = ''
    while (!answer.includes('200'))
      answer = await rawExchange(url, GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
    kept[1]!.close()
  })

  it('whose client leaves while its request is in work aborts it', async () => {
    let reason: string | undefined
    const { url, ended } = await listen((exchange) => exchange.onAbort(({ code }) => (reason = code)))
    const connection = new RawConnection(url)
    connection.send(GET)
    await new Promise((resolve) => setTimeout(resolve, 50))
    connection.close()
    await until(() => ended.length > 0)
    expect(reason).toBe('request-malformed')
  })
})
