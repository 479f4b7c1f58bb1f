import { AccessControl } from '../src/access/access-control.ts'
import { KeyServiceProver } from '../src/access/prover.ts'
import { recordExchange } from '../src/composition/exchange-record.ts'
import { mountStores } from '../src/composition/stores.ts'
import { loadConfiguration } from '../src/config/load.ts'
import { SecureMemory } from '../src/crypto/secure-memory.ts'
import { DataPlane } from '../src/data-plane.ts'
import { systemClock } from '../src/keyring/clock.ts'
import { Keyring } from '../src/keyring/keyring.ts'
import type { WrappedTenantKey } from '../src/keyring/wrapped-key-store.ts'
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
  /** What the wrapped copies of the keys take of the heap and outside of it. */
  readonly wrappedBytes: number
}

/** What a started gateway of the tenants suite says of itself. */
export interface TenantsGateway {
  readonly url: string
  readonly memory: WarmMemory
}

const WARMING = 16

/** A gateway with so many tenants, through which so many documents have gone, put together as the composition root does, but for AWS: that is in this process. */
async function start(tenants: number, documents: number, configurationFile: string): Promise<TenantsGateway> {
  const settings = loadConfiguration(configurationFile, process.env)
  const { configuration, materials } = settings
  const clock = systemClock()
  const audit = { record: () => undefined }
  const metrics = new Metrics({ process: true })
  const logger = createLogger({ level: 'error' })
  const sites = Array.from({ length: tenants }, (_, tenant) => siteOf(tenant))
  const directory = new DirectoryHolder(directoryOf(sites, materials.tokens[0]!.sha256))
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
  await warm(url, sites, documents)
  const rows = directory.current.authorities.flatMap(({ id }) => registry.ofAuthority(id))
  return { url, memory: warmMemory(memory, rows) }
}

function directoryOf(sites: readonly string[], sha256: string): Directory {
  const input = {
    organizations: sites.map((site, tenant) => organization(tenant, site)),
    vendorKeys: [],
    tokens: [{ name: 'bench', sha256, sites }],
    clientCertificates: [],
  }
  // Parsed, since pieced strings take more than those of a file or a database.
  return new Directory(JSON.parse(JSON.stringify(input)) as typeof input)
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

/** Writes and reads documents of all tenants in turn. */
async function warm(url: string, sites: readonly string[], documents: number): Promise<void> {
  const body = new Uint8Array(benchIssue())
  const waiting = Array.from({ length: documents }, (_, index) => index % sites.length).values()
  const warming = Array.from({ length: WARMING }, async () => {
    for (const tenant of waiting) {
      const site = sites[tenant]!
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

function warmMemory(memory: SecureMemory, rows: readonly WrappedTenantKey[]): WarmMemory {
  const bytes = heldBytes()
  const residentBytes = process.memoryUsage.rss()
  const lockedBytes = memory.bytesLocked
  return { heapBytes: bytes - lockedBytes, residentBytes, lockedBytes, wrappedBytes: copiesBytes(rows) }
}

/** What a second set of the wrapped copies takes. */
function copiesBytes(rows: readonly WrappedTenantKey[]): number {
  const before = heldBytes()
  const again = rows.map(({ copies }) =>
    copies.map((copy) => ({ ...copy, ciphertext: Uint8Array.from(copy.ciphertext) })),
  )
  const bytes = heldBytes() - before
  return again.length === rows.length ? bytes : Number.NaN
}

/** The heap, and what it holds outside of itself, after garbage collection. */
function heldBytes(): number {
  if (globalThis.gc === undefined) throw new Error('needs --expose-gc')
  for (let round = 0; round < 4; round += 1) globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const [tenants, documents, configurationFile] = process.argv.slice(2)
const gateway = await start(Number(tenants), Number(documents), configurationFile!)
process.stdout.write(`${JSON.stringify(gateway)}\n`)
