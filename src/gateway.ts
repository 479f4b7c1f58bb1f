import { AccessControl } from './access/access-control.ts'
import { KeyServiceProver } from './access/prover.ts'
import type { AuditSink } from './audit/sink.ts'
import { locationById } from './config/locations.ts'
import type { Materials } from './config/materials.ts'
import type { Configuration } from './config/schema.ts'
import { loadCoverage } from './coverage/load-coverage.ts'
import { SecureMemory } from './crypto/secure-memory.ts'
import { DataPlane, type MountedStore } from './data-plane.ts'
import { type Clock, systemClock } from './keyring/clock.ts'
import { Keyring } from './keyring/keyring.ts'
import type { WrappedKeyStore } from './keyring/wrapped-key-store.ts'
import { AwsKeyService } from './kms/aws-key-service.ts'
import { ByteBudget } from './listener/byte-budget.ts'
import type { Exchange } from './listener/exchange.ts'
import { Listener } from './listener/listener.ts'
import type { Logger } from './observability/logger.ts'
import { requestLine } from './observability/request-line.ts'
import { DocumentProtocol } from './protocol/document/document-protocol.ts'
import { EnvelopeCodec } from './protocol/json/field-codec.ts'
import { Registry } from './registry/registry.ts'
import { SqliteDatabase } from './registry/sqlite/sqlite-database.ts'
import { DirectoryHolder } from './tenant/directory-holder.ts'
import { Directory } from './tenant/directory.ts'
import { readableApps } from './tenant/resolve.ts'
import { StorePool } from './upstream/store-pool.ts'

/** What a gateway is made from. */
export interface GatewayOptions {
  /** Checked, with absolute paths. */
  readonly configuration: Configuration
  readonly materials: Materials
  readonly logger: Logger
}

/** A running gateway: the composition root wires the stages, and nothing else does. */
export class Gateway {
  /** Base URL of the data plane. */
  readonly url: string
  /** Base URL of the admin plane. */
  readonly adminUrl: string = ''
  readonly directory: DirectoryHolder
  readonly access: AccessControl
  readonly registry: Registry
  readonly #closeAll: () => Promise<void>

  private constructor(
    parts: Pick<Gateway, 'url' | 'directory' | 'access' | 'registry'>,
    closeAll: () => Promise<void>,
  ) {
    this.url = parts.url
    this.directory = parts.directory
    this.access = parts.access
    this.registry = parts.registry
    this.#closeAll = closeAll
  }

  /** Opens the registry, builds every part and starts listening. */
  static async start(options: GatewayOptions): Promise<Gateway> {
    const { configuration, logger } = options
    const clock = systemClock()
    const audit = auditTo(logger)
    const directory = new DirectoryHolder(directoryOf(options))
    const registry = await Registry.load(new SqliteDatabase(configuration.registry.file))
    const memory = new SecureMemory()
    const keyService = awsKeyServiceOf(options, clock, audit)
    const keyring = new Keyring({
      keyService,
      store: registry,
      memory,
      audit,
      clock,
      ...configuration.keyCache,
      outageGraceMs: configuration.kms.outageGraceMs,
    })
    const access = new AccessControl({
      prover: proverOf(keyService, registry, keyring, directory),
      keys: keyring,
      suspensions: registry,
      audit,
      clock,
      revocationBoundMs: configuration.revocation.boundMs,
      outageGraceMs: configuration.kms.outageGraceMs,
      idleAfterMs: configuration.revocation.idleAfterMs,
      probeIntervalMsMax: configuration.revocation.probeIntervalMs,
    })
    access.track(directory.current.authorities)
    const stores = mountStores(options)
    const { limits } = configuration.listener
    const dataPlane = new DataPlane({
      directory,
      stores,
      access,
      documents: new DocumentProtocol(limits, new ByteBudget(limits.bufferBudgetBytes)),
      codecFor: (tenant, store) =>
        new EnvelopeCodec({
          keyring,
          writer: tenant.app,
          readers: readableApps(tenant.site, store.apps),
          store: store.name,
          profile: configuration.crypto.profile,
        }),
    })
    const listener = new Listener({
      ...listenerOptions(options),
      handle: (exchange) => dataPlane.handle(exchange),
      upgrade: (request, head, socket, firstBytes) => dataPlane.upgrade(request, head, socket, firstBytes),
      ended: (exchange) => logExchange(logger, exchange),
    })
    const closeAll = async (): Promise<void> => {
      await listener.drain()
      await access.close()
      keyring.clear()
      await Promise.all(stores.map((store) => store.upstream.close()))
      await registry.close()
      logger.flush()
    }
    return new Gateway({ url: await listener.listen(), directory, access, registry }, closeAll)
  }

