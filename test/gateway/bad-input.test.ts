import { join } from 'node:path'
import { Readable } from 'node:stream'
import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type DocumentStore, startDocumentStore } from '../../src/local/document-store/document-store.ts'
import { credentialLines, credentials, GatewayWorld, type RunningGateway } from '../support/gateway-world.ts'
import { send } from '../support/http-client.ts'
import { RawConnection, rawExchange } from '../support/raw-http.ts'
import { answerJson, ScriptedStore } from '../support/scripted-store.ts'

const MEBIBYTE = 1024 * 1024
const FAST_BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }
const JSON_TYPE = { 'Content-Type': 'application/json' }

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let world: GatewayWorld
let running: RunningGateway
let documents: DocumentStore
let scripted: ScriptedStore

beforeAll(async () => {
  world = await GatewayWorld.start()
  documents = await startDocumentStore({
    directory: join(world.directory, 'documents'),
    collections: ['issue', 'comment'],
    port: 0,
  })
  scripted = await ScriptedStore.start()
  running = await world.gateway((configuration) => {
    configuration['listener'].limits = { bodyBytesMax: '24MiB', idleTimeoutMs: '700ms' }
    configuration['stores'] = [
      { name: 'jira', mount: '/jira', upstream: documents.url, apps: ['jira'], coverage: 'jira' },
      { name: 'seen', mount: '/seen', upstream: scripted.url, apps: ['jira'], coverage: 'jira' },
    ]
  })
  // the tenant is warm from here on
  expect((await running.warm('/jira/issue/1', '{"id":"1","fields":{"summary":"first"}}')).status).toBe(201)
})
beforeEach(() => {
  scripted.calls.length = 0
  scripted.script = answerJson('{}')
})
afterAll(async () => {
  await world.stop()
  await documents.stop()
  await scripted.stop()
})

