import type { DenialReason } from '../keyring/key-service.ts'
import { APP_TYPES, DATA_CLASSES } from '../tenant/tenant.ts'
import type { AppType, DataClass } from '../tenant/tenant.ts'

/** Why an authority is suspended: the values of the `Suspension-Reason` header. */
export type SuspensionReason = DenialReason | 'operator'

/**
 * What is suspended, the `Suspension-Scope` header: everything of the authority, one app (`app:<site>/<app>`) or one
 * kind of content of an app (`data-class:<site>/<app>/<data class>`). Site names contain no slash.
 */
export type SuspensionScope =
  | 'organization'
  | `app:${string}/${AppType}`
  | `data-class:${string}/${AppType}/${DataClass}`

const SCOPE = new RegExp(
  `^(organization|app:[^/]+/(${APP_TYPES.join('|')})|` +
    `data-class:[^/]+/(${APP_TYPES.join('|')})/(${DATA_CLASSES.join('|')}))$`,
)

/** A stored or received scope. Throws `TypeError` when it is none. */
export function suspensionScope(text: string): SuspensionScope {
  if (!SCOPE.test(text)) throw new TypeError('not a suspension scope')
  return text as SuspensionScope
}

/** One suspension, open until it has an end. Times are RFC 3339, UTC, with milliseconds. */
export interface Suspension {
  /** Value of the `Suspension-Id` header; the audit trail has it too. */
  readonly id: string
  readonly authorityId: string
  readonly reason: SuspensionReason
  readonly scope: SuspensionScope
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
