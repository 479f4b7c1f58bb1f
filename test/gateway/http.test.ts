import { createHash } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { Readable } from 'node:stream'
import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { credentialLines, credentials, GatewayWorld, type RunningGateway } from '../support/gateway-world.ts'
import { RawConnection, rawExchange } from '../support/raw-http.ts'
import { answerJson, answerRaw, ScriptedStore } from '../support/scripted-store.ts'

const MEBIBYTE = 1024 * 1024
const JSON_TYPE = { 'Content-Type': 'application/json' }
const BODY = '{"id":"1","fields":{"summary":"SECRET words"}}'
const FAST_BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }
const CODINGS = {
  gzip: gzipSync,
  'x-gzip': gzipSync,
  deflate: deflateSync,
  br: (body: Buffer | string) => brotliCompressSync(body, FAST_BROTLI),
  zstd: zstdCompressSync,
} as const

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let world: GatewayWorld
let running: RunningGateway
let store: ScriptedStore
/** `BODY` as the gateway seals it. */
let sealed: Buffer
/** A document of some megabytes, as it is and sealed. */
let longBody: string
let longSealed: Buffer

const routes = `
extends: jira
routes:
  - methods: [GET, HEAD, PUT, POST]
    paths: /open/{id}
    action: pass
`

beforeAll(async () => {
  world = await GatewayWorld.start()
  store = await ScriptedStore.start()
  const coverage = world.file('http.yaml', routes)
  running = await world.gateway((configuration) => {
    configuration['stores'] = [
      { name: 'jira', mount: '/jira', upstream: `${store.url}/base/path`, apps: ['jira'], coverage },
    ]
  })
  await running.warm('/jira/issue/1', BODY)
  sealed = store.lastCall.body!
  const words = Array.from({ length: 4_000 }, (_, index) => ({
    id: String(index),
    fields: { summary: `SECRET ${'words '.repeat(100)}` },
  }))
  longBody = JSON.stringify({
    fields: { comment: { comments: words.map(({ id, fields }) => ({ id, body: fields.summary })) } },
  })
  await running.put('/jira/issue/2', longBody)
  longSealed = store.lastCall.body!
})
beforeEach(() => {
  store.calls.length = 0
  store.early = false
  store.script = answerJson(sealed)
})
afterAll(async () => {
  await world.stop()
  await store.stop()
})

const head = (method: string, path: string, lines = '', version = '1.1'): string =>
  `${method} ${path} HTTP/${version}\r\nHost: x\r\n${credentialLines('acme')}${lines}`

const digests = (body: Buffer | string): Record<string, string> => ({
  'Content-MD5': createHash('md5').update(body).digest('base64'),
  Digest: `SHA-256=${createHash('sha256').update(body).digest('base64')},SHA=${createHash('sha1').update(body).digest('base64')}`,
  'Content-Digest': `sha-512=:${createHash('sha512').update(body).digest('base64')}:, unknown=:AAAA:`,
  'Repr-Digest': `sha-256=:${createHash('sha256').update(body).digest('base64')}:`,
})

describe('content codings', () => {
  it.each(Object.keys(CODINGS))('of a request are undone before the store: %s', async (coding) => {
    for (const [path, body] of [
      ['/jira/issue/1', BODY],
      ['/jira/issue/2', longBody],
    ] as const) {
      const answer = await running.request(path, {
        method: 'PUT',
        headers: { ...JSON_TYPE, 'Content-Encoding': coding },
        body: CODINGS[coding as keyof typeof CODINGS](body) as Buffer,
      })
      expect(answer.status).toBe(200)
      expect(store.lastCall.headers['content-encoding']).toBeUndefined()
      const received = store.lastCall.body!.toString()
      expect(received.includes('SECRET')).toBe(false)
      expect(JSON.parse(received)).toBeTypeOf('object')
    }
  })

  it.each(Object.keys(CODINGS))(
    'of a response are undone before the client, though none was asked for: %s',
    async (coding) => {
      for (const [body, stored] of [
        [BODY, sealed],
        [longBody, longSealed],
      ] as const) {
        store.script = answerJson(CODINGS[coding as keyof typeof CODINGS](stored), {
          'Content-Encoding': coding,
          Vary: 'Accept-Encoding',
        })
        const answer = await running.request('/jira/issue/1', { headers: { 'Accept-Encoding': 'gzip, br' } })
        expect(answer.status).toBe(200)
        expect(answer.headers['content-encoding']).toBeUndefined()
        expect(answer.text === body).toBe(true)
        expect(store.lastCall.headers['accept-encoding']).toBe('identity')
      }
    },
  )

  it('on a route that passes go through untouched, both ways', async () => {
    const coded = gzipSync('anything at all')
    store.script = answerJson(coded, { 'Content-Encoding': 'gzip' })
    const answer = await running.request('/jira/open/1', {
      method: 'PUT',
      headers: { 'Content-Type': 'text/csv', 'Content-Encoding': 'gzip', 'Accept-Encoding': 'br' },
      body: coded,
    })
    expect(store.lastCall.headers).toMatchObject({
      'content-encoding': 'gzip',
      'accept-encoding': 'br',
      'content-length': String(coded.length),
    })
    expect(store.lastCall.body!.equals(coded)).toBe(true)
    expect(answer.headers['content-encoding']).toBe('gzip')
    expect(answer.body.equals(coded)).toBe(true)
  })
})

