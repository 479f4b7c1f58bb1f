import type { AppType, DataClass } from '../tenant/tenant.ts'

/** Members that every audit event has. */
interface AuditEventBase {
  /** RFC 3339, UTC, milliseconds. */
  readonly at: string
  /** Key authority concerned: an organization's id, or `vendor:<location>`. */
  readonly authority: string
}

/** One call to AWS KMS or STS; `awsRequestId` joins it with the customer's CloudTrail. */
export interface KeyServiceCalled extends AuditEventBase {
  readonly type: 'key-service.called'
  readonly operation: 'AssumeRole' | 'Encrypt' | 'Decrypt'
  /** What the call was for: a new tenant key, the use of one, or a proof of access. */
  readonly purpose: 'wrap' | 'unwrap' | 'verify'
  readonly region: string
  /** Key ARN, or role ARN for AssumeRole. */
  readonly resource: string
  readonly encryptionContext?: Readonly<Record<string, string>>
  readonly outcome: 'succeeded' | 'denied' | 'unavailable' | 'defect'
  readonly awsError?: string
  readonly awsRequestId?: string
}

/** The proofs of access of one interval, all granted: each request ID joins with the customer's CloudTrail. */
export interface KeyAccessProved extends AuditEventBase {
  readonly type: 'key-service.proved'
  /** `at` is the first of them, this the last; RFC 3339, UTC, milliseconds. */
  readonly until: string
  readonly outcome: 'succeeded'
  readonly uses: number
  /** Encryption contexts that the calls refer to by their place. */
  readonly contexts: readonly Readonly<Record<string, string>>[]
  readonly calls: readonly {
    readonly operation: KeyServiceCalled['operation']
    readonly region: string
    /** Key ARN, or role ARN for AssumeRole. */
    readonly resource: string
    readonly context?: number
    /** Milliseconds after `at`, a space, and the AWS request ID. */
    readonly requests: readonly string[]
  }[]
}

/** A tenant key was made and durably stored. */
export interface TenantKeyCreated extends AuditEventBase {
  readonly type: 'tenant-key.created'
  readonly organization: string
  readonly site: string
  readonly app: AppType
  readonly dataClass: DataClass
  readonly keyId: string
  readonly version: number
}

/** Every tenant key of an authority left this process's memory. */
export interface TenantKeysWiped extends AuditEventBase {
  readonly type: 'tenant-keys.wiped'
  readonly keys: number
}

/** A stored key or value did not authenticate. */
export interface CiphertextRefused extends AuditEventBase {
  readonly type: 'ciphertext.refused'
  readonly organization: string
  readonly site: string
  readonly app: AppType
  readonly keyId?: string
  /** What failed, in a few words; never content. */
  readonly detail: string
}

/** A suspension began, changed its reason, or ended. */
export interface SuspensionChanged extends AuditEventBase {
  readonly type: 'suspension.started' | 'suspension.changed' | 'suspension.ended'
  /** Value of the `Suspension-Id` header. */
  readonly suspensionId: string
  readonly reason: string
  /** RFC 3339, UTC, milliseconds. */
  readonly since: string
  readonly scope: string
  readonly region?: string
  readonly awsError?: string
  readonly awsRequestId?: string
  /** Who placed or lifted it, for an operator's suspension. */
  readonly by?: string
  /** Last instant at which this process allowed a use of the lease; on `suspension.started`. */
  readonly lastAllowedAt?: string
  /** Transfers that were running and were cut; on `suspension.started`. */
  readonly transfersCut?: number
}

/** The key service stopped or resumed giving verdicts for an authority. */
export interface AccessChanged extends AuditEventBase {
  readonly type: 'access.verified' | 'access.unavailable' | 'access.grace-ended' | 'access.defect'
  readonly detail?: string
}

/** Someone used the admin plane, or was refused there. */
export interface AdminActed extends AuditEventBase {
  readonly type: 'admin.acted'
  /** Name of the token, or the subject of the OIDC identity. */
  readonly actor: string
  readonly role: string
  /** Operation identifier of the admin API. */
  readonly operation: string
  /** What it was done to, as a path without query. */
  readonly resource: string
  readonly outcome: 'succeeded' | 'refused' | 'failed'
  /** Machine-readable reason of a refusal. */
  readonly problem?: string
  readonly requestId?: string
  readonly organization?: string
  readonly site?: string
}

/** An organization, its BYOK configuration, a site, an app or a credential was made or removed. */
export interface ProvisioningChanged extends AuditEventBase {
  readonly type: 'provisioning.changed'
  readonly organization: string
  readonly site?: string
  readonly app?: AppType
  readonly change: string
  readonly by: string
}

/** The audit trail reports about itself: rows that could not be kept, or were found damaged or gone. */
export interface AuditTrailDamaged extends AuditEventBase {
  readonly type: 'audit.repaired' | 'audit.events-lost' | 'audit.chain-regressed'
  /** What was found, in a few words. */
  readonly detail: string
  /** Events or rows concerned, where that is known. */
  readonly count?: number
}

/** Rows older than the retention were removed from a chain; a signed anchor takes their place. */
export interface AuditTrailPruned extends AuditEventBase {
  readonly type: 'audit.pruned'
  /** Sequence number of the last row that was removed. */
  readonly upTo: number
  readonly count: number
  /** Every event before this instant was allowed to go; RFC 3339, UTC, milliseconds. */
  readonly removedBefore: string
}

/** Everything the keys and leases report. Other folders add their own members here. */
export type AuditEvent =
  | KeyServiceCalled
  | KeyAccessProved
  | TenantKeyCreated
  | TenantKeysWiped
  | CiphertextRefused
  | SuspensionChanged
  | AccessChanged
  | AdminActed
  | ProvisioningChanged
  | AuditTrailDamaged
  | AuditTrailPruned
