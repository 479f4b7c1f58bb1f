import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { formData, signedForm } from '../../support/post-form.ts'
import { ACCESS_KEYS, BUCKET, ProxyHarness, REGION } from './proxy-harness.ts'

describe('a browser of another origin', () => {
  const harness = new ProxyHarness()
  const asked: IncomingMessage[] = []
  const store = createServer((request, response) => {
    asked.push(request)
    request.resume()
    response.writeHead(200, {
      'access-control-allow-origin': 'https://app.example',
      'x-amz-meta-a': 'b',
      vary: 'Origin',
    })
    response.end()
  })

  beforeAll(async () => {
    await new Promise<void>((resolve) => {
      store.listen(0, '127.0.0.1', resolve)
    })
    const stop = async (): Promise<void> => {
      store.closeAllConnections()
      await new Promise((resolve) => {
        store.close(resolve)
      })
    }
    const { port } = store.address() as AddressInfo
    await harness.start({ endpoint: `http://127.0.0.1:${port}`, stop })
  })
  afterAll(() => harness.stop())
  beforeEach(() => asked.splice(0))

  const ask = (path: string, headers: Record<string, string>): Promise<Response> =>
    fetch(harness.url + path, { method: 'OPTIONS', headers })
  const HEADERS = {
    'access-control-request-method': 'PUT',
    'access-control-request-headers': 'content-type',
    'x-amz-meta-secret': 'stays',
    authorization: 'stays',
  }

  it('has its preflight answered by the rules of the store, of which only these headers come back', async () => {
    const query = '?X-Amz-Credential=of-the-client&X-Amz-Signature=of-the-client'
    const answer = await ask(`/${BUCKET}/a%20key${query}`, { ...HEADERS, origin: 'https://app.example' })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.example')
    expect(answer.headers.get('x-amz-meta-a')).toBeNull()
    expect(asked[0]!.url).toBe(`/${BUCKET}/a%20key`)
    expect(asked[0]!.headers).toMatchObject({
      origin: 'https://app.example',
      'access-control-request-method': 'PUT',
      'access-control-request-headers': 'content-type',
    })
    expect(asked[0]!.headers).not.toHaveProperty('x-amz-meta-secret')
    expect(asked[0]!.headers.authorization).toContain('AKIASTORE')
  })

  it('whose preflight does not say what it is about does not reach the store', async () => {
    const answer = await ask(`/${BUCKET}/key`, HEADERS)
    expect(answer.status).toBe(400)
    expect(await answer.text()).toContain('<Code>BadRequest</Code>')
    expect(asked).toEqual([])
  })

  it('may read the answer to a form by the rules of the store for POST', async () => {
    const entries = [['key', 'posted']] as const
    const conditions = [{ key: 'posted' }]
    const fields = signedForm({ credential: ACCESS_KEYS.acme, region: REGION, conditions })
    const answer = await fetch(`${harness.url}/${BUCKET}`, {
      method: 'POST',
      headers: { origin: 'https://app.example' },
      body: formData([...entries, ...fields], Buffer.from('x')),
    })
    expect(answer.status).toBe(204)
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.example')
    expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
      `PUT /${BUCKET}/posted`,
      `OPTIONS /${BUCKET}/posted`,
    ])
    expect(asked[1]!.headers).toMatchObject({
      origin: 'https://app.example',
      'access-control-request-method': 'POST',
    })
  })
})
