import type { CloudTrailRecord } from './cloudtrail-file.ts'
import type { AuditEntry } from './entries.ts'
import type { KeyServiceCalled } from './event.ts'
import { usesIn } from './key-uses.ts'
import type { AuditedUse, Reconciliation, ReconcileOptions, TrailUse } from './reconciliation.ts'

/** CloudTrail delivers within about 5 minutes on average; AWS names 15 as the time to allow. */
const DELIVERY_MS_DEFAULT = 15 * 60_000
/** Clocks of the two sides, and whole seconds in CloudTrail. */
const CLOCK_MS_DEFAULT = 60_000

/** Operations that use a key or the role; everything else in CloudTrail is administration. */
const USES: Readonly<Record<string, ReadonlySet<string>>> = {
  'kms.amazonaws.com': new Set([
    'Decrypt',
    'Encrypt',
    'GenerateDataKey',
    'GenerateDataKeyPair',
    'GenerateDataKeyPairWithoutPlaintext',
    'GenerateDataKeyWithoutPlaintext',
    'ReEncrypt',
  ]),
  'sts.amazonaws.com': new Set(['AssumeRole']),
}

/** Joins the gateway's own record of key uses with the customer's CloudTrail, by AWS request id. */
export async function reconcile(
  entries: AsyncIterable<AuditEntry> | Iterable<AuditEntry>,
  records: readonly CloudTrailRecord[],
  options: ReconcileOptions = {},
): Promise<Reconciliation> {
  const audited: AuditedUse[] = []
  for await (const entry of entries) {
    if (!('event' in entry)) continue
    const { sequence, chain } = entry
    audited.push(...usesIn(entry.event).map((event) => ({ sequence, chain, event })))
  }
  const resources = new Set(options.resources ?? audited.map(({ event }) => event.resource))
  return new Join(audited, trailUses(records), resources, period(records, options), options).result()
}

interface Period {
  readonly fromMs: number
  readonly toMs: number
  readonly regions: ReadonlySet<string | undefined>
  readonly deliveredUpToMs: number
}

function period(records: readonly CloudTrailRecord[], options: ReconcileOptions): Period {
  let fromMs = Infinity
  let toMs = -Infinity
  for (const record of records) {
    const at = Date.parse(record.eventTime)
    fromMs = Math.min(fromMs, at)
    toMs = Math.max(toMs, at)
  }
  const fetchedAtMs = options.fetchedAtMs ?? toMs
  return {
    fromMs,
    toMs: Math.max(toMs, fetchedAtMs),
    regions: new Set(records.map((record) => record.awsRegion)),
    deliveredUpToMs: fetchedAtMs - (options.deliveryMs ?? DELIVERY_MS_DEFAULT),
  }
}

function trailUses(records: readonly CloudTrailRecord[]): TrailUse[] {
  const uses = new Map<string, TrailUse>()
  for (const record of records) {
    if (USES[record.eventSource]?.has(record.eventName) !== true) continue
    // the same event may be in several files: trails overlap, and deliveries repeat
    const key = record.eventID ?? `${record.requestID}/${record.eventTime}/${uses.size}`
    uses.set(key, {
      at: record.eventTime,
      operation: record.eventName,
      region: record.awsRegion,
      requestId: record.requestID,
      eventId: record.eventID,
      principal: record.userIdentity?.sessionContext?.sessionIssuer?.arn ?? record.userIdentity?.arn,
      resources: resourcesOf(record),
      errorCode: record.errorCode,
      encryptionContext: record.requestParameters?.encryptionContext,
    })
  }
  return [...uses.values()]
}

function resourcesOf(record: CloudTrailRecord): string[] {
  const { keyId, roleArn } = record.requestParameters ?? {}
  const arns = [...(record.resources ?? []).map(({ ARN }) => ARN), keyId, roleArn]
  return [...new Set(arns.filter((arn) => arn !== undefined))]
}

class Join {
  readonly #audited: readonly AuditedUse[]
  readonly #resources: ReadonlySet<string>
  readonly #period: Period
  readonly #options: ReconcileOptions
  readonly #clockMs: number
  readonly #byRequestId = new Map<string, TrailUse>()
  readonly #left: Set<TrailUse>

  constructor(
    audited: readonly AuditedUse[],
    trail: readonly TrailUse[],
    resources: ReadonlySet<string>,
    span: Period,
    options: ReconcileOptions,
  ) {
    this.#audited = audited
    this.#resources = resources
    this.#period = span
    this.#options = options
    this.#clockMs = options.clockMs ?? CLOCK_MS_DEFAULT
    this.#left = new Set(trail)
    for (const use of trail) if (use.requestId !== undefined) this.#byRequestId.set(use.requestId, use)
  }

