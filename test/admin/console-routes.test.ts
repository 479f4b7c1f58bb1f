import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadAssets } from '../../src/admin/console/assets.ts'
import { consoleRoutes } from '../../src/admin/console/console-routes.ts'
import { AdminListener } from '../../src/admin/listener.ts'

let listener: AdminListener
let base: string

beforeAll(async () => {
  listener = new AdminListener({
    host: '127.0.0.1',
    port: 0,
    tokens: [],
    metricsOpen: false,
    readiness: () => ({ ready: true, reasons: [] }),
    metrics: async () => ({ contentType: 'text/plain', body: '' }),
    plugins: [consoleRoutes()],
  })
  base = await listener.listen()
})

afterAll(async () => {
  await listener.close()
})

/** A request whose path is sent as it is; fetch would normalise it. */
async function rawStatus(path: string): Promise<number | undefined> {
  const { hostname, port } = new URL(base)
  return new Promise((resolve, reject) => {
    request({ hostname, port, path }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })
}

describe('the page', () => {
  test('is served without a token', async () => {
    const response = await fetch(`${base}/console`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(await response.text()).toContain('<div id="console"></div>')
  })

  test('allows nothing inline, nothing foreign, and no script made from strings', async () => {
    const policy = (await fetch(`${base}/console`)).headers.get('content-security-policy')!
    const directives = new Map(
      policy.split('; ').map((text) => [text.split(' ', 1)[0]!, text.split(' ').slice(1).join(' ')]),
    )
    expect(Object.fromEntries(directives)).toEqual({
      'default-src': "'none'",
      'script-src': "'self'",
      'style-src': "'self'",
      'connect-src': "'self'",
      'img-src': "'self' data:",
      'base-uri': "'none'",
      'form-action': "'none'",
      'frame-ancestors': "'none'",
      'require-trusted-types-for': "'script'",
      'trusted-types': "'none'",
    })
  })

  test('has no inline script, style or handler', async () => {
    const page = await (await fetch(`${base}/console`)).text()
    expect(page).not.toMatch(/<style|\sstyle=|\son\w+=|javascript:/i)
    for (const [, content] of page.matchAll(/<script[^>]*>([^]*?)<\/script>/g)) expect(content).toBe('')
  })

  test('keeps the security headers of the admin plane', async () => {
    for (const path of ['/console', '/console/assets/main.js']) {
      const { headers } = await fetch(`${base}${path}`)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
    }
  })

  test('sends nothing of the page policy with other routes', async () => {
    const { headers } = await fetch(`${base}/healthz`)
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none';/)
    expect(headers.get('content-security-policy')).not.toContain('script-src')
  })

  test('sets no cookie', async () => {
    for (const path of ['/console', '/console/assets/main.js']) {
      expect((await fetch(`${base}${path}`)).headers.get('set-cookie')).toBeNull()
    }
  })

  test('redirects a last slash to where its relative addresses hold', async () => {
    const response = await fetch(`${base}/console/`, { redirect: 'manual' })
    expect(response.status).toBe(308)
    expect(new URL(response.headers.get('location')!, `${base}/console/`).pathname).toBe('/console')
  })

  test('names every module and style sheet with an integrity that its bytes have', async () => {
    const page = await (await fetch(`${base}/console`)).text()
    const named = [...page.matchAll(/(?:href|src)="(console\/assets\/[^"]+)" integrity="([^"]+)"/g)]
    const expected = loadAssets().filter(({ path }) => !path.endsWith('.svg'))
    expect(new Set(named.map(([, path]) => path))).toEqual(
      new Set(expected.map(({ path }) => `console/assets/${path}`)),
    )
    for (const [, path, integrity] of named) {
      const bytes = Buffer.from(await (await fetch(`${base}/${path}`)).arrayBuffer())
      expect(`sha384-${createHash('sha384').update(bytes).digest('base64')}`).toBe(integrity)
    }
  })
})

describe('a file of the console', () => {
  test.each([
    ['main.js', 'text/javascript; charset=utf-8'],
    ['styles/2-page.css', 'text/css; charset=utf-8'],
    ['icon.svg', 'image/svg+xml'],
    ['packages/preact.js', 'text/javascript; charset=utf-8'],
  ])('%s has its media type', async (path, contentType) => {
    const response = await fetch(`${base}/console/assets/${path}`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe(contentType)
  })

  test('is asked for again each time, and not sent again when it is the same', async () => {
    const first = await fetch(`${base}/console/assets/main.js`)
    const etag = first.headers.get('etag')!
    expect(first.headers.get('cache-control')).toBe('no-cache')
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const second = await fetch(`${base}/console/assets/main.js`, { headers: { 'If-None-Match': tag } })
      expect(second.status).toBe(304)
      expect(second.headers.get('etag')).toBe(etag)
      expect(await second.text()).toBe('')
    }
    const third = await fetch(`${base}/console/assets/main.js`, { headers: { 'If-None-Match': '"other"' } })
    expect(third.status).toBe(200)
  })

  test('answers HEAD with the headers of GET', async () => {
    for (const path of ['/console', '/console/assets/main.js']) {
      const get = await fetch(`${base}${path}`)
      const head = await fetch(`${base}${path}`, { method: 'HEAD' })
      expect(head.status).toBe(200)
      for (const name of ['etag', 'content-type', 'content-length', 'content-security-policy']) {
        expect(head.headers.get(name)).toBe(get.headers.get(name))
      }
      expect(await head.text()).toBe('')
    }
  })

  test.each([
    '/console/assets/missing.js',
    '/console/assets/',
    '/console/assets/tsconfig.json',
    '/console/assets/shapes.d.ts',
    '/console/assets/../console-routes.ts',
    '/console/assets/%2e%2e/console-routes.ts',
    '/console/assets/..%2fconsole-routes.ts',
    '/console/assets/....//console-routes.ts',
    '/console/assets//etc/passwd',
    '/console/assets/main.js%00.css',
    '/console/assets/..\\console-routes.ts',
  ])('%s is not one', async (path) => {
    expect(await rawStatus(path)).toBe(404)
  })

  test('cannot be changed', async () => {
    const response = await fetch(`${base}/console/assets/main.js`, { method: 'POST' })
    expect(response.status).toBe(405)
  })
})

describe('the modules', () => {
  test('import only what is served', () => {
    const assets = loadAssets().filter(({ path }) => path.endsWith('.js'))
    const served = new Set(assets.map(({ path }) => path))
    for (const { path, body } of assets) {
      const imports = [
        ...body.toString().matchAll(/\b(?:import|export)\b[^'"()]*?\bfrom\s*['"]([^'"]+)['"]/g),
      ].map(([, target]) => target!)
      for (const target of imports) {
        expect(target).toMatch(/^\.{1,2}\//)
        expect(served).toContain(new URL(target, `file:///${path}`).pathname.slice(1))
      }
    }
  })

  test('contain nothing that makes script or markup from text, and no foreign address', () => {
    const folder = new URL('../../src/admin/console/assets/', import.meta.url)
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.js')) continue
      const source = readFileSync(new URL(name, folder), 'utf8')
      expect(source).not.toMatch(
        /innerHTML|dangerously|insertAdjacent|document\.write|\beval\(|new Function/i,
      )
      expect(source).not.toMatch(/localStorage\.\w|document\.cookie/)
      expect(source).not.toMatch(/https?:\/\//)
    }
  })
})
