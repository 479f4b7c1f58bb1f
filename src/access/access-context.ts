import type { TenantApp } from '../tenant/tenant.ts'
import type { Agenda } from './agenda.ts'
import type { Backoff } from './backoff.ts'
import type { AccessOptions, AccessTimes } from './options.ts'
import type { RoundTrip } from './round-trip.ts'
import type { SuspensionJournal } from './suspension-journal.ts'
import type { Tenure } from './tenure.ts'

/** What all authorities of one access control share. */
export interface AccessContext {
  readonly options: AccessOptions
  readonly times: AccessTimes
  readonly journal: SuspensionJournal
  /** When verifications are due. */
  readonly agenda: Agenda
  /** Between verifications without a verdict: while the lease serves on, while everybody is refused; and between probes. */
  readonly backoff: Readonly<Record<'serving' | 'refusing' | 'probing', Backoff>>
  /** How long proofs take where the keys of a location lie. */
  readonly roundTripOf: (location: string) => RoundTrip
  /** The tenure of an app of the directory in force, whatever its authority. */
  readonly tenureByApp: WeakMap<TenantApp, Tenure>
  /** Uniform in [0, 1); for jitter only. */
  readonly random: () => number
}
