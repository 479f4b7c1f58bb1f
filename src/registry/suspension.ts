import type { DenialReason } from '../keyring/key-service.ts'

/** Why an authority is suspended: the values of the `Suspension-Reason` header. */
export type SuspensionReason = DenialReason | 'operator'

/** One suspension, open until it has an end. Times are RFC 3339, UTC, with milliseconds. */
export interface Suspension {
  /** Value of the `Suspension-Id` header; the audit trail has it too. */
  readonly id: string
  readonly authorityId: string
  readonly reason: SuspensionReason
  readonly scope: 'organization'
  readonly since: string
  readonly endedAt?: string
  /** Tenant key whose unwrap was denied: access counts as back when this one unwraps again. */
  readonly keyId?: string
  readonly region?: string
  readonly awsError?: string
  readonly awsRequestId?: string
  /** Who placed it, for an operator's suspension. */
  readonly by?: string
}

/** Where suspensions outlive the process. Reads are answered from memory. */
export interface SuspensionStore {
  /** Suspensions without an end. */
  open(): readonly Suspension[]
  /** All suspensions of an authority, newest first, at most `limit`. */
  history(authorityId: string, limit: number): Promise<readonly Suspension[]>
  /** Durably writes a suspension, new or changed. */
  save(suspension: Suspension): Promise<void>
}
