import { createHash } from 'node:crypto'
import { request as httpsRequest } from 'node:https'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import type { FastifyPluginAsync } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { AdminListener, type AdminListenerOptions } from '../../src/admin/listener.ts'
import { PortcullisError } from '../../src/errors.ts'
import { LOCALHOST_CERT, LOCALHOST_KEY } from '../config/support/tls.ts'

const TOKEN = 'admin-token-admin-token-admin'
const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

const open: AdminListener[] = []

afterEach(async () => {
  await Promise.all(open.splice(0).map((listener) => listener.close()))
})

async function start(options: Partial<AdminListenerOptions> = {}): Promise<string> {
  const listener = new AdminListener({
    host: '127.0.0.1',
    port: 0,
    tokens: [
      { name: 'prometheus', role: 'auditor', sha256: createHash('sha256').update(TOKEN).digest('hex') },
    ],
    metricsOpen: false,
    readiness: () => ({ ready: true, reasons: [] }),
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'a_total 1\n' }),
    ...options,
  })
  open.push(listener)
  return listener.listen()
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly json: Record<string, unknown>
}

async function ask(
  base: string,
  path: string,
  options: { method?: string; token?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  const authorization = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }
  return new Promise((resolve, reject) => {
    const send = base.startsWith('https:') ? httpsRequest : httpRequest
    const request = send(`${base}${path}`, {
      agent: false,
      ca: LOCALHOST_CERT,
      servername: 'localhost',
      method: options.method ?? 'GET',
      headers: { ...authorization, ...options.headers },
    })
    request.once('error', reject)
    request.once('response', (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        body += chunk
      })
      response.once('end', () => {
        const json =
          /json/.test(response.headers['content-type'] ?? '') && body !== ''
            ? (JSON.parse(body) as Record<string, unknown>)
            : {}
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body, json })
      })
    })
    request.end(options.body)
  })
}

async function raw(base: string, text: string): Promise<string> {
  const { hostname, port } = new URL(base)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(text))
    let answer = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      answer += chunk
    })
    socket.once('close', () => resolve(answer))
    socket.once('error', reject)
  })
}

describe('health', () => {
  it('says that the process is alive to anyone', async () => {
    const answer = await ask(await start(), '/healthz')
    expect(answer).toMatchObject({ status: 200, json: { status: 'alive' }, headers: SECURITY_HEADERS })
  })

  it('says whether the gateway is ready, at every instant', async () => {
    let readiness = { ready: false, reasons: ['starting'] }
    const base = await start({ readiness: () => readiness })
    expect(await ask(base, '/readyz')).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      json: { status: 'not-ready', reasons: ['starting'] },
    })
    readiness = { ready: true, reasons: [] }
    expect(await ask(base, '/readyz')).toMatchObject({ status: 200, json: { status: 'ready' } })
    readiness = { ready: false, reasons: ['draining'] }
    expect(await ask(base, '/readyz')).toMatchObject({ status: 503, json: { reasons: ['draining'] } })
    expect(await ask(base, '/healthz')).toMatchObject({ status: 200 })
  })

  it('answers HEAD', async () => {
    expect(await ask(await start(), '/healthz', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
  })
})

describe('metrics', () => {
  it('are for holders of a token', async () => {
    const base = await start()
    const answer = await ask(base, '/metrics', { token: TOKEN })
    expect(answer).toMatchObject({
      status: 200,
      body: 'a_total 1\n',
      headers: { ...SECURITY_HEADERS, 'content-type': 'text/plain; version=0.0.4' },
    })
  })

  it('are refused with 401 without a token', async () => {
    const answer = await ask(await start(), '/metrics')
    expect(answer).toMatchObject({
      status: 401,
      headers: {
        ...SECURITY_HEADERS,
        'content-type': 'application/problem+json',
        'www-authenticate': 'Bearer realm="portcullis-admin"',
      },
      json: { status: 401, reason: 'credentials-required' },
    })
    expect(answer.body).not.toContain('a_total')
  })

  it.each([
    ['Bearer wrong'],
    [`Basic ${TOKEN}`],
    [TOKEN],
    ['Bearer'],
    [`Bearer ${TOKEN}x`],
    [`Bearer ${TOKEN.slice(0, -1)}`],
    [`Bearer ${'x'.repeat(8_000)}`],
  ])('are refused with 403 for wrong credentials', async (authorization) => {
    const answer = await ask(await start(), '/metrics', { headers: { authorization } })
    expect(answer).toMatchObject({ status: 403, json: { reason: 'credentials-refused' } })
  })

  it('are refused to everyone when there are no tokens', async () => {
    expect(await ask(await start({ tokens: [] }), '/metrics', { token: TOKEN })).toMatchObject({
      status: 403,
    })
  })

  it('are open only when the configuration says so', async () => {
    expect(await ask(await start({ metricsOpen: true }), '/metrics')).toMatchObject({ status: 200 })
  })

  it('are refused on HEAD as on GET', async () => {
    expect(await ask(await start(), '/metrics', { method: 'HEAD' })).toMatchObject({ status: 401 })
  })

  it('fail as a problem that tells nothing, and tell the log', async () => {
    const defects: unknown[] = []
    const failure = new Error('hunter2')
    const metrics = async () => {
      throw failure
    }
    const answer = await ask(await start({ metrics, onDefect: (error) => defects.push(error) }), '/metrics', {
      token: TOKEN,
    })
    expect(answer).toMatchObject({
      status: 500,
      json: { reason: 'internal', requestId: expect.any(String) as string },
    })
    expect(answer.body).not.toContain('hunter2')
    expect(defects).toEqual([failure])
  })
})

