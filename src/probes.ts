import { randomBytes } from 'node:crypto'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Probes } from './config/check.ts'
import { loadCoverage } from './coverage/load-coverage.ts'
import { keyServiceOf } from './composition/key-service.ts'
import { openRegistryEngine } from './composition/registry-engine.ts'
import { systemClock } from './keyring/clock.ts'
import { encryptionContextOf } from './keyring/encryption-context.ts'

/** What `check` tries out, with the gateway's own parts. */
export function configurationProbes(): Probes {
  return {
    coverage: async (store) => void loadCoverage(store.coverage, '/'),
    store: (store, materials) =>
      connectEndpoint(store, materials.storeTls.get(store.name), store.tls?.serverName),
    objectStore: (store, materials) => connectEndpoint(store, materials.objectStores.get(store.name)),
    registry: async (configuration, materials) => {
      const engine = await openRegistryEngine({ configuration, materials }, () => undefined)
      await engine.close()
    },
    key: async (authority, materials, configuration) => {
      const keyService = keyServiceOf(
        { configuration, materials },
        { clock: systemClock(), audit: { record() {} } },
      )
      const context = encryptionContextOf({
        organization: authority.id,
        site: 'check',
        app: 'jira',
        dataClass: 'issue',
        keyId: randomBytes(16).toString('hex'),
      })
      const copies = await keyService.wrap(authority, randomBytes(32), context)
      await keyService.verify(authority, copies, context)
    },
  }
}

interface Endpoint {
  readonly upstream: string
  readonly connectTimeoutMs: number
}

interface EndpointTls {
  readonly ca: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

/** Connects and lets go; rejects with the reason when it does not work. */
async function connectEndpoint(
  endpoint: Endpoint,
  tls: EndpointTls | undefined,
  serverName?: string,
): Promise<void> {
  const url = new URL(endpoint.upstream)
  const secure = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = Number(url.port) || (secure ? 443 : 80)
  await new Promise<void>((resolve, reject) => {
    const socket = secure
      ? connectTls({
          host,
          port,
          ca: tls?.ca,
          cert: tls?.cert,
          key: tls?.key,
          servername: serverName ?? host,
        })
      : connectTcp({ host, port })
    socket.setTimeout(endpoint.connectTimeoutMs, () => socket.destroy(new Error('timed out')))
    socket.once('error', reject)
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      socket.destroy()
      resolve()
    })
  })
}
