import { AccessControl, type AccessStatus } from './access/access-control.ts'
import { KeyServiceProver } from './access/prover.ts'
import type { Readiness } from './admin/health.ts'
import { adminPlane } from './composition/admin-plane.ts'
import { openAuditTrail } from './composition/audit-trail.ts'
import { CutEvidence } from './composition/cut-evidence.ts'
import { RegionalProofs } from './composition/control-plane.ts'
import { recordExchange } from './composition/exchange-record.ts'
import { issuedAccessKeys } from './composition/issued-access-keys.ts'
import { joinFleet } from './composition/fleet.ts'
import { keyServiceOf } from './composition/key-service.ts'
import { mountObjectStores } from './composition/object-stores.ts'
import { openRegistryEngine } from './composition/registry-engine.ts'
import { serverTls } from './composition/server-tls.ts'
import type { Settings } from './composition/settings.ts'
import { auditRefusedCiphertext } from './composition/refused-ciphertext.ts'
import { mountStores } from './composition/stores.ts'
import { TenantDirectory } from './composition/tenant-directory.ts'
import { gcmEngine } from './crypto/gcm-engine.ts'
import { SecureMemory } from './crypto/secure-memory.ts'
import { DataPlane } from './data-plane.ts'
import { PortcullisError } from './errors.ts'
import { systemClock } from './keyring/clock.ts'
import { Keyring } from './keyring/keyring.ts'
import type { KeyScope } from './keyring/scope.ts'
import { ByteBudget } from './listener/byte-budget.ts'
import type { Exchange } from './listener/exchange.ts'
import { Listener } from './listener/listener.ts'
import { refuseRaw } from './listener/refuse-raw.ts'
import type { AuthorityState } from './observability/authority-gauges.ts'
import type { Logger } from './observability/logger.ts'
import type { MetricValues } from './observability/merged-metrics.ts'
import { Metrics } from './observability/metrics.ts'
import { DocumentProtocol } from './protocol/document/document-protocol.ts'
import { EnvelopeCodec } from './protocol/json/field-codec.ts'
import { ObjectProtocol } from './protocol/s3/proxy/object-protocol.ts'
import { AccessKeySecrets } from './provisioning/access-key-secrets.ts'
import { recordAdoptions } from './provisioning/adopted-organization.ts'
import { applyFile } from './provisioning/applied-file.ts'
import { ControlPlane } from './registry/control-plane/control-plane.ts'
import { CutConfirmations } from './registry/cut-confirmations.ts'
import { Registry } from './registry/registry.ts'
import { SqlRegistryDatabase } from './registry/sql/sql-database.ts'
import { replicaName } from './replica/name.ts'
import type { ReplicaPlace } from './replica/place.ts'
import { readableApps } from './tenant/resolve.ts'
import type { TenantApp } from './tenant/tenant.ts'

/** What a gateway is made from. */
export interface GatewayOptions extends Settings {
  readonly logger: Logger
  /** Where this process stands among those of its replica; undefined where it is the only one. */
  readonly place?: ReplicaPlace
}

/** A running gateway: the composition root wires the parts, and nothing else does. */
export class Gateway {
  /** Base URL of the data plane. */
  readonly url: string
  /** Endpoints of the S3 stores by name. */
  readonly objectStoreUrls: ReadonlyMap<string, string>
  readonly #adminUrl: string | undefined
  readonly #measure: () => Promise<readonly MetricValues[]>
  readonly #drain: () => Promise<void>

  private constructor(
    url: string,
    adminUrl: string | undefined,
    objectStoreUrls: ReadonlyMap<string, string>,
    measure: () => Promise<readonly MetricValues[]>,
    drain: () => Promise<void>,
  ) {
    this.url = url
    this.objectStoreUrls = objectStoreUrls
    this.#adminUrl = adminUrl
    this.#measure = measure
    this.#drain = drain
  }