describe('media types', () => {
  it.each([
    undefined,
    'application/json',
    'application/json; charset=UTF-8',
    'Application/JSON;charset="utf-8"',
    'text/plain;charset=UTF-8',
    'text/plain',
    'application/vnd.api+json',
  ])('that a JSON document may come under: %s', async (type) => {
    store.script = answerRaw(
      `HTTP/1.1 200 OK\r\n${type === undefined ? '' : `Content-Type: ${type}\r\n`}Content-Length: ${sealed.length}\r\n\r\n${sealed.toString()}`,
    )
    const answer = await running.request('/jira/issue/1', {
      method: 'PUT',
      headers: type === undefined ? {} : { 'Content-Type': type },
      body: BODY,
    })
    expect(store.lastCall.body!.toString()).not.toContain('SECRET')
    expect(store.lastCall.headers['content-type']).toBe(type)
    expect(answer.headers['content-type']).toBe(type)
    expect(answer.text).toBe(BODY)
  })

  it('text that is no JSON is refused on a covered route, both ways', async () => {
    const written = await running.request('/jira/issue/1', {
      method: 'PUT',
      headers: { 'Content-Type': 'text/plain' },
      body: 'SECRET',
    })
    expect(written.status).toBe(400)
    expect(store.calls).toEqual([])
    store.script = (_call, response) => {
      response.writeHead(200, { 'Content-Type': 'text/plain' })
      response.end('just text')
    }
    expect((await running.request('/jira/issue/1')).status).toBe(502)
  })
})

describe('digests', () => {
  it.each(Object.keys(digests('')))(
    'of a request are checked and not passed on, since they are untrue behind the gateway: %s',
    async (name) => {
      for (const body of [BODY, longBody]) {
        const answer = await running.request('/jira/issue/1', {
          method: 'PUT',
          headers: { ...JSON_TYPE, [name]: digests(body)[name]! },
          body,
        })
        expect(answer.status).toBe(200)
        expect(store.lastCall.headers[name.toLowerCase()]).toBeUndefined()
      }
      const coded = gzipSync(BODY)
      const answer = await running.request('/jira/issue/1', {
        method: 'PUT',
        headers: { ...JSON_TYPE, 'Content-Encoding': 'gzip', [name]: digests(coded)[name]! },
        body: coded,
      })
      expect(answer.status).toBe(200)
    },
  )

  it('of a response are taken out where the body is opened, and stay where it passes', async () => {
    store.script = answerJson(sealed, { ...digests(sealed), 'Accept-Ranges': 'bytes', ETag: '"tag-1"' })
    const covered = await running.request('/jira/issue/1')
    for (const name of [...Object.keys(digests('')), 'accept-ranges'])
      expect(covered.headers[name.toLowerCase()]).toBeUndefined()
    expect(covered.headers.etag).toBe('"tag-1"')
    const passed = await running.request('/jira/open/1')
    for (const name of [...Object.keys(digests('')), 'accept-ranges'])
      expect(passed.headers[name.toLowerCase()]).toBeDefined()
    await running.request('/jira/open/1', { method: 'PUT', headers: digests('x'), body: 'x' })
    expect(store.lastCall.headers['content-md5']).toBe(digests('x')['Content-MD5'])
  })
})

