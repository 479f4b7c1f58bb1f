import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { S3Client } from '@aws-sdk/client-s3'
import type { Lease } from '../../../src/access/lease.ts'
import { SecureMemory } from '../../../src/crypto/secure-memory.ts'
import { PortcullisError } from '../../../src/errors.ts'
import { systemClock } from '../../../src/keyring/clock.ts'
import { Keyring } from '../../../src/keyring/keyring.ts'
import { ByteBudget } from '../../../src/listener/byte-budget.ts'
import { Listener } from '../../../src/listener/listener.ts'
import type { ObjectStore } from '../../../src/local/object-store/object-store.ts'
import { startObjectStore } from '../../../src/local/object-store/object-store.ts'
import type { AccessKey, ObjectMount } from '../../../src/protocol/s3/proxy/object-mount.ts'
import type { ObjectOrigins } from '../../../src/protocol/s3/proxy/object-origins.ts'
import { ObjectProtocol } from '../../../src/protocol/s3/proxy/object-protocol.ts'
import type { S3Credential } from '../../../src/protocol/s3/signing-key.ts'
import { Registry } from '../../../src/registry/registry.ts'
import { SqliteDatabase } from '../../../src/registry/sqlite/sqlite-database.ts'
import type { TenantApp } from '../../../src/tenant/tenant.ts'
import { SocketPool } from '../../../src/upstream/socket-pool.ts'
import type { StoreRequest, StoreResponseHandler, Upstream } from '../../../src/upstream/upstream.ts'
import { MemoryKeyService } from '../../keyring/memory-key-service.ts'

export const REGION = 'eu-central-1'
export const BUCKET = 'attachments'
/** Where the same request is tried: through the gateway, and at its store. */
export const PLACES = ['the gateway', 'the embedded store'] as const
/** What the gateway signs with towards the store. */
export const STORE_CREDENTIAL = { accessKeyId: 'AKIASTORE', secretAccessKey: 'store-secret' }

function tenantOf(organization: string): TenantApp {
  return {
    organization,
    site: organization,
    app: 'jira',
    authority: {
      id: organization,
      kind: 'byok',
      location: 'europe',
      accountId: '111122223333',
      roleArn: 'arn:aws:iam::111122223333:role/gateway',
      externalId: 'external',
      keys: [{ region: REGION, keyArn: `arn:aws:kms:${REGION}:111122223333:key/${organization}` }],
    },
  }
}

const acme = tenantOf('acme')
const other = tenantOf('other')

function accessKey(accessKeyId: string, writer: TenantApp, readers: TenantApp[]): AccessKey {
  return {
    accessKeyId,
    secretAccessKey: `secret of ${accessKeyId}`,
    site: writer.site,
    writer,
    readers,
    buckets: undefined,
  }
}

/** `both` belongs to acme and may read what is other's. */
export const ACCESS_KEYS = {
  acme: accessKey('AKIAACME', acme, [acme]),
  other: accessKey('AKIAOTHER', other, [other]),
  both: accessKey('AKIABOTH', acme, [acme, other]),
}

/** A lease that a test can end. */
export class TestLease implements Lease {
  valid = true
  readonly #cuts = new Set<(reason: PortcullisError) => void>()

  assertValid(): void {
    if (!this.valid) throw suspended()
  }

  onEnd(cut: (reason: PortcullisError) => void): () => void {
    this.#cuts.add(cut)
    return () => this.#cuts.delete(cut)
  }

  end(): void {
    this.valid = false
    for (const cut of this.#cuts) cut(suspended())
  }
}

function suspended(): PortcullisError {
  return new PortcullisError('tenant-suspended', 'Suspended.', {
    retryAfterSeconds: 5,
    headers: { 'Suspension-Reason': 'key-disabled' },
    members: { reason: 'key-disabled' },
  })
}

/** Counts what goes to the store. */
class CountingUpstream implements Upstream {
  requests: string[] = []
  /** Of the last request, names and values alternating. */
  headers: readonly string[] = []
  bytes = 0
  readonly #pool: Upstream

  constructor(pool: Upstream) {
    this.#pool = pool
  }

  dispatch(request: StoreRequest, handler: StoreResponseHandler): () => void {
    this.requests.push(`${request.method} ${request.path}`)
    this.headers = request.headers
    const count: StoreResponseHandler['data'] = (chunk, loan) => {
      this.bytes += chunk.length
      handler.data(chunk, loan)
    }
    return this.#pool.dispatch(request, {
      head: (...head) => handler.head(...head),
      data: count,
      end: (trailers) => handler.end(trailers),
      error: (error) => handler.error(error),
    })
  }

  upgrade(): void {
    throw new Error('S3 has no upgrades')
  }

  close(): Promise<void> {
    return this.#pool.close()
  }
}