/** Resolves once a condition holds; fails after a generous deadline. */
async function eventually(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!holds()) {
    if (performance.now() > deadline) throw new Error('it never happened')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const head = (method: string, path: string, lines = ''): string =>
  `${method} ${path} HTTP/1.1\r\nHost: x\r\n${credentialLines('acme')}${lines}`

/** Pads a body beyond what is held whole, so that it is streamed. */
const streamed = (body: string): Readable =>
  Readable.from([Buffer.from(body), Buffer.alloc(2 * MEBIBYTE, ' ')])

describe('a part of a document', () => {
  it('is refused, since the stored text has other positions', async () => {
    const answer = await running.request('/seen/issue/part', {
      method: 'PUT',
      headers: { ...JSON_TYPE, 'Content-Range': 'bytes 0-9/100' },
      body: '{"id":"1"}',
    })
    expect(answer.status).toBe(400)
    expect(answer.json).toMatchObject({ reason: 'request-malformed' })
    expect(scripted.calls).toEqual([])
  })
})

describe('a body that is not well-formed JSON', () => {
  const BODIES: [string, string | Buffer][] = [
    ['nothing but a brace', '{'],
    ['a missing value', '{"fields":{"summary":}}'],
    ['a trailing comma', '{"fields":{"summary":"x",}}'],
    ['two documents', '{"id":"1"}{"id":"2"}'],
    ['text behind the document', '{"id":"1"} garbage'],
    ['a control character in a covered string', '{"fields":{"summary":"a\u0001b"}}'],
    ['a control character in a clear string', '{"self":"a\u0001b"}'],
    ['a broken escape', String.raw`{"fields":{"summary":"\x"}}`],
    ['a number that is none', '{"fields":{"customfield_1":01}}'],
    ['single quotes', "{'id':'1'}"],
    ['NaN', '{"fields":{"customfield_1":NaN}}'],
    ['a comment', '{"id":"1"/* no */}'],
    ['invalid UTF-8 in a covered value', Buffer.from('{"fields":{"summary":"\xff\xfe"}}', 'latin1')],
    ['invalid UTF-8 in a clear value', Buffer.from('{"self":"\xc3("}', 'latin1')],
    ['invalid UTF-8 in a member name', Buffer.from('{"\xe9":1}', 'latin1')],
    ['a surrogate in UTF-8', Buffer.from('{"self":"\xed\xa0\x80"}', 'latin1')],
    ['UTF-16', Buffer.from('{"id":"1"}', 'utf16le')],
    ['a byte order mark', '\ufeff{"id":"1"}'],
    ['depth 10,000 in a covered place', `{"fields":{"summary":${'['.repeat(10_000)}${']'.repeat(10_000)}}}`],
    ['depth 10,000 in a clear place', `{"self":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
    ['depth 10,000 of objects', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`],
    ['nothing but whitespace', '   '],
  ]

  it.each(BODIES)('is answered 400 and never reaches the store: %s', async (_name, body) => {
    for (const method of ['PUT', 'PATCH']) {
      const answer = await running.request('/seen/issue/1', { method, headers: JSON_TYPE, body })
      expect(answer.status).toBe(400)
      expect(answer.headers['content-type']).toBe('application/problem+json')
      expect(answer.json).toMatchObject({ status: 400, reason: 'json-malformed', tenant: 'acme' })
    }
    expect(scripted.calls).toEqual([])
  })

  it.each(BODIES)(
    'is answered 400 when it is streamed, and the store keeps nothing: %s',
    async (name, body) => {
      const path = `/jira/issue/streamed-${name.replaceAll(/\W+/g, '-')}`
      // the fault comes last, so that much has been passed on before it is seen
      const long = Readable.from([Buffer.alloc(3 * MEBIBYTE, ' '), Buffer.from(body)])
      const answer = await running.request(path, { method: 'PUT', headers: JSON_TYPE, body: long })
      expect(answer.status).toBe(400)
      expect(answer.json).toMatchObject({ reason: 'json-malformed' })
      expect((await send(documents.url + path.slice('/jira'.length))).status).toBe(404)
    },
  )

  it('is refused as a patch that is none', async () => {
    const patch = (body: string) =>
      running.request('/seen/issue/1', {
        method: 'PATCH',
        headers: { 'Content-Type': 'application/json-patch+json' },
        body,
      })
    expect((await patch('{"op":"add"}')).status).toBe(400)
    expect((await patch('[{"op":"add","path":"/fields/summary"}]')).status).toBe(400)
    expect((await patch('[{"op":"add","path":"/fields/summary/0","value":1}]')).status).toBe(415)
    expect((await patch('[{"op":"test","path":"/fields/summary","value":"x"}]')).status).toBe(415)
    expect((await patch('[{"op":"copy","from":"/fields/summary","path":"/key"}]')).status).toBe(415)
    expect(scripted.calls).toEqual([])
  })
})

describe('an odd but well-formed document comes back byte for byte', () => {
  it.each([
    ['covered null', '{"fields":{"summary":null}}'],
    ['covered number', '{"fields":{"summary":-0.10e+5}}'],
    ['covered array', '{"fields":{"summary":[1,"2",{"a":null}]}}'],
    ['covered booleans', '{"fields":{"summary":true,"description":false}}'],
    ['covered empty string', '{"fields":{"summary":""}}'],
    ['duplicate covered keys', '{"fields":{"summary":"a","summary":"b"},"fields":{"summary":"c"}}'],
    ['duplicate clear keys', '{"id":"1","id":"2"}'],
    ['a covered key written with escapes', String.raw`{"fields":{"\u0073ummary":"a","summar\u0079":"b"}}`],
    ['text that looks like an envelope', '{"fields":{"summary":"~pc1~AAAA"},"self":"~pc1~AAAA"}'],
    ['text that looks like an envelope of its own', '{"fields":{"summary":"~pc1~"}}'],
    ['a 30-digit number', '{"fields":{"customfield_1":123456789012345678901234567890}}'],
    ['escapes of every kind', String.raw`{"fields":{"summary":"\"\\\/\b\f\n\r\t\u0000\ud83d\ude00\ud800"}}`],
    ['a lone surrogate escape in a name', String.raw`{"fields":{"\ud800":"x"}}`],
    ['an empty name', '{"":1,"fields":{"":"x"}}'],
    ['__proto__', '{"__proto__":{"x":1},"fields":{"__proto__":"x","constructor":"y"}}'],
    ['spaces everywhere', ' {\r\n\t"fields" : { "summary"\n:\n"x" } } \n'],
    ['a string at the top', '"just text"'],
    ['a number at the top', ' 42 '],
    ['an array at the top', '[1,"two",{"three":3}]'],
    ['depth 500', `{"self":${'['.repeat(500)}${']'.repeat(500)}}`],
  ])('%s', async (name, body) => {
    const path = `/jira/issue/odd-${name.replaceAll(/\W+/g, '-')}`
    expect((await running.put(path, body)).status).toBe(201)
    expect((await running.request(path)).text).toBe(body)
    const stored = (await send(documents.url + path.slice('/jira'.length))).text
    if (body.includes('fields')) expect(stored).not.toBe(body)
  })

  it('a covered value of 10 MiB, and one beyond the limit is refused', async () => {
    const body = JSON.stringify({ fields: { summary: 'long '.repeat(2 * MEBIBYTE) } })
    expect((await running.put('/jira/issue/long', body)).status).toBe(201)
    expect((await running.request('/jira/issue/long')).text === body).toBe(true)
    const longer = JSON.stringify({ fields: { summary: 'x'.repeat(20 * MEBIBYTE) } })
    const answer = await running.put('/jira/issue/longer', longer)
    expect(answer.status).toBe(413)
    expect(answer.json).toMatchObject({ reason: 'body-too-large' })
    expect((await send(`${documents.url}/issue/longer`)).status).toBe(404)
  })
})

describe('who asks and for what', () => {
  it('an unknown tenant is 404, a missing credential 401, a wrong one 403', async () => {
    const url = `${running.url}/jira/issue/1`
    const own = credentials('acme')
    const unknown = await send(url, { headers: { ...own, 'Portcullis-Tenant': 'nobody' } })
    expect(unknown.status).toBe(404)
    expect(unknown.json).toMatchObject({ reason: 'tenant-unknown' })
    const missing = await send(url, { headers: { 'Portcullis-Tenant': 'acme' } })
    expect(missing.status).toBe(401)
    expect(missing.headers['www-authenticate']).toMatch(/^Bearer /)
    for (const authorization of [
      'Bearer wrong',
      'Bearer',
      'Basic abc',
      'Bearer a b',
      `${own['Portcullis-Authorization']}x`,
    ]) {
      const wrong = await send(url, { headers: { ...own, 'Portcullis-Authorization': authorization } })
      expect(wrong.status, authorization).toBe(403)
      expect(wrong.json).toMatchObject({ reason: 'credentials-refused' })
    }
    const onlyAuthorization = await send(url, {
      headers: { 'Portcullis-Tenant': 'acme', Authorization: own['Portcullis-Authorization']! },
    })
    expect(onlyAuthorization.status).toBe(401)
  })

  it('a route that no rule covers is 403 and an unknown mount 404; neither reaches a store', async () => {
    for (const [method, path] of [
      ['GET', '/seen/unknown'],
      ['GET', '/seen/rest/api/99/issue/1'],
      ['PUT', '/seen/issue'],
      ['OPTIONS', '/seen/issue/1'],
      ['TRACE', '/seen/issue/1'],
      ['GET', '/seen'],
    ] as const) {
      const answer = await running.request(path, { method })
      expect(answer.status, `${method} ${path}`).toBe(403)
      expect(answer.json).toMatchObject({ reason: 'route-not-covered' })
    }
    for (const path of ['/', '/elsewhere', '/seenx/issue/1', '/Seen/issue/1']) {
      expect((await running.request(path)).status, path).toBe(404)
    }
    expect(scripted.calls).toEqual([])
  })

  it.each([
    '/seen/issue/../comment/1',
    '/seen/issue/%2e%2e/comment/1',
    '/seen//issue/1',
    '/seen/issue/1/',
    '/seen/issue/a%2fb',
    '/seen/issue/a%5cb',
    '/seen/issue/1;a=b',
    '/seen/issue/%252e',
    '/seen/issue/%0d%0aX-Evil:%201',
    '/seen/issue/%zz',
    '/seen/issue/%ff',
    '/seen/issue/1#fragment',
  ])('a path that a store might read differently is 400: %s', async (path) => {
    const answer = await rawExchange(running.url, `${head('GET', path)}Connection: close\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toContain('"reason":"request-malformed"')
    expect(scripted.calls).toEqual([])
  })

  it.each([
    'X-HTTP-Method-Override',
    'X-HTTP-Method',
    'X-Method-Override',
    'X-Original-URL',
    'X-Rewrite-URL',
    'x-original-method',
  ])('a header that would have the store do something else is 400: %s', async (name) => {
    const answer = await running.request('/seen/issue/1', { headers: { [name]: 'DELETE' } })
    expect(answer.status).toBe(400)
    expect(answer.json).toMatchObject({ reason: 'request-malformed' })
    expect(scripted.calls).toEqual([])
  })

  it.each([
    ['a multipart form', 'multipart/form-data; boundary=x'],
    ['XML', 'application/xml'],
    ['a form', 'application/x-www-form-urlencoded'],
    ['JSON in UTF-16', 'application/json; charset=utf-16'],
    ['text in Latin-1', 'text/plain; charset=iso-8859-1'],
    ['a JSON patch where none is taken', 'application/json-patch+json'],
  ])('a body that cannot be encrypted is 415: %s', async (_name, type) => {
    const answer = await running.request('/seen/issue/1', {
      method: 'PUT',
      headers: { 'Content-Type': type },
      body: '{"id":"1"}',
    })
    expect(answer.status).toBe(415)
    expect(answer.json).toMatchObject({ reason: 'media-type-unsupported' })
    expect(scripted.calls).toEqual([])
  })

  it('a body where none is expected is 400', async () => {
    for (const method of ['GET', 'DELETE']) {
      const answer = await rawExchange(
        running.url,
        `${head(method, '/seen/issue/1')}Content-Length: 2\r\nConnection: close\r\n\r\n{}`,
      )
      expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    }
    expect(scripted.calls).toEqual([])
  })
})

describe('framing and headers', () => {
  it.each([
    [
      'Content-Length and Transfer-Encoding',
      'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['two lengths', 'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} '],
    ['a length list', 'Content-Length: 2, 2\r\n\r\n{}'],
    ['a signed length', 'Content-Length: +2\r\n\r\n{}'],
    ['a coding before chunked', 'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['chunked twice', 'Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n'],
    ['a bare line feed in a header', 'X-A: 1\nX-B: 2\r\nContent-Length: 0\r\n\r\n'],
    ['a carriage return in a header', 'X-A: 1\rX-B: 2\r\nContent-Length: 0\r\n\r\n'],
    ['a NUL in a header', 'X-A: 1\u0000\r\nContent-Length: 0\r\n\r\n'],
    ['a space in a header name', 'X A: 1\r\nContent-Length: 0\r\n\r\n'],
    ['a folded header', 'X-A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n'],
  ])('are refused when they could be read in two ways: %s', async (_name, lines) => {
    const request = `${head('PUT', '/seen/issue/1', 'Content-Type: application/json\r\n')}${lines}`
    const smuggled = `GET /seen/issue/smuggled HTTP/1.1\r\nHost: x\r\n${credentialLines('acme')}\r\n`
    const answer = await rawExchange(running.url, request + smuggled)
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer.match(/^HTTP\/1\.1/gm)).toHaveLength(1)
    expect(scripted.calls).toEqual([])
  })

  it('malformed chunks are answered 400 and the store keeps nothing of what came before', async () => {
    const connection = new RawConnection(running.url)
    const start = `{"fields":{"summary":"${'x'.repeat(100_000)}`
    connection.send(
      `${head('PUT', '/jira/issue/chunks', 'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n')}\r\n`,
    )
    connection.send(`${start.length.toString(16)}\r\n${start}\r\nZZZ\r\n`)
    const answer = await connection.closed()
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect((await send(`${documents.url}/issue/chunks`)).status).toBe(404)
  })

  it('garbage behind a request in work does not take the place of its answer', async () => {
    let answerNow = (): void => {}
    scripted.script = async (call, response) => {
      await new Promise<void>((resolve) => (answerNow = resolve))
      await answerJson('{}')(call, response, undefined as never)
    }
    const connection = new RawConnection(running.url)
    connection.send(`${head('GET', '/seen/issue/1')}\r\nTHIS IS NO REQUEST\r\n\r\n`)
    const received = await connection.closed()
    expect(received).toBe('')
    answerNow()
  })

  it('no header of the client can add another one for the store or the log', async () => {
    await running.request('/seen/issue/1', { headers: { 'X-Request-Id': 'evil"}\t{"x' } })
    expect(scripted.lastCall.headers['x-request-id']).toMatch(/^[\w.:-]+$/)
    await running.request('/seen/issue/1', { headers: { 'X-Request-Id': 'my-own.id:1' } })
    expect(scripted.lastCall.headers['x-request-id']).toBe('my-own.id:1')
  })

  it('requests that wait on a connection cost the store nothing until their turn', async () => {
    const before = scripted.calls.length
    scripted.script = () => {}
    const connection = new RawConnection(running.url)
    connection.send(`${head('GET', '/seen/issue/1')}\r\n`.repeat(400))
    await eventually(() => scripted.calls.length === before + 1)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(scripted.calls.length).toBe(before + 1)
    connection.close()
    await eventually(() => scripted.connections < 5)
  })
})

describe('digests', () => {
  const BODY = '{"id":"1","fields":{"summary":"digested"}}'
  const WRONG: [string, Record<string, string>][] = [
    ['Content-MD5', { 'Content-MD5': 'AAAAAAAAAAAAAAAAAAAAAA==' }],
    ['Digest', { Digest: 'SHA-256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=' }],
    ['Content-Digest', { 'Content-Digest': 'sha-512=:AAAA:' }],
    ['Repr-Digest', { 'Repr-Digest': 'sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:' }],
  ]
  it.each(WRONG)('that do not match are 400 and nothing is stored: %s', async (name, headers) => {
    const small = await running.request('/seen/issue/1', {
      method: 'PUT',
      headers: { ...JSON_TYPE, ...headers },
      body: BODY,
    })
    expect(small.status).toBe(400)
    expect(small.json).toMatchObject({ reason: 'integrity-mismatch' })
    expect(scripted.calls).toEqual([])
    const path = `/jira/issue/digest-${name}`
    const long = await running.request(path, {
      method: 'PUT',
      headers: { ...JSON_TYPE, ...headers },
      body: streamed(BODY),
    })
    expect(long.status).toBe(400)
    expect((await send(documents.url + path.slice('/jira'.length))).status).toBe(404)
  })
})

describe('size and pace', () => {
  it('a body beyond the limit is 413: declared, asked for first, in chunks, and decoded', async () => {
    const declared = await rawExchange(
      running.url,
      `${head('PUT', '/seen/issue/1', 'Content-Type: application/json\r\n')}Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n`,
    )
    expect(declared).toMatch(/^HTTP\/1\.1 413 /)
    const chunked = await running.request('/jira/issue/huge', {
      method: 'PUT',
      headers: JSON_TYPE,
      body: Readable.from(
        (function* () {
          for (let piece = 0; piece < 30; piece++) yield Buffer.alloc(MEBIBYTE, ' ')
        })(),
      ),
    })
    expect(chunked.status).toBe(413)
    for (const [coding, body] of [
      ['gzip', gzipSync(Buffer.alloc(30 * MEBIBYTE, ' '))],
      ['br', brotliCompressSync(Buffer.alloc(30 * MEBIBYTE, ' '), FAST_BROTLI)],
    ] as const) {
      const bomb = await running.request('/jira/issue/huge', {
        method: 'PUT',
        headers: { ...JSON_TYPE, 'Content-Encoding': coding },
        body,
      })
      expect(bomb.status, coding).toBe(413)
    }
    expect((await send(`${documents.url}/issue/huge`)).status).toBe(404)
  })

  it('a coding that does not fit or is not known is refused', async () => {
    const coded = (coding: string, body: Buffer | string) =>
      running.request('/jira/issue/coded', {
        method: 'PUT',
        headers: { ...JSON_TYPE, 'Content-Encoding': coding },
        body,
      })
    expect((await coded('gzip', '{"id":"1"}')).status).toBe(400)
    expect((await coded('gzip', gzipSync('{"id":"1"}').subarray(0, 20))).status).toBe(400)
    expect((await coded('br', gzipSync('{"id":"1"}'))).status).toBe(400)
    expect((await coded('compress', '{"id":"1"}')).status).toBe(415)
    expect((await coded('gzip, br', '{"id":"1"}')).status).toBe(415)
    expect((await send(`${documents.url}/issue/coded`)).status).toBe(404)
  })

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ] as const)('bytes behind the end of a %s body are refused, not dropped', async (coding, compress) => {
    const document = '{"id":"1","fields":{"summary":"whole"}}'
    const put = (id: string, body: Buffer) =>
      running.request(`/jira/issue/${id}`, {
        method: 'PUT',
        headers: { ...JSON_TYPE, 'Content-Encoding': coding },
        body,
      })
    expect((await put(`exact-${coding}`, compress(document))).status).toBeLessThan(300)
    const answer = await put(
      `beyond-${coding}`,
      Buffer.concat([compress(document), Buffer.from('{"id":"2"}')]),
    )
    expect(answer.status).toBe(400)
    expect((await send(`${documents.url}/issue/beyond-${coding}`)).status).toBe(404)
  })

  it('a client that leaves mid-body leaves nothing behind, and its store connection is let go', async () => {
    const lines = 'Content-Type: application/json\r\n'
    const half = `{"fields":{"summary":"${'x'.repeat(2_000)}`
    for (const [path, framing] of [
      ['/jira/issue/left-1', 'Content-Length: 100000\r\n\r\n'],
      ['/jira/issue/left-2', 'Content-Length: 9000000\r\n\r\n'],
      ['/jira/issue/left-3', `Transfer-Encoding: chunked\r\n\r\n${half.length.toString(16)}\r\n`],
    ] as const) {
      const connection = new RawConnection(running.url)
      connection.send(head('PUT', path, lines) + framing + half)
      await new Promise((resolve) => setTimeout(resolve, 60))
      connection.socket.resetAndDestroy()
      await new Promise((resolve) => setTimeout(resolve, 60))
      expect((await send(documents.url + path.slice('/jira'.length))).status).toBe(404)
    }
    expect((await running.request('/jira/issue/1')).status).toBe(200)
  })

  it('a body that stops arriving is 408, and nothing is stored', async () => {
    for (const length of [100_000, 9_000_000]) {
      const answer = await rawExchange(
        running.url,
        `${head('PUT', '/jira/issue/stopped', 'Content-Type: application/json\r\n')}Content-Length: ${length}\r\n\r\n{"id":`,
      )
      expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    }
    expect((await send(`${documents.url}/issue/stopped`)).status).toBe(404)
  })

  it('a slow body that keeps arriving is taken, however long it takes in all', async () => {
    async function* slowly(): AsyncGenerator<string> {
      yield '{"id":"1","fields":{"summary":"'
      for (let piece = 0; piece < 10; piece++) {
        yield 'slow '
        await new Promise((resolve) => setTimeout(resolve, 150))
      }
      yield '"}}'
    }
    const answer = await running.request('/jira/issue/slow', {
      method: 'PUT',
      headers: JSON_TYPE,
      body: Readable.from(slowly()),
    })
    expect(answer.status).toBe(201)
    expect((await running.request('/jira/issue/slow')).json.fields.summary).toBe('slow '.repeat(10))
  })

  it('a client that stops reading is cut, and the store with it', async () => {
    scripted.script = answerJson(`"${'x'.repeat(30 * MEBIBYTE)}"`)
    const connection = new RawConnection(running.url)
    connection.socket.pause()
    connection.send(`${head('GET', '/seen/rest/api/3/myself')}\r\n`)
    await eventually(() => scripted.calls.length === 1)
    await eventually(() => scripted.connections === 0)
    connection.socket.resume()
    expect((await connection.closed()).length).toBeLessThan(30 * MEBIBYTE)
  })
})
