import { afterEach, describe, expect, it } from 'vitest'
import { PortcullisError } from '../../src/errors.ts'
import type { Exchange } from '../../src/listener/exchange.ts'
import { RawConnection, rawExchange } from '../support/raw-http.ts'
import { closeListeners, listen, until } from './listening.ts'

afterEach(closeListeners)

const answerOk = (exchange: Exchange): void => exchange.reply(200, ['Content-Length', '2'], Buffer.from('ok'))

describe('listener', () => {
  it('refuses a request with both Content-Length and Transfer-Encoding', async () => {
    let handled = 0
    const { url } = await listen((exchange) => {
      handled += 1
      answerOk(exchange)
    })
    const answer = await rawExchange(
      url,
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n',
    )
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toContain('application/problem+json')
    expect(handled).toBe(0)
  })

  it.each([
    ['two Content-Length fields', 'Content-Length: 0\r\nContent-Length: 5\r\n'],
    ['two Host fields', 'Host: y\r\n'],
    ['two tenant fields', 'Portcullis-Tenant: a\r\nPortcullis-Tenant: b\r\n'],
    ['two Content-Type fields', 'Content-Type: text/plain\r\nContent-Type: application/json\r\n'],
    ['a transfer coding other than chunked', 'Transfer-Encoding: gzip, chunked\r\n'],
    ['a line folded header', 'X-A: 1\r\n 2\r\n'],
    ['a space before the colon', 'X-A : 1\r\n'],
    ['a NUL in a header value', 'X-A: a\u0000b\r\n'],
    ['Authorization nominated as connection option', 'Authorization: x\r\nConnection: authorization\r\n'],
  ])('refuses %s', async (_name, fields) => {
    let handled = 0
    const { url } = await listen((exchange) => {
      handled += 1
      answerOk(exchange)
    })
    const answer = await rawExchange(url, `GET / HTTP/1.1\r\nHost: x\r\n${fields}Connection: close\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(handled).toBe(0)
  })

  it('refuses an HTTP/1.1 request without Host, and says so', async () => {
    let handled = 0
    const { url } = await listen((exchange) => {
      handled += 1
      answerOk(exchange)
    })
    const answer = await rawExchange(url, 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toContain('application/problem+json')
    expect(answer).toContain('Host')
    expect(handled).toBe(0)
  })

  it('refuses an absolute-form target and an asterisk', async () => {
    const { url } = await listen(answerOk)
    expect(await rawExchange(url, 'GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
    expect(await rawExchange(url, 'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
  })

  it('answers 431 to a head above its byte limit and to too many fields', async () => {
    const { url } = await listen(answerOk)
    const long = await rawExchange(url, `GET / HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(9_000)}\r\n\r\n`)
    expect(long).toMatch(/^HTTP\/1\.1 431 /)
    const many = await rawExchange(url, `GET / HTTP/1.1\r\nHost: x\r\n${'X-A: 1\r\n'.repeat(60)}\r\n`)
    expect(many).toMatch(/^HTTP\/1\.1 431 /)
  })

  it('forwards neither hop-by-hop, nor nominated, nor its own headers', async () => {
    let forwarded: string[] = []
    const { url } = await listen((exchange) => {
      forwarded = exchange.head.forwarded
      answerOk(exchange)
    })
    await rawExchange(
      url,
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nPortcullis-Secret: s\r\nPortcullis-Authorization: Bearer t\r\nX-Keep: 1\r\nAuthorization: Basic x\r\n\r\n',
    )
    expect(forwarded).toEqual(['X-Keep', '1', 'Authorization', 'Basic x'])
  })

  it('closes a connection whose head does not arrive', async () => {
    const { url } = await listen(answerOk, { headersTimeoutMs: 300 })
    const answer = await rawExchange(url, 'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ')
    expect(answer === '' || answer.startsWith('HTTP/1.1 408 ')).toBe(true)
  })

  it('answers 408 to a body that stops arriving', async () => {
    const { url, ended } = await listen((exchange) => exchange.request.resume())
    const answer = await rawExchange(url, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc')
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    expect(ended[0]?.error?.code).toBe('request-timeout')
  })

  it('does not ask for the body of a request it refuses', async () => {
    const { url } = await listen(() => {
      throw new PortcullisError('credentials-required', 'No token.')
    })
    const answer = await rawExchange(
      url,
      'PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n',
    )
    expect(answer).toMatch(/^HTTP\/1\.1 401 /)
    expect(answer).toContain('WWW-Authenticate: Bearer')
    expect(answer).not.toContain('100 Continue')
  })

  it.each(['miracles', ''])('ignores an expectation it does not know: %j', async (expectation) => {
    let forwarded: string[] = []
    const { url } = await listen((exchange) => {
      forwarded = exchange.head.forwarded
      answerOk(exchange)
    })
    const answer = await rawExchange(
      url,
      `PUT / HTTP/1.1\r\nHost: x\r\nExpect: ${expectation}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
    expect(forwarded).toEqual([])
  })

  it('refuses a request behind whose body more bytes arrive, and closes', async () => {
    const { url, ended } = await listen((exchange) => exchange.request.resume())
    const answer = await rawExchange(url, 'PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcdef')
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toContain('body-length-wrong')
    expect(ended[0]?.error?.code).toBe('body-length-wrong')
  })

  it('shows the refusal of an upload to a client that sends all of it first', async () => {
    const { url } = await listen(() => {
      throw new PortcullisError('body-too-large', 'Too large.')
    })
    const response = await fetch(url, { method: 'PUT', body: Buffer.alloc(2 * 1024 * 1024) })
    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject({ reason: 'body-too-large', status: 413 })
  })

  it('cuts the connection when a response that has begun fails', async () => {
    const { url } = await listen((exchange) => {
      exchange.begin(200, ['Transfer-Encoding', 'chunked'])
      exchange.response.write(Buffer.from('half'), () =>
        exchange.fail(new PortcullisError('ciphertext-invalid', 'Bad.')),
      )
    })
    await expect(fetch(url).then((response) => response.text())).rejects.toThrow()
  })

  it('ends a running exchange when its admission ends', async () => {
    let revoke: ((reason: PortcullisError) => void) | undefined
    const { url } = await listen((exchange) => {
      exchange.admit({
        valid: true,
        onEnd: (cut) => {
          revoke = cut
          return () => {}
        },
      })
    })
    const pending = fetch(url)
    await until(() => revoke !== undefined)
    revoke!(new PortcullisError('tenant-suspended', 'Gone.', { retryAfterSeconds: 7 }))
    const response = await pending
    expect(response.status).toBe(423)
    expect(response.headers.get('retry-after')).toBe('7')
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  it('closes connections of one peer above its limit', async () => {
    const { url } = await listen(answerOk, { connectionsPerPeerMax: 2 })
    const kept = [new RawConnection(url), new RawConnection(url)]
    for (const connection of kept) {
      connection.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      await connection.until('ok')
    }
    expect(await rawExchange(url, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')).toBe('')
    for (const connection of kept) connection.close()
  })

  it('lets a running exchange finish while draining and takes no new one', async () => {
    let release: (() => void) | undefined
    const { url, listener } = await listen((exchange) => {
      release = () => answerOk(exchange)
    })
    const pending = fetch(url)
    await until(() => release !== undefined)
    const drained = listener.drain()
    await expect(fetch(url)).rejects.toThrow()
    release!()
    expect((await pending).status).toBe(200)
    await drained
  })

  it('tells a client that leaves mid-body apart from an end', async () => {
    const { url, ended } = await listen((exchange) => exchange.request.resume())
    const connection = new RawConnection(url)
    connection.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc')
    await new Promise((resolve) => setTimeout(resolve, 50))
    connection.close()
    while (ended.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(ended[0]!.ended).toBe(true)
  })
})
