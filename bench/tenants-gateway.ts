import { AccessControl } from '../src/access/access-control.ts'
import { KeyServiceProver } from '../src/access/prover.ts'
import { recordExchange } from '../src/composition/exchange-record.ts'
import { mountStores } from '../src/composition/stores.ts'
import { loadConfiguration } from '../src/config/load.ts'
import { SecureMemory } from '../src/crypto/secure-memory.ts'
import { DataPlane } from '../src/data-plane.ts'
import { systemClock } from '../src/keyring/clock.ts'
import { Keyring } from '../src/keyring/keyring.ts'
import { ByteBudget } from '../src/listener/byte-budget.ts'
import { Listener } from '../src/listener/listener.ts'
import { createLogger } from '../src/observability/logger.ts'
import { Metrics } from '../src/observability/metrics.ts'
import { DocumentProtocol } from '../src/protocol/document/document-protocol.ts'
import { EnvelopeCodec } from '../src/protocol/json/field-codec.ts'
import { Registry } from '../src/registry/registry.ts'
import { SqliteDatabase } from '../src/registry/sqlite/sqlite-database.ts'
import { Directory } from '../src/tenant/directory.ts'
import { DirectoryHolder } from '../src/tenant/directory-holder.ts'
import { readableApps } from '../src/tenant/resolve.ts'
import { benchIssue } from '../test/fixtures/bench-issue.ts'
import { LocalWrapping } from './support/local-wrapping.ts'
import { siteOf } from './support/tenant-site.ts'

/** Memory of a gateway whose tenants are all warm, after garbage collection. */
export interface WarmMemory {
  /** The heap, and what it holds outside of itself, locked memory left out. */
  readonly heapBytes: number
  readonly residentBytes: number
  readonly lockedBytes: number
  readonly keys: number
}

/** What a started gateway of the tenants suite says of itself. */
export interface TenantsGateway {
  readonly url: string
  readonly memory: WarmMemory
}

const WARMING = 16

/** A gateway with so many tenants, put together as the composition root does, but for AWS: that is in this process. */
async function start(tenants: number, configurationFile: string): Promise<TenantsGateway> {
  const settings = loadConfiguration(configurationFile, process.env)
  const { configuration, materials } = settings
  const clock = systemClock()
  const audit = { record: () => undefined }
  const metrics = new Metrics({ process: true })
  const logger = createLogger({ level: 'error' })
  const sites = Array.from({ length: tenants }, (_, tenant) => siteOf(tenant))
  const directory = new DirectoryHolder(
    new Directory({
      organizations: sites.map((site, tenant) => organization(tenant, site)),
      vendorKeys: [],
      tokens: [{ name: 'bench', sha256: materials.tokens[0]!.sha256, sites }],
      clientCertificates: [],
    }),
  )
  const registry = await Registry.load(new SqliteDatabase(':memory:'))
  const memory = new SecureMemory()
  const keyService = new LocalWrapping()
  const keyring = new Keyring({
    keyService,
    store: registry,
    memory,
    audit,
    clock,
    ...configuration.keyCache,
  })
  const access = new AccessControl({
    prover: new KeyServiceProver({
      keyService,
      store: registry,
      keys: keyring,
      firstScope: ({ id }) => ({ tenant: directory.current.appsOf(id)[0]!, dataClass: 'issue' }),
    }),
    keys: keyring,
    suspensions: registry,
    audit,
    clock,
  })
  access.track(directory.current.authorities)
  const { limits } = configuration.listener
  const dataPlane = new DataPlane({
    directory,
    stores: mountStores(settings),
    access,
    documents: new DocumentProtocol(limits, new ByteBudget(limits.bufferBudgetBytes)),
    codecFor: (tenant, store) =>
      new EnvelopeCodec({
        keyring,
        writer: tenant.app,
        readers: readableApps(tenant.site, store.apps),
        store: store.name,
        profile: configuration.crypto.profile,
        observe: metrics,
      }),
  })
  const listener = new Listener({
    ...configuration.listener,
    port: 0,
    tls: undefined,
    handle: (exchange) => dataPlane.handle(exchange),
    upgrade: (request, head, socket, firstBytes) => dataPlane.upgrade(request, head, socket, firstBytes),
    ended: (exchange) => recordExchange(exchange, logger, metrics),
  })
  const url = await listener.listen()
  await warm(url, sites)
  return { url, memory: warmMemory(memory, keyring.size) }
}

function organization(tenant: number, site: string) {
  const accountId = String(100_000_000_000 + tenant)
  const arn = (region: string): string => `arn:aws:kms:${region}:${accountId}:key/mrk-${tenant}`
  return {
    id: `organization-${tenant}`,
    location: 'europe',
    byok: {
      accountId,
      roleArn: `arn:aws:iam::${accountId}:role/portcullis`,
      externalId: `external-${tenant}`,
      keys: { 'eu-central-1': arn('eu-central-1'), 'eu-west-1': arn('eu-west-1') },
    },
    sites: [{ name: site, hosts: [], apps: [{ type: 'jira' as const, byok: true }] }],
  }
}

/** Writes and reads a document of every tenant. */
async function warm(url: string, sites: readonly string[]): Promise<void> {
  const body = new Uint8Array(benchIssue())
  const waiting = sites.entries()
  const warming = Array.from({ length: WARMING }, async () => {
    for (const [tenant, site] of waiting) {
      const headers = {
        'Portcullis-Tenant': site,
        'Portcullis-Authorization': `Bearer ${process.env['PORTCULLIS_DEV_APP_TOKEN']}`,
        'Content-Type': 'application/json',
      }
      const path = `${url}/jira/issue/${sites.length}-${tenant}`
      const written = await fetch(path, { method: 'PUT', headers, body })
      const read = await fetch(path, { headers })
      if (!written.ok || !Buffer.from(await read.arrayBuffer()).equals(body)) {
        throw new Error(`${site} does not give back what it was given`)
      }
    }
  })
  await Promise.all(warming)
}

function warmMemory(memory: SecureMemory, keys: number): WarmMemory {
  if (globalThis.gc === undefined) throw new Error('needs --expose-gc')
  for (let round = 0; round < 4; round += 1) globalThis.gc()
  const { heapUsed, external, rss } = process.memoryUsage()
  const lockedBytes = memory.bytesLocked
  return { heapBytes: heapUsed + external - lockedBytes, residentBytes: rss, lockedBytes, keys }
}

const [tenants, configurationFile] = process.argv.slice(2)
process.stdout.write(`${JSON.stringify(await start(Number(tenants), configurationFile!))}\n`)
