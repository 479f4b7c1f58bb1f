import type { AccessOptions, AccessTimes } from './options.ts'
import type { RoundTrip } from './round-trip.ts'
import type { SuspensionJournal } from './suspension-journal.ts'

/** What all authorities of one access control share. */
export interface AccessContext {
  readonly options: AccessOptions
  readonly times: AccessTimes
  readonly journal: SuspensionJournal
  /** How long proofs take where the keys of a location lie. */
  readonly roundTripOf: (location: string) => RoundTrip
  /** Uniform in [0, 1); for jitter only. */
  readonly random: () => number
}