  result(): Reconciliation {
    const onlyInAudit: AuditedUse[] = []
    const contradictions: Reconciliation['contradictions'][number][] = []
    const unidentified: AuditedUse[] = []
    const counts = {
      matched: 0,
      matchedWithoutRequestId: 0,
      notYetDelivered: 0,
      outsidePeriod: 0,
      unanswered: 0,
      refusedUnlogged: 0,
    }
    for (const audit of this.#audited) {
      const requestId = audit.event.awsRequestId
      const trail = requestId === undefined ? undefined : this.#byRequestId.get(requestId)
      if (trail !== undefined) {
        counts.matched += 1
        this.#left.delete(trail)
        const detail = contradiction(audit.event, trail)
        if (detail !== undefined) contradictions.push({ audit, trail, detail })
      } else if (requestId === undefined) {
        unidentified.push(audit)
      } else {
        const absence = this.#explainAbsence(audit.event)
        if (absence === undefined) onlyInAudit.push(audit)
        else counts[absence] += 1
      }
    }
    // after the exact matches, so that a guess never takes a record that belongs to another row
    for (const audit of unidentified) {
      const trail = this.#nearest(audit.event)
      counts[trail === undefined ? 'unanswered' : 'matchedWithoutRequestId'] += 1
      if (trail !== undefined) this.#left.delete(trail)
    }
    const onlyInCloudTrail = [...this.#left].filter((use) => this.#mustBeAudited(use))
    const differences = onlyInAudit.length + onlyInCloudTrail.length + contradictions.length
    return { ok: differences === 0, ...counts, onlyInAudit, onlyInCloudTrail, contradictions }
  }

  #explainAbsence(
    event: KeyServiceCalled,
  ): 'notYetDelivered' | 'outsidePeriod' | 'refusedUnlogged' | 'unanswered' | undefined {
    const at = Date.parse(event.at)
    const { fromMs, toMs, regions, deliveredUpToMs } = this.#period
    if (!regions.has(event.region) || at < fromMs - this.#clockMs || at > toMs + this.#clockMs)
      return 'outsidePeriod'
    if (event.outcome === 'unavailable') return 'unanswered'
    if (event.outcome === 'denied' && event.operation === 'AssumeRole') return 'refusedUnlogged'
    return at > deliveredUpToMs ? 'notYetDelivered' : undefined
  }

  #mustBeAudited(use: TrailUse): boolean {
    if (!use.resources.some((resource) => this.#resources.has(resource))) return false
    const at = Date.parse(use.at)
    const { auditedFromMs = -Infinity, auditedToMs = Infinity } = this.#options
    return at >= auditedFromMs - this.#clockMs && at <= auditedToMs + this.#clockMs
  }

  #nearest(event: KeyServiceCalled): TrailUse | undefined {
    const at = Date.parse(event.at)
    for (const use of this.#left) {
      const sameCall = use.operation === event.operation && use.region === event.region
      if (!sameCall || !use.resources.includes(event.resource)) continue
      const near = Math.abs(Date.parse(use.at) - at) <= this.#clockMs
      if (near && sameContext(event.encryptionContext, use.encryptionContext)) return use
    }
    return undefined
  }
}

function contradiction(event: KeyServiceCalled, use: TrailUse): string | undefined {
  if (event.operation !== use.operation)
    return `audited as ${event.operation}, in CloudTrail as ${use.operation}`
  if (use.region !== undefined && event.region !== use.region) {
    return `audited in ${event.region}, in CloudTrail in ${use.region}`
  }
  if (event.outcome === 'succeeded' && use.errorCode !== undefined) {
    return `audited as succeeded, in CloudTrail as ${use.errorCode}`
  }
  if (event.outcome === 'denied' && use.errorCode === undefined)
    return 'audited as denied, in CloudTrail as succeeded'
  // CloudTrail leaves the parameters of refused calls out
  if (use.resources.length > 0 && !use.resources.includes(event.resource)) {
    return 'the two name different keys or roles'
  }
  if (use.encryptionContext === undefined && use.errorCode !== undefined) return undefined
  return sameContext(event.encryptionContext, use.encryptionContext)
    ? undefined
    : 'the encryption contexts differ'
}

function sameContext(
  a: Readonly<Record<string, string>> | undefined,
  b: Readonly<Record<string, string>> | undefined,
): boolean {
  const names = Object.keys(a ?? {})
  return names.length === Object.keys(b ?? {}).length && names.every((name) => a?.[name] === b?.[name])
}