  /** Base URL of the admin plane. Throws where another process of the replica has it. */
  get adminUrl(): string {
    if (this.#adminUrl === undefined) throw new Error('another process of this replica has the admin plane')
    return this.#adminUrl
  }

  /** Opens the registry, builds every part and starts listening. */
  static async start(options: GatewayOptions): Promise<Gateway> {
    const { configuration, materials, logger, place } = options
    const clock = systemClock()
    const replica = place?.name ?? replicaName()
    const metrics = new Metrics({ process: true })
    const trail = await openAuditTrail(options, logger, place)
    const audit = trail.sink

    const engine = await openRegistryEngine(options, (error) =>
      logger.warn('the registry cannot be reached', { error }),
    )
    const database = new SqlRegistryDatabase(engine)
    const registry = await Registry.load(database)
    const controlPlane = await ControlPlane.load(engine)
    const adopted = await applyFile(controlPlane, configuration, clock.wallTimeMs())
    recordAdoptions(adopted, audit, new Date(clock.wallTimeMs()).toISOString())
    const tenants = new TenantDirectory(options, controlPlane, (error) =>
      logger.error('the tenants of the registry cannot be used', { error }),
    )
    const directory = tenants.holder
    const proofs = new RegionalProofs()
    const keyService = keyServiceOf(options, {
      clock,
      audit,
      observe: (call) => {
        metrics.keyServiceCall(call)
        proofs.observe(call)
      },
    })
    if (gcmEngine.name === 'node')
      logger.warn(
        'AES-256-GCM runs by node:crypto, at a half to a third of the speed: OpenSSL cannot be called directly',
      )
    const memory = new SecureMemory()
    // Refused here rather than at the first request, where no memory can be locked.
    memory.allocate(32).wipe()
    const keyring = new Keyring({
      keyService,
      store: registry,
      memory,
      audit,
      clock,
      ...configuration.keyCache,
      outageGraceMs: configuration.kms.outageGraceMs,
      observe: (event) => metrics.keyCache(event),
    })
    const confirmations = new CutConfirmations(engine)
    const evidence = await CutEvidence.open(replica, confirmations, logger, place?.predecessor)
    const fleet = await joinFleet(replica, {
      settings: options,
      prover: new KeyServiceProver({
        keyService,
        store: registry,
        keys: keyring,
        firstScope: (authority) => firstScope(directory.current.appsOf(authority.id)[0]),
      }),
      keyring,
      database,
      clock,
      line: place?.line,
      observe: (outcome) => metrics.fleetVerification(outcome),
      cut: evidence.record,
      onError: (error) => logger.warn('the other replicas cannot be reached', { error }),
    })
    const access = new AccessControl({
      ...fleet.access,
      keys: keyring,
      suspensions: registry,
      audit,
      clock,
      revocationBoundMs: configuration.revocation.boundMs,
      outageGraceMs: configuration.kms.outageGraceMs,
      idleAfterMs: configuration.revocation.idleAfterMs,
      probeIntervalMsMax: configuration.revocation.probeIntervalMs,
      observe: accessObserver(metrics, logger),
    })
    fleet.join(access)
    access.track(directory.current.authorities)
    directory.onSwap((current) => access.track(current.authorities))

    const stores = mountStores(options)
    const { limits } = configuration.listener
    const budget = new ByteBudget(limits.bufferBudgetBytes)
    const dataPlane = new DataPlane({
      directory,
      stores,
      access,
      documents: new DocumentProtocol(limits, budget),
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
    const ended = (exchange: Exchange): void => {
      recordExchange(exchange, logger, metrics)
      auditRefusedCiphertext(exchange, directory.current, audit, clock)
    }
    const shared = place !== undefined
    const listener = new Listener({
      ...configuration.listener,
      shared,
      tls: serverTls(materials.listenerTls),
      handle: (exchange) => {
        assertRecordable(trail.log)
        return dataPlane.handle(exchange)
      },
      upgrade: (request, head, socket, firstBytes) => dataPlane.upgrade(request, head, socket, firstBytes),
      ended,
    })
    const objects = new ObjectProtocol({
      keyring,
      memory,
      budget,
      admit: (app) => access.admit(app),
      wallTimeMs: () => clock.wallTimeMs(),
    })
    const accessKeySecrets = new AccessKeySecrets(keyring, configuration.crypto.profile)
    const objectStores = mountObjectStores(options, directory, (current, storeApps) =>
      issuedAccessKeys(
        controlPlane.snapshot,
        current,
        storeApps,
        accessKeySecrets,
        new Date(clock.wallTimeMs()).toISOString(),
      ),
    )
    const objectListeners = objectStores.map(
      ({ mount, host, port }) =>
        new Listener({
          host,
          port,
          shared,
          limits,
          tls: serverTls(materials.listenerTls),
          handle: (exchange) => {
            assertRecordable(trail.log)
            return objects.handle(exchange, mount)
          },
          upgrade: (_request, _head, socket) =>
            refuseRaw(socket, new PortcullisError('method-not-allowed', 'S3 has no Upgrade.')),
          ended,
        }),
    )
    engine.onChange(() => refreshFrom(registry, controlPlane, logger))
    let draining = false
    const admin =
      place === undefined || place.position === 1
        ? adminPlane({
            settings: options,
            engine,
            controlPlane,
            tenants,
            registry,
            keyring,
            accessKeySecrets,
            access,
            confirmations,
            trail,
            proofs,
            logger,
            clock,
            observed: metrics,
            readiness: () => readinessOf(draining, place),
            metrics: () => (place === undefined ? metrics.text() : place.metrics()),
          })
        : undefined
    metrics.watch({
      requestsInFlight: () =>
        [listener, ...objectListeners].reduce((sum, { exchanges }) => sum + exchanges, 0),
      bufferedBytes: () => budget.bytes,
      cachedKeys: () => keyring.size,
      cipherIsDirect: () => gcmEngine.name === 'openssl',
      audit: () => trail.numbers(),
      fleetReachable: fleet.reachable,
      authorities: () => access.statuses().map(authorityState),
    })

    const drain = async (): Promise<void> => {
      draining = true
      await Promise.all([listener, ...objectListeners].map((each) => each.drain()))
      await admin?.stopJobs()
      await access.close()
      await evidence.close()
      await fleet.close()
      tenants.close()
      keyring.clear()
      const upstreams = [...stores, ...objectStores.map(({ mount }) => mount)].map(({ upstream }) => upstream)
      await Promise.all(upstreams.map((upstream) => upstream.close()))
      await admin?.close()
      await registry.close()
      await trail.close()
      metrics.close()
      logger.flush()
    }
    const s3 = new Map<string, string>()
    for (const [index, { mount }] of objectStores.entries())
      s3.set(mount.name, await objectListeners[index]!.listen())
    const url = await listener.listen()
    return new Gateway(url, await admin?.listen(), s3, () => metrics.values(), drain)
  }

  /** What this process measures, to be merged with what others do. */
  measure(): Promise<readonly MetricValues[]> {
    return this.#measure()
  }

  /** Takes no more requests, lets running ones finish, wipes the keys and lets go of everything. */
  async drain(): Promise<void> {
    await this.#drain()
  }
}

function readinessOf(draining: boolean, place: ReplicaPlace | undefined): Readiness {
  const reasons = [
    ...(draining ? ['draining'] : []),
    ...(place?.complete() === false ? ['processes-missing'] : []),
  ]
  return { ready: reasons.length === 0, reasons }
}

/** Takes in what other processes have committed. */
function refreshFrom(registry: Registry, controlPlane: ControlPlane, logger: Logger): void {
  Promise.all([registry.refresh(), controlPlane.refresh()]).catch((error: unknown) =>
    logger.warn('the registry cannot be read', { error }),
  )
}

/** Nothing is served that could not be recorded. Throws `overloaded`. */
function assertRecordable(audit: { readonly accepting: boolean }): void {
  if (audit.accepting) return
  throw new PortcullisError('overloaded', 'The audit trail cannot take more events now.', {
    retryAfterSeconds: 1,
  })
}

/** The scope of the first tenant key of an authority: that of the content its app is about. */
function firstScope(tenant: TenantApp | undefined): KeyScope | undefined {
  return tenant && { tenant, dataClass: tenant.app === 'confluence' ? 'page' : 'issue' }
}

function accessObserver(metrics: Metrics, logger: Logger) {
  return {
    verification: (_authorityId: string, outcome: string, durationMs: number) =>
      metrics.verification(outcome, durationMs),
    suspended: (authorityId: string, reason: string, transfersCut: number, lastAllowedAgeMs: number) => {
      metrics.suspended(reason, transfersCut, lastAllowedAgeMs)
      logger.warn('suspended', { authority: authorityId, reason, transfersCut, lastAllowedAgeMs })
    },
    resumed: (authorityId: string, reason: string, suspendedMs: number) => {
      metrics.resumed(reason, suspendedMs)
      logger.warn('resumed', { authority: authorityId, reason, suspendedMs })
    },
    persistenceFailed: (error: unknown) => logger.error('a suspension could not be written', { error }),
    defect: (authorityId: string, error: unknown) =>
      logger.error('access could not be verified', { authority: authorityId, error }),
  }
}

function authorityState({ authorityId, state, suspension, leaseAgeMs }: AccessStatus): AuthorityState {
  return {
    authorityId,
    leaseAgeMs,
    suspensionReason: suspension?.reason,
    unavailable: state === 'unavailable' || state === 'grace',
  }
}