describe('methods and statuses without a body', () => {
  it('HEAD tells no length of ciphertext, and on a route that passes the length there is', async () => {
    store.script = answerJson(sealed, { ETag: '"e"', 'Content-Length': String(sealed.length) })
    const covered = await running.request('/jira/issue/1', { method: 'HEAD' })
    expect(covered.status).toBe(200)
    expect(covered.headers['content-length']).toBeUndefined()
    expect(covered.headers.etag).toBe('"e"')
    const passed = await running.request('/jira/open/1', { method: 'HEAD' })
    expect(passed.headers['content-length']).toBe(String(sealed.length))
  })

  it('304 and 204 pass as they are, and conditions reach the store', async () => {
    store.script = (call, response) => {
      response.writeHead(call.headers['if-none-match'] === '"e"' ? 304 : 204, { ETag: '"e"' }).end()
    }
    const unchanged = await running.request('/jira/issue/1', {
      headers: { 'If-None-Match': '"e"', Range: 'bytes=0-1', 'If-Range': '"e"' },
    })
    expect(unchanged.status).toBe(304)
    expect(unchanged.headers.etag).toBe('"e"')
    expect(store.lastCall.headers.range).toBeUndefined()
    expect(store.lastCall.headers['if-range']).toBeUndefined()
    const deleted = await running.request('/jira/issue/1', {
      method: 'DELETE',
      headers: { 'If-Match': '"e"' },
    })
    expect(deleted.status).toBe(204)
    expect(deleted.headers['content-length']).toBeUndefined()
    expect(store.lastCall.headers['if-match']).toBe('"e"')
  })

  it('a write without a body stays one', async () => {
    store.script = answerJson('{}')
    const answer = await running.request('/jira/issue/1', { method: 'PUT' })
    expect(answer.status).toBe(200)
    expect(store.lastCall.body!.length).toBe(0)
  })

  it('a range passes where the body passes', async () => {
    store.script = (_call, response) => {
      response.writeHead(206, { 'Content-Range': 'bytes 0-1/10', 'Content-Type': 'text/csv' }).end('ab')
    }
    const answer = await running.request('/jira/open/1', { headers: { Range: 'bytes=0-1' } })
    expect(answer.status).toBe(206)
    expect(answer.text).toBe('ab')
    expect(store.lastCall.headers.range).toBe('bytes=0-1')
  })
})

describe('headers on the way', () => {
  it('to the store: end-to-end ones as they came, the app’s own Authorization with them, nothing of ours', async () => {
    await running.request('/jira/issue/1', {
      headers: {
        Authorization: 'Basic dXNlcjpwYXNz',
        Cookie: 'a=b',
        'X-Custom': ['one', 'two'],
        Connection: 'keep-alive, X-Hop',
        'X-Hop': 'gone',
        'Portcullis-Anything': 'gone',
        TE: 'trailers',
        Via: '1.0 before',
      },
    })
    const { headers, rawHeaders } = store.lastCall
    expect(headers).toMatchObject({
      authorization: 'Basic dXNlcjpwYXNz',
      cookie: 'a=b',
      'x-custom': 'one, two',
    })
    expect(headers['x-hop']).toBeUndefined()
    expect(headers.te).toBeUndefined()
    expect(rawHeaders.filter((name) => /^portcullis/i.test(name))).toEqual([])
    expect(headers.via).toBe('1.0 before, 1.1 portcullis')
    expect(headers.host).toBe(new URL(store.url).host)
    expect(store.lastCall.url).toBe('/base/path/issue/1')
  })

  it('to the client: hop-by-hop ones out, cookies apart, Location and Content-Location through the mount', async () => {
    store.script = (_call, response) => {
      response.writeHead(
        201,
        [
          ['Location', `${store.url}/base/path/issue/7?x=1`],
          ['Content-Location', '/base/path/issue/7'],
          ['Set-Cookie', 'a=1'],
          ['Set-Cookie', 'b=2'],
          ['Connection', 'keep-alive, X-Hop'],
          ['X-Hop', 'gone'],
          ['Proxy-Authenticate', 'gone'],
          ['Content-Type', 'application/json'],
        ].flat(),
      )
      response.end('{}')
    }
    const answer = await running.request('/jira/issue', { method: 'POST', headers: JSON_TYPE, body: '{}' })
    expect(answer.status).toBe(201)
    expect(answer.headers.location).toBe('/jira/issue/7?x=1')
    expect(answer.headers['content-location']).toBe('/jira/issue/7')
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2'])
    expect(answer.headers['x-hop']).toBeUndefined()
    expect(answer.headers['proxy-authenticate']).toBeUndefined()
    store.script = (_call, response) =>
      void response.writeHead(302, { Location: 'https://elsewhere.example/x' }).end()
    expect((await running.request('/jira/open/1')).headers.location).toBe('https://elsewhere.example/x')
  })

  it('queries reach the store as they were written', async () => {
    await running.request('/jira/issue?jql=a%20%3D%20%22b%22&x=%E2%82%AC&&y=1+2&expand=')
    expect(store.lastCall.url).toBe('/base/path/issue?jql=a%20%3D%20%22b%22&x=%E2%82%AC&&y=1+2&expand=')
  })
})