describe('what is not there', () => {
  it.each([['/'], ['/admin'], ['/metrics/'], ['/metrics/x'], ['//metrics'], ['/METRICS'], ['/..%2fmetrics']])(
    'is 404 at %s',
    async (path) => {
      const answer = await ask(await start(), path)
      expect(answer).toMatchObject({
        status: 404,
        headers: { ...SECURITY_HEADERS, 'content-type': 'application/problem+json' },
        json: { reason: 'path-unknown' },
      })
    },
  )

  it.each([
    ['POST', '/healthz'],
    ['DELETE', '/readyz'],
    ['PUT', '/metrics'],
    ['OPTIONS', '/metrics'],
  ])('is 405 for %s %s and names what is allowed', async (method, path) => {
    const answer = await ask(await start(), path, { method })
    expect(answer).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD' },
      json: { reason: 'method-not-allowed' },
    })
  })

  it.each([['/%zz'], ['/%ff%fe']])('is 400 for the malformed path %s', async (path) => {
    expect(await ask(await start(), path)).toMatchObject({
      status: 400,
      headers: SECURITY_HEADERS,
      json: { reason: 'request-malformed' },
    })
  })
})

describe('limits', () => {
  it('refuses headers that are too long', async () => {
    const answer = await raw(
      await start(),
      `GET /healthz HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(32_000)}\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 431 /)
    expect(answer).toContain('"reason":"headers-too-large"')
  })

  it('refuses what is no HTTP', async () => {
    const answer = await raw(await start(), 'hello\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toContain('application/problem+json')
  })

  it('refuses both Content-Length and Transfer-Encoding', async () => {
    const answer = await raw(
      await start(),
      'POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    )
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
  })
})

describe('plugins', () => {
  const plugin: FastifyPluginAsync = async (server) => {
    server.get('/admin/v1/things/:thing', async (request) => ({
      administrator: request.administrator,
      parameters: request.params,
    }))
    server.post('/admin/v1/things', async (request) => request.body)
    server.get('/openapi.json', { config: { open: true } }, async () => ({ openapi: '3.1.0' }))
    server.get('/admin/v1/refusal', async () => {
      throw new PortcullisError('tenant-unknown', 'There is no such site.')
    })
  }

  it('bring routes that are closed unless they say otherwise', async () => {
    const base = await start({ plugins: [plugin] })
    expect(await ask(base, '/admin/v1/things/7')).toMatchObject({ status: 401 })
    expect(await ask(base, '/admin/v1/things', { method: 'POST', body: '{}' })).toMatchObject({ status: 401 })
    expect(await ask(base, '/openapi.json')).toMatchObject({ status: 200, json: { openapi: '3.1.0' } })
    expect(await ask(base, '/admin/v1/things/7', { token: TOKEN })).toMatchObject({
      status: 200,
      json: { administrator: { name: 'prometheus', role: 'auditor' }, parameters: { thing: '7' } },
    })
  })

  it('get 404 and 405 right for paths with parameters', async () => {
    const base = await start({ plugins: [plugin] })
    expect(await ask(base, '/admin/v1/things/7', { method: 'DELETE', token: TOKEN })).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD' },
    })
    expect(await ask(base, '/admin/v1/things/7/8', { token: TOKEN })).toMatchObject({ status: 404 })
  })

  it('answer refusals as problems', async () => {
    const answer = await ask(await start({ plugins: [plugin] }), '/admin/v1/refusal', { token: TOKEN })
    expect(answer).toMatchObject({
      status: 404,
      json: { reason: 'tenant-unknown', detail: 'There is no such site.' },
    })
  })

  it.each([
    ['{"a":', 'application/json', 400, 'request-malformed'],
    ['{"__proto__":{"x":1}}', 'application/json', 400, 'request-malformed'],
    ['<a/>', 'application/xml', 415, 'media-type-unsupported'],
    [`"${'x'.repeat(1024 * 1024)}"`, 'application/json', 413, 'body-too-large'],
  ])('are spared the body %.20j', async (body, contentType, status, reason) => {
    const base = await start({ plugins: [plugin] })
    const answer = await ask(base, '/admin/v1/things', {
      method: 'POST',
      token: TOKEN,
      headers: { 'content-type': contentType, 'content-length': String(Buffer.byteLength(body)) },
      body,
    })
    expect(answer).toMatchObject({ status, json: { reason } })
  })
})

describe('TLS', () => {
  it('is spoken when there is a certificate, and asks browsers to stay with it', async () => {
    const base = await start({ tls: { cert: LOCALHOST_CERT, key: LOCALHOST_KEY } })
    expect(base).toMatch(/^https:/)
    const answer = await ask(base, '/metrics', { token: TOKEN })
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'strict-transport-security': 'max-age=31536000' },
    })
  })
})

describe('closing', () => {
  it('lets a running request finish and takes no new ones', async () => {
    let finish: (() => void) | undefined
    const started = Promise.withResolvers<void>()
    const metrics = async () => {
      started.resolve()
      await new Promise<void>((resolve) => {
        finish = resolve
      })
      return { contentType: 'text/plain', body: 'late\n' }
    }
    const base = await start({ metrics, metricsOpen: true })
    const running = ask(base, '/metrics')
    await started.promise
    const closed = open.pop()!.close()
    finish!()
    expect(await running).toMatchObject({ status: 200, body: 'late\n' })
    await closed
    await expect(ask(base, '/healthz')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})
