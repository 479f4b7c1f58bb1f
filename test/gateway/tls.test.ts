import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type DocumentStore, startDocumentStore } from '../../src/local/document-store/document-store.ts'
import { LOCALHOST_CERT, LOCALHOST_KEY } from '../config/support/tls.ts'
import {
  CLIENTS_CA,
  IMPOSTOR_CERT,
  IMPOSTOR_KEY,
  STRANGER_CERT,
  STRANGER_KEY,
  TRACKER_CERT,
  TRACKER_KEY,
} from '../support/certificates.ts'
import { tightenBound } from '../support/dev-stack.ts'
import { credentials, GatewayWorld, type RunningGateway } from '../support/gateway-world.ts'
import { type Answer, send, type Sending } from '../support/http-client.ts'

/** The name in `Host` selects a tenant and is in no certificate of these tests. */
const TRUSTING = { ca: LOCALHOST_CERT, checkServerIdentity: () => undefined }
const ISSUE = '{"id":"1","fields":{"summary":"over TLS"}}'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let world: GatewayWorld
let running: RunningGateway
let store: DocumentStore

beforeAll(async () => {
  world = await GatewayWorld.start()
  store = await startDocumentStore({
    directory: join(world.directory, 'documents'),
    collections: ['issue', 'comment'],
    port: 0,
  })
  world.file('gateway.crt', LOCALHOST_CERT)
  world.file('gateway.key', LOCALHOST_KEY)
  world.file('clients.crt', CLIENTS_CA)
  running = await world.gateway((configuration) => {
    tightenBound(configuration, 3_000)
    configuration['listener'].tls = {
      certFile: 'gateway.crt',
      keyFile: 'gateway.key',
      clientCaFile: 'clients.crt',
    }
    configuration['admin'].tls = { certFile: 'gateway.crt', keyFile: 'gateway.key' }
    configuration['clientCertificates'] = [
      { name: 'tracker', subjectAltName: 'URI:spiffe://vendor.example/tracker', sites: ['acme'] },
    ]
    configuration['stores'] = [
      { name: 'jira', mount: '/jira', upstream: store.url, apps: ['jira'], coverage: 'jira' },
    ]
  })
  await running.warm('/jira/comment/warm', '{}')
})
afterAll(async () => {
  await world.stop()
  await store.stop()
})

async function request(path: string, sending: Sending = {}): Promise<Answer> {
  return await send(running.url + path, {
    ...sending,
    tls: { ...TRUSTING, ...sending.tls },
  })
}

const tracker = { cert: TRACKER_CERT, key: TRACKER_KEY }

describe('a gateway that listens with TLS', () => {
  it('serves tokens as without', async () => {
    expect(running.url).toMatch(/^https:/)
    const headers = { ...credentials('acme'), 'Content-Type': 'application/json' }
    expect((await request('/jira/issue/1', { method: 'PUT', headers, body: ISSUE })).status).toBe(201)
    expect((await request('/jira/issue/1', { headers: credentials('acme') })).text).toBe(ISSUE)
    await expect(fetch(`${running.url}/jira/issue/1`)).rejects.toThrow()
  })

  it('takes a registered client certificate for its sites, by header and by host name', async () => {
    const byHeader = await request('/jira/issue/1', {
      tls: tracker,
      headers: { 'Portcullis-Tenant': 'acme' },
    })
    expect(byHeader.text).toBe(ISSUE)
    const byHost = await request('/jira/issue/1', { tls: tracker, headers: { Host: 'acme.gateway.example' } })
    expect(byHost.text).toBe(ISSUE)
    const foreign = await request('/jira/issue/1', {
      tls: tracker,
      headers: { 'Portcullis-Tenant': 'umbrella' },
    })
    expect(foreign.status).toBe(403)
    expect((await request('/jira/issue/1', { tls: tracker })).status).toBe(400)
  })

  it('lets a token decide where there is one, and a certificate never vouch for a wrong token', async () => {
    const headers = { 'Portcullis-Tenant': 'acme', 'Portcullis-Authorization': 'Bearer wrong' }
    expect((await request('/jira/issue/1', { tls: tracker, headers })).status).toBe(403)
    expect((await request('/jira/issue/1', { tls: tracker, headers: credentials('acme') })).status).toBe(200)
  })

  it('refuses a certificate that is not registered, and takes one of another authority for none', async () => {
    const headers = { 'Portcullis-Tenant': 'acme' }
    const stranger = await request('/jira/issue/1', {
      headers,
      tls: { cert: STRANGER_CERT, key: STRANGER_KEY },
    })
    expect(stranger.status).toBe(403)
    const impostor = await request('/jira/issue/1', {
      headers,
      tls: { cert: IMPOSTOR_CERT, key: IMPOSTOR_KEY },
    })
    expect(impostor.status).toBe(401)
    expect((await request('/jira/issue/1', { headers })).status).toBe(401)
  })

  it('cuts what runs when access is withdrawn, so that nobody takes it for complete', async () => {
    const words = 'covered words '.repeat(30_000)
    const headers = { ...credentials('acme'), 'Content-Type': 'application/json' }
    for (let index = 0; index < 30; index++) {
      const body = JSON.stringify({ id: String(index), body: words })
      await request(`/jira/comment/${index}`, { method: 'PUT', headers, body })
    }
    let received = 0
    let resume = (): void => {}
    let begun = (): void => {}
    const started = new Promise<void>((resolve) => (begun = resolve))
    const download = request('/jira/comment?limit=30', {
      headers: credentials('acme'),
      onData: (chunk, response) => {
        received += chunk.length
        if (received > chunk.length) return
        response.pause()
        resume = () => void response.resume()
        begun()
      },
    })
    const cut = download.then(
      () => 'complete',
      () => 'cut',
    )
    async function* slowly(): AsyncGenerator<string> {
      yield '{"id":"1","body":"'
      for (;;) {
        yield 'x'.repeat(1_000)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
    const body = Readable.from(slowly())
    const upload = request('/jira/comment/upload', { method: 'PUT', headers, body })
    await started
    await world.acme.disableKey()
    expect((await upload).status).toBe(423)
    body.destroy()
    resume()
    expect(await cut).toBe('cut')
    expect(received).toBeLessThan(30 * words.length)
    expect((await send(`${store.url}/comment/upload`)).status).toBe(404)
    expect((await request('/jira/issue/1', { headers: credentials('acme') })).status).toBe(423)
  })
})
