import { type Aggregator, collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import { type AuthorityState, registerAuthorityGauges } from './authority-gauges.ts'
import type { MetricValues } from './merged-metrics.ts'
import { Tally } from './tally.ts'
import { Timing } from './timing.ts'

const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120]
const CALL_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5]
const LAST_USE_SECONDS = [0.1, 0.25, 0.5, 1, 2, 3, 4, 5, 7.5, 10, 30]
const SUSPENSION_SECONDS = [1, 5, 10, 30, 60, 600, 3_600, 86_400, 604_800, 2_592_000]
const COMBINATIONS_MAX = 5_000
const AUTHORITIES_MAX = 1_000

const METHODS = new Set(['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS'])

/** A finished request; its labels have to come from the configuration and the coverage, never from the client. */
export interface RequestMeasure {
  /** Empty when no store is mounted there. */
  readonly store: string
  /** Template of the route, empty when none matched. */
  readonly route: string
  readonly method: string
  readonly status: number
  readonly durationMs: number
  readonly requestBytes: number
  readonly responseBytes: number
  /** Code of the refusal, if any. */
  readonly errorCode: string | undefined
}

/** One call to the key service. */
export interface KeyServiceMeasure {
  readonly operation: string
  readonly purpose: string
  readonly region: string
  readonly outcome: string
  readonly durationMs: number
}

/** Counters and levels of the audit trail. */
export interface AuditNumbers {
  readonly queued: number
  readonly spillBytes: number
  readonly written: number
  readonly lost: number
  readonly appendFailures: number
  readonly forwarded: number
  readonly forwardFailures: number
}

/** Numbers that are read from their owner when metrics are read. */
export interface LiveNumbers {
  readonly requestsInFlight?: () => number
  readonly bufferedBytes?: () => number
  readonly cachedKeys?: () => number
  readonly cipherIsDirect?: () => boolean
  readonly audit?: () => AuditNumbers
  /** Absent where there is no fleet. */
  readonly fleetReachable?: (() => boolean) | undefined
  readonly authorities?: () => Iterable<AuthorityState>
}

/** Everything that is measured, in a registry of its own; other modules receive the methods they need. */
export class Metrics {
  readonly registry: Registry = new Registry()
  readonly #requests: Tally
  readonly #requestSeconds: Timing
  readonly #bytes: Tally
  readonly #refusals: Tally
  readonly #cryptoOperations: Tally
  readonly #keyCache: Tally
  readonly #keyServiceCalls: Tally
  readonly #keyServiceSeconds: Timing
  readonly #verificationSeconds: Timing
  readonly #suspensions: Tally
  readonly #suspensionSeconds: Timing
  readonly #transfersCut: Tally
  readonly #lastUseSeconds: Timing
  readonly #fleet: Tally
  readonly #notificationSeconds: Timing