  /** Takes no more requests, lets running ones finish, wipes the keys and lets go of everything. */
  async drain(): Promise<void> {
    await this.#closeAll()
  }
}

function directoryOf({ configuration, materials }: GatewayOptions): Directory {
  return new Directory({
    organizations: configuration.organizations,
    vendorKeys: configuration.vendorKeys,
    tokens: materials.tokens,
    clientCertificates: configuration.clientCertificates,
    regionsOf: (location) => locationById(location)?.regions ?? [],
  })
}

/** The AWS side of a configuration. */
export function awsKeyServiceOf(
  { configuration, materials }: Pick<GatewayOptions, 'configuration' | 'materials'>,
  clock: Clock,
  audit: AuditSink,
): AwsKeyService {
  const {
    kmsEndpoint,
    stsEndpoint,
    retriesMax,
    roleSessionName,
    credentials: _,
    ...limits
  } = configuration.kms
  const regional = (template: string | undefined) => (region: string) =>
    template?.replaceAll('{region}', region)
  const credentials = materials.kmsCredentials
  return new AwsKeyService({
    clock,
    audit,
    endpoints: { kms: regional(kmsEndpoint), sts: regional(stsEndpoint) },
    sessionName: roleSessionName,
    retryTokensMax: retriesMax,
    ...limits,
    ...(credentials === undefined
      ? {}
      : {
          baseCredentials: {
            accessKeyId: credentials.accessKeyId,
            secretAccessKey: credentials.secretAccessKey,
            ...(credentials.sessionToken === undefined ? {} : { sessionToken: credentials.sessionToken }),
          },
        }),
  })
}

function proverOf(
  keyService: AwsKeyService,
  store: WrappedKeyStore,
  keys: Keyring,
  directory: DirectoryHolder,
): KeyServiceProver {
  return new KeyServiceProver({
    keyService,
    store,
    keys,
    firstScope: (authority) => {
      const tenant = directory.current.appsOf(authority.id)[0]
      if (tenant === undefined) return undefined
      return { tenant, dataClass: tenant.app === 'confluence' ? 'page' : 'issue' }
    },
  })
}

function mountStores({ configuration, materials }: GatewayOptions): MountedStore[] {
  const stores = configuration.stores.map((store): MountedStore => {
    const tls = materials.storeTls.get(store.name)
    return {
      name: store.name,
      mount: store.mount,
      upstreamUrl: store.upstream,
      upstream: new StorePool({
        url: store.upstream,
        connectionsMax: store.connectionsMax,
        connectTimeoutMs: store.connectTimeoutMs,
        headersTimeoutMs: store.headersTimeoutMs,
        idleTimeoutMs: store.idleTimeoutMs,
        tls: {
          ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
          ...(tls?.cert === undefined ? {} : { cert: tls.cert }),
          ...(tls?.key === undefined ? {} : { key: tls.key }),
          ...(store.tls?.serverName === undefined ? {} : { servername: store.tls.serverName }),
        },
      }),
      coverage: loadCoverage(store.coverage, '/'),
      mixed: store.mixed,
      passUncovered: store.passUncovered,
      upgrade: store.upgrade,
      apps: store.apps,
    }
  })
  // The longest mount first, so that one mount may lie below another.
  return stores.sort((a, b) => b.mount.length - a.mount.length)
}

function listenerOptions({ configuration, materials }: GatewayOptions) {
  const { host, port, limits } = configuration.listener
  const tls = materials.listenerTls
  if (tls === undefined) return { host, port, limits }
  return {
    host,
    port,
    limits,
    tls: {
      cert: tls.cert,
      key: tls.key,
      minVersion: 'TLSv1.2' as const,
      ...(tls.ca === undefined ? {} : { ca: tls.ca, requestCert: true, rejectUnauthorized: false }),
    },
  }
}

function auditTo(logger: Logger): AuditSink {
  return { record: (event) => logger.info('audit', { event }) }
}

function logExchange(logger: Logger, exchange: Exchange): void {
  const { statusCode } = exchange.response
  // 503 is how the gateway says that something else is unwell, and that is logged where it is known.
  const level = statusCode >= 500 && statusCode !== 503 ? 'error' : 'info'
  if (!logger.enabled(level)) return
  logger[level](
    'request',
    requestLine({
      requestId: exchange.id,
      method: exchange.method,
      target: exchange.path,
      route: exchange.route,
      store: exchange.store,
      site: exchange.tenant,
      app: undefined,
      caller: undefined,
      status: statusCode,
      durationMs: performance.now() - exchange.startedAt,
      requestBytes: exchange.head.contentLength ?? 0,
      responseBytes: 0,
      errorCode: exchange.error?.code,
      ...(exchange.error?.cause === undefined ? {} : { error: exchange.error.cause }),
    }),
  )
}