/** The S3 protocol over real sockets before the embedded store, with keys and leases that tests hold. */
export class ProxyHarness {
  readonly directory = mkdtempSync(join(tmpdir(), 'portcullis-s3-'))
  url = ''
  store!: ObjectStore
  upstream!: CountingUpstream
  lease = new TestLease()
  /** Of the other organization, where it is not the same. */
  otherLease: TestLease | undefined
  readonly keyService = new MemoryKeyService()
  /** Added to the wall clock. */
  skewMs = 0
  #listener!: Listener
  #keyring!: Keyring
  #registry!: Registry
  readonly #clients: S3Client[] = []

  /** Starts before the embedded store, or before the one that is given; with `origins` the store is migrating. */
  async start(store?: ObjectStore, origins?: ObjectOrigins): Promise<void> {
    this.store =
      store ??
      (await startObjectStore({
        directory: this.directory,
        port: 0,
        credentials: STORE_CREDENTIAL,
        bucket: BUCKET,
        region: REGION,
      }))
    this.#registry = await Registry.load(new SqliteDatabase(':memory:'))
    const memory = new SecureMemory()
    const clock = systemClock()
    this.#keyring = new Keyring({
      keyService: this.keyService,
      store: this.#registry,
      memory,
      audit: { record: () => {} },
      clock,
    })
    const pool = new SocketPool({
      url: this.store.endpoint,
      connectionsMax: 64,
      connectTimeoutMs: 5_000,
      headersTimeoutMs: 30_000,
      idleTimeoutMs: 30_000,
      tls: undefined,
    })
    this.upstream = new CountingUpstream(pool)
    const mount: ObjectMount = {
      name: 'attachments',
      upstream: this.upstream,
      host: new URL(this.store.endpoint).host,
      pathPrefix: '',
      credential: STORE_CREDENTIAL,
      region: REGION,
      clientRegion: REGION,
      addressing: { virtualHostDomains: ['localhost'] },
      origins,
      accessKeyOf: (id) => Object.values(ACCESS_KEYS).find(({ accessKeyId }) => accessKeyId === id),
    }
    const objects = new ObjectProtocol({
      keyring: this.#keyring,
      memory,
      budget: new ByteBudget(64 * 1024 * 1024),
      admit: (app) => {
        const lease = app === other ? (this.otherLease ?? this.lease) : this.lease
        lease.assertValid()
        return lease
      },
      wallTimeMs: () => Date.now() + this.skewMs,
    })
    this.#listener = new Listener({
      host: '127.0.0.1',
      port: 0,
      tls: undefined,
      limits: {
        headerBytesMax: 32 * 1024,
        headersCountMax: 200,
        headersTimeoutMs: 10_000,
        idleTimeoutMs: 30_000,
        keepAliveTimeoutMs: 30_000,
        connectionsMax: 1000,
        connectionsPerPeerMax: 1000,
        drainTimeoutMs: 1000,
      },
      handle: (exchange) => objects.handle(exchange, mount),
      upgrade: (_request, _head, socket) => socket.destroy(),
      ended: () => {},
    })
    this.url = await this.#listener.listen()
  }

  /** A client of the gateway, or with `direct` of the store itself. */
  client(credential: S3Credential, options: Record<string, unknown> = {}): S3Client {
    const client = new S3Client({
      endpoint: this.url,
      region: REGION,
      credentials: credential,
      forcePathStyle: true,
      maxAttempts: 1,
      ...options,
    })
    this.#clients.push(client)
    return client
  }

  /** A client of the store itself. */
  direct(): S3Client {
    return this.client(STORE_CREDENTIAL, { endpoint: this.store.endpoint })
  }

  /** A client of each place. */
  clients(): Record<(typeof PLACES)[number], S3Client> {
    return { 'the gateway': this.client(ACCESS_KEYS.acme), 'the embedded store': this.direct() }
  }

  /** True when any file of the store holds these bytes. */
  storeHolds(bytes: Buffer): boolean {
    const blobs = join(this.directory, 'blobs')
    return readdirSync(blobs).some((name) => readFileSync(join(blobs, name)).includes(bytes))
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.destroy()
    await this.#listener.drain()
    this.#keyring.clear()
    await this.upstream.close()
    await this.#registry.close()
    await this.store.stop()
    rmSync(this.directory, { recursive: true, force: true })
  }
}
