import type { KeyServiceCalled } from './event.ts'

/** One use of a key or of the role, as the audit trail has it. */
export interface AuditedUse {
  readonly sequence: number
  readonly chain: string
  readonly event: KeyServiceCalled
}

/** One use as CloudTrail has it. */
export interface TrailUse {
  readonly at: string
  readonly operation: string
  readonly region: string | undefined
  readonly requestId: string | undefined
  readonly eventId: string | undefined
  readonly principal: string | undefined
  /** ARNs of the keys or roles concerned. */
  readonly resources: readonly string[]
  readonly errorCode: string | undefined
  readonly encryptionContext: Readonly<Record<string, string>> | undefined
}

/** Result of {@link reconcile}. */
export interface Reconciliation {
  /** True when nothing appears in only one of the two and nothing contradicts. */
  readonly ok: boolean
  readonly matched: number
  /** Attempts whose answer never reached the gateway, found in CloudTrail by operation, region, context and time. */
  readonly matchedWithoutRequestId: number
  /** Uses in the audit trail that CloudTrail should have and has not. */
  readonly onlyInAudit: readonly AuditedUse[]
  /** Uses in CloudTrail that the audit trail has not: somebody else's, or the gateway did not record them. */
  readonly onlyInCloudTrail: readonly TrailUse[]
  /** The same request, told differently. */
  readonly contradictions: readonly {
    readonly audit: AuditedUse
    readonly trail: TrailUse
    readonly detail: string
  }[]
  /** Audited uses so recent that CloudTrail may not have delivered them yet. */
  readonly notYetDelivered: number
  /** Audited uses before or after what the CloudTrail records span, or in regions they have none of. */
  readonly outsidePeriod: number
  /** Attempts that failed for want of an answer, and so may never have reached AWS. */
  readonly unanswered: number
  /** Refusals of AssumeRole: AWS shows them in the caller's account only. */
  readonly refusedUnlogged: number
}

/** Options of {@link reconcile}. */
export interface ReconcileOptions {
  /** Uses of these keys and roles must be in the audit trail; absent: of those that the audit trail names. */
  readonly resources?: readonly string[]
  /** What the audit rows span, milliseconds since the epoch; absent: everything. */
  readonly auditedFromMs?: number
  readonly auditedToMs?: number
  readonly deliveryMs?: number
  readonly clockMs?: number
  /** When the CloudTrail records were fetched, milliseconds since the epoch; absent: the newest record's time. */
  readonly fetchedAtMs?: number
}
