import type { AccessOptions, AccessTimes } from './options.ts'
import type { SuspensionJournal } from './suspension-journal.ts'

/** What all authorities of one access control share. */
export interface AccessContext {
  readonly options: AccessOptions
  readonly times: AccessTimes
  readonly journal: SuspensionJournal
  /** Uniform in [0, 1); for jitter only. */
  readonly random: () => number
}