describe('framing', () => {
  it('chunked and fixed length, whole and streamed, covered and passed, arrive complete', async () => {
    for (const path of ['/jira/issue/1', '/jira/open/1']) {
      for (const body of [BODY, longBody]) {
        for (const chunked of [false, true]) {
          const answer = await running.request(path, {
            method: 'PUT',
            headers: JSON_TYPE,
            body: chunked ? Readable.from([body.slice(0, 10), body.slice(10)]) : body,
          })
          expect(answer.status).toBe(200)
          const received = store.lastCall.body!.toString()
          expect(received === body).toBe(path === '/jira/open/1')
          expect(received.includes('SECRET')).toBe(path === '/jira/open/1')
        }
      }
    }
  })

  it('trailers of a store come through behind a body that passes, and digests among them not behind one that is opened', async () => {
    const withTrailers = (body: Buffer | string) => {
      store.script = (_call, response) => {
        response.writeHead(200, { 'Content-Type': 'application/json', Trailer: 'X-Sum, Content-Digest' })
        response.addTrailers({ 'X-Sum': 'abc', 'Content-Digest': 'sha-256=:AAAA:' })
        response.end(body)
      }
    }
    withTrailers('short')
    const short = await running.request('/jira/open/1', { headers: { TE: 'trailers' } })
    expect(short.text).toBe('short')
    expect(short.trailers).toEqual({ 'x-sum': 'abc', 'content-digest': 'sha-256=:AAAA:' })
    withTrailers('x'.repeat(3 * MEBIBYTE))
    expect((await running.request('/jira/open/1')).trailers).toEqual({
      'x-sum': 'abc',
      'content-digest': 'sha-256=:AAAA:',
    })
    withTrailers(longSealed)
    const opened = await running.request('/jira/issue/2')
    expect(opened.text === longBody).toBe(true)
    expect(opened.trailers).toEqual({ 'x-sum': 'abc' })
  })

  it('trailers of a client are read and left behind', async () => {
    const answer = await new Promise<number>((resolve, reject) => {
      const request = httpRequest(
        `${running.url}/jira/issue/1`,
        {
          method: 'PUT',
          headers: { ...credentials('acme'), ...JSON_TYPE, Trailer: 'X-Sum', 'Transfer-Encoding': 'chunked' },
        },
        (response) => {
          response.resume()
          response.on('end', () => resolve(response.statusCode!))
        },
      )
      request.on('error', reject)
      request.addTrailers({ 'X-Sum': 'abc' })
      request.end(BODY)
    })
    expect(answer).toBe(200)
    expect(store.lastCall.headers.trailer).toBeUndefined()
  })

  it('a client that asks first is told to go on, once', async () => {
    for (const framing of [`Content-Length: ${BODY.length}\r\n`, 'Transfer-Encoding: chunked\r\n']) {
      const connection = new RawConnection(running.url)
      connection.send(
        `${head('PUT', '/jira/issue/1', `Content-Type: application/json\r\nExpect: 100-continue\r\nConnection: close\r\n${framing}`)}\r\n`,
      )
      await connection.until('HTTP/1.1 100 Continue\r\n\r\n')
      expect(store.calls).toEqual([])
      connection.send(framing.startsWith('C') ? BODY : `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`)
      const answer = await connection.closed()
      expect(answer).toContain('HTTP/1.1 200 ')
      expect(answer.split('100 Continue')).toHaveLength(2)
      expect(store.lastCall.headers.expect).toBeUndefined()
      store.calls.length = 0
    }
  })

  it('another expectation is ignored and does not reach the store', async () => {
    const fields = `Content-Type: application/json\r\nExpect: the-impossible\r\nConnection: close\r\nContent-Length: ${BODY.length}\r\n`
    const answer = await rawExchange(running.url, `${head('PUT', '/jira/issue/1', fields)}\r\n${BODY}`)
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
    expect(store.lastCall.headers.expect).toBeUndefined()
  })

  it('pipelined requests are answered in their order', async () => {
    store.script = async (call, response) => {
      const number = /\d+/.exec(call.url)![0]
      // later ones are ready earlier
      await new Promise((resolve) => setTimeout(resolve, 60 - 10 * Number(number)))
      response.writeHead(200, JSON_TYPE).end(`{"id":"number ${number}"}`)
    }
    const connection = new RawConnection(running.url)
    const requests = [1, 2, 3, 4].map((number) => `${head('GET', `/jira/issue/${number}`)}\r\n`)
    connection.send(`${requests.join('')}${head('GET', '/jira/issue/5', 'Connection: close\r\n')}\r\n`)
    const answer = await connection.closed()
    expect(answer.match(/number \d/g)).toEqual([1, 2, 3, 4, 5].map((number) => `number ${number}`))
  })

  it('a kept connection serves many requests, refused ones with unread bodies among them', async () => {
    const connection = new RawConnection(running.url)
    const count = (text: string): number => connection.received.split(text).length - 1
    for (let round = 1; round <= 5; round++) {
      connection.send(`${head('GET', '/jira/issue/1')}\r\n`)
      connection.send(
        `${head('PUT', '/jira/nowhere', `Content-Type: application/json\r\nContent-Length: ${longBody.length}\r\n`)}\r\n${longBody}`,
      )
      while (count('route-not-covered') < round && !connection.socket.destroyed)
        await new Promise((resolve) => setTimeout(resolve, 5))
    }
    connection.send(`${head('GET', '/jira/issue/1', 'Connection: close\r\n')}\r\n`)
    await connection.closed()
    expect(count('HTTP/1.1 200 ')).toBe(6)
    expect(count('HTTP/1.1 403 ')).toBe(5)
    expect(count(BODY)).toBe(6)
  })

  it('HTTP/1.0 is served: no chunks, the end of the body is the end of the connection', async () => {
    const small = await rawExchange(running.url, `${head('GET', '/jira/issue/1', '', '1.0')}\r\n`)
    expect(small).toMatch(/^HTTP\/1\.1 200 /)
    expect(small.endsWith(`\r\n\r\n${BODY}`)).toBe(true)
    store.script = (_call, response) => void response.writeHead(200, JSON_TYPE).end(longSealed)
    const long = await rawExchange(running.url, `${head('GET', '/jira/issue/1', '', '1.0')}\r\n`)
    expect(long.toLowerCase()).not.toContain('transfer-encoding')
    expect(long.endsWith(longBody)).toBe(true)
    expect(
      (await rawExchange(running.url, `GET /jira/issue/1 HTTP/1.0\r\n\r\n`)).startsWith('HTTP/1.1 401 '),
    ).toBe(true)
  })

  it('a HTTP/1.0 download that is broken off does not look like one that ended', async () => {
    store.script = (_call, response) => {
      response.writeHead(200, JSON_TYPE)
      response.write(longSealed.subarray(0, 2 * MEBIBYTE))
      setTimeout(() => response.destroy(), 50)
    }
    const connection = new RawConnection(running.url)
    const failed = new Promise<Error>((resolve) => connection.socket.once('error', resolve))
    connection.send(`${head('GET', '/jira/issue/1', '', '1.0')}\r\n`)
    expect((await failed).message).toContain('ECONNRESET')
  })

  it('interim answers of a store are kept back', async () => {
    store.script = answerRaw(
      `HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${sealed.length}\r\n\r\n${sealed.toString()}`,
    )
    expect((await running.request('/jira/issue/1')).text).toBe(BODY)
  })

  it('an offer to switch to HTTP/2 is ignored', async () => {
    const answer = await rawExchange(
      running.url,
      `${head('GET', '/jira/issue/1', 'Connection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n')}\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
    expect(answer).toContain(BODY)
    expect(store.lastCall.headers.upgrade).toBeUndefined()
    expect(store.lastCall.headers['http2-settings']).toBeUndefined()
  })
})