  /** `process`: also measures the process itself, event-loop delay included; keeps observers running until `close`. */
  constructor(options: { readonly process: boolean } = { process: true }) {
    const tally = (name: string, help: string, labelNames: readonly string[]) =>
      new Tally({ name, help, labelNames, registry: this.registry, combinationsMax: COMBINATIONS_MAX })
    const timing = (name: string, help: string, labelNames: readonly string[], bounds: readonly number[]) =>
      new Timing({
        name,
        help,
        labelNames,
        registry: this.registry,
        combinationsMax: COMBINATIONS_MAX,
        bounds,
      })
    this.#requests = tally('portcullis_requests_total', 'Finished requests.', [
      'store',
      'route',
      'method',
      'status',
    ])
    this.#requestSeconds = timing(
      'portcullis_request_duration_seconds',
      'Time from the head of a request to the end of its response.',
      ['store', 'method'],
      REQUEST_SECONDS,
    )
    this.#bytes = tally('portcullis_body_bytes_total', 'Bytes of bodies, as the client sees them.', [
      'store',
      'direction',
    ])
    this.#refusals = tally('portcullis_refusals_total', 'Refused requests by reason.', ['store', 'reason'])
    this.#cryptoOperations = tally(
      'portcullis_crypto_operations_total',
      'Values and frames sealed or opened.',
      ['operation', 'suite', 'outcome'],
    )
    this.#keyCache = tally('portcullis_key_cache_total', 'What the cache of tenant keys did.', ['event'])
    this.#keyServiceCalls = tally('portcullis_kms_calls_total', 'Calls to KMS and STS.', [
      'operation',
      'purpose',
      'region',
      'outcome',
    ])
    this.#keyServiceSeconds = timing(
      'portcullis_kms_call_duration_seconds',
      'Time of calls to KMS and STS.',
      ['operation', 'region'],
      CALL_SECONDS,
    )
    this.#verificationSeconds = timing(
      'portcullis_verification_duration_seconds',
      'Time of proofs of access.',
      ['outcome'],
      CALL_SECONDS,
    )
    this.#suspensions = tally('portcullis_suspensions_total', 'Suspensions that began, by reason.', [
      'reason',
    ])
    this.#transfersCut = tally('portcullis_transfers_cut_total', 'Transfers ended by a suspension.', [
      'reason',
    ])
    this.#lastUseSeconds = timing(
      'portcullis_suspension_last_use_seconds',
      'How long before a suspension the lease last allowed a use.',
      ['reason'],
      LAST_USE_SECONDS,
    )
    this.#suspensionSeconds = timing(
      'portcullis_suspension_duration_seconds',
      'How long suspensions lasted, when they end.',
      ['reason'],
      SUSPENSION_SECONDS,
    )
    this.#fleet = tally(
      'portcullis_fleet_verifications_total',
      'Verifications due here: granted to this replica, held by another, taken over from another (shared), or made because nobody could be asked (unanswered).',
      ['outcome'],
    )
    this.#notificationSeconds = timing(
      'portcullis_notification_duration_seconds',
      'Notifications of the customers by outcome; for verified ones, the time until the verification ended.',
      ['outcome'],
      CALL_SECONDS,
    )
    if (options.process) collectDefaultMetrics({ register: this.registry })
  }

  /** Counts a finished request. */
  request(measure: RequestMeasure): void {
    const { store } = measure
    const method = METHODS.has(measure.method) ? measure.method : 'other'
    this.#requests.add(1, store, measure.route, method, statusText(measure.status))
    this.#requestSeconds.observe(measure.durationMs / 1_000, store, method)
    if (measure.requestBytes > 0) this.#bytes.add(measure.requestBytes, store, 'received')
    if (measure.responseBytes > 0) this.#bytes.add(measure.responseBytes, store, 'sent')
    if (measure.errorCode !== undefined) this.#refusals.add(1, store, measure.errorCode)
  }

  /** Counts values or frames that were sealed or opened. */
  cryptoOperations(operation: 'seal' | 'open', suite: number, outcome: 'ok' | 'failed', count = 1): void {
    this.#cryptoOperations.add(count, operation, String(suite), outcome)
  }

  /** Counts what the key cache did: `hit` and the events of the keyring. */
  keyCache(event: string, count = 1): void {
    this.#keyCache.add(count, event)
  }

  /** Counts and times a call to the key service. */
  keyServiceCall(measure: KeyServiceMeasure): void {
    this.#keyServiceCalls.add(1, measure.operation, measure.purpose, measure.region, measure.outcome)
    this.#keyServiceSeconds.observe(measure.durationMs / 1_000, measure.operation, measure.region)
  }

  /** Counts and times a proof of access. */
  verification(outcome: string, durationMs: number): void {
    this.#verificationSeconds.observe(durationMs / 1_000, outcome)
  }

  /** Counts a suspension that began; `lastAllowedAgeMs`: how long before, the lease last allowed a use. */
  suspended(reason: string, transfersCut: number, lastAllowedAgeMs: number): void {
    this.#suspensions.add(1, reason)
    this.#transfersCut.add(transfersCut, reason)
    this.#lastUseSeconds.observe(lastAllowedAgeMs / 1_000, reason)
  }

  /** Counts and times a suspension that ended. */
  resumed(reason: string, suspendedMs: number): void {
    this.#suspensionSeconds.observe(suspendedMs / 1_000, reason)
  }

  /** Counts how a verification that was due came about in a fleet. */
  fleetVerification(outcome: string): void {
    this.#fleet.add(1, outcome)
  }

  /** Counts a notification, and times the verification that it led to. */
  notification(outcome: string, durationMs: number): void {
    this.#notificationSeconds.observe(durationMs / 1_000, outcome)
  }

  /** Registers numbers that their owners know; call once. */
  watch(live: LiveNumbers): void {
    const gauge = (
      name: string,
      help: string,
      read: (() => number) | undefined,
      aggregator: Aggregator = 'sum',
    ) => {
      if (read === undefined) return
      const metric = new Gauge({
        name,
        help,
        registers: [],
        aggregator,
        collect() {
          this.set(read())
        },
      })
      this.registry.registerMetric(metric)
    }
    const counter = (name: string, help: string, read: (() => number) | undefined) => {
      if (read === undefined) return
      const metric = new Counter({
        name,
        help,
        registers: [],
        collect() {
          this.reset()
          this.inc(read())
        },
      })
      this.registry.registerMetric(metric)
    }
    gauge('portcullis_requests_in_flight', 'Requests being handled.', live.requestsInFlight)
    gauge('portcullis_buffered_bytes', 'Bytes of buffered bodies.', live.bufferedBytes)
    gauge('portcullis_cached_keys', 'Tenant keys in secure memory.', live.cachedKeys)
    const isDirect = live.cipherIsDirect
    gauge(
      'portcullis_cipher_direct',
      '1 while AES-256-GCM is OpenSSL called directly, 0 by node:crypto.',
      isDirect && (() => Number(isDirect())),
      'min',
    )
    const { audit } = live
    const ofAudit = (name: keyof AuditNumbers) => audit && (() => audit()[name])
    gauge('portcullis_audit_queue_length', 'Audit events not yet written.', ofAudit('queued'))
    gauge('portcullis_audit_spill_bytes', 'Bytes of audit events that wait on disk.', ofAudit('spillBytes'))
    counter('portcullis_audit_written_total', 'Audit rows written.', ofAudit('written'))
    counter('portcullis_audit_lost_total', 'Audit events that found no room.', ofAudit('lost'))
    counter(
      'portcullis_audit_append_failures_total',
      'Attempts to write audit rows that failed.',
      ofAudit('appendFailures'),
    )
    counter('portcullis_audit_forwarded_total', 'Audit entries delivered elsewhere.', ofAudit('forwarded'))
    counter('portcullis_audit_forward_failures_total', 'Deliveries that failed.', ofAudit('forwardFailures'))
    const { fleetReachable } = live
    gauge(
      'portcullis_fleet_reachable',
      '1 while the other replicas can be reached, else 0.',
      fleetReachable && (() => Number(fleetReachable())),
      'min',
    )
    if (live.authorities !== undefined)
      registerAuthorityGauges(this.registry, live.authorities, AUTHORITIES_MAX)
  }

  /** The exposition text (Prometheus text format 0.0.4) and its media type. */
  async text(): Promise<{ readonly contentType: string; readonly body: string }> {
    return { contentType: this.registry.contentType, body: await this.registry.metrics() }
  }

  /** What is measured, to be merged with what other processes of the replica measure. */
  async values(): Promise<readonly MetricValues[]> {
    return (await this.registry.getMetricsAsJSON()) as unknown as readonly MetricValues[]
  }

  /** Forgets everything; the process observers end with it. */
  close(): void {
    this.registry.clear()
  }
}

const STATUS_TEXTS = Array.from({ length: 600 }, (_, status) => String(status))

function statusText(status: number): string {
  return STATUS_TEXTS[status] ?? 'other'
}
