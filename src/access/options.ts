import type { AuditSink } from '../audit/sink.ts'
import type { Clock } from '../keyring/clock.ts'
import type { SuspensionStore } from '../registry/suspension.ts'
import type { AccessProver, KeyHolder } from './prover.ts'
import type { AccessShare } from './share.ts'

/** How one verification ended. */
export type VerificationOutcome = 'verified' | 'denied' | 'unavailable' | 'defect'

/** What metrics learn about access. */
export interface AccessObserver {
  verification?(authorityId: string, outcome: VerificationOutcome, durationMs: number): void
  /** `lastAllowedAgeMs`: how long before the cut the lease last allowed a use. */
  suspended?(authorityId: string, reason: string, transfersCut: number, lastAllowedAgeMs: number): void
  resumed?(authorityId: string, reason: string, suspendedMs: number): void
  /** A suspension could not be written; it stands in memory and is written again later. */
  persistenceFailed?(error: unknown): void
  /** A verification met something that is no verdict and no outage; for the log. */
  defect?(authorityId: string, error: unknown): void
}

/** Collaborators and limits of access control. */
export interface AccessOptions {
  readonly prover: AccessProver
  readonly keys: KeyHolder
  readonly suspensions: SuspensionStore
  readonly audit: AuditSink
  readonly clock: Clock
  /** Other replicas, where there are any. */
  readonly share?: AccessShare
  /** Longest time between a withdrawal of access and the last use it allows. Default 5,000 ms. */
  readonly revocationBoundMs?: number
  /** How long tenants are served while the key service gives no verdict. Default 15 minutes. */
  readonly outageGraceMs?: number
  /** An authority without requests for this long is no longer renewed in the background. Default 30 s. */
  readonly idleAfterMs?: number
  /** Longest pause between two probes of a suspended authority; with one verification it must stay under 30 s. Default 15 s. */
  readonly probeIntervalMsMax?: number
  /** How long requests wait for the first proof of an authority in this process, while none has a verdict. Default 5 s. */
  readonly firstProofWaitMs?: number
  readonly observe?: AccessObserver
  /** Uniform in [0, 1); for jitter only. */
  readonly random?: () => number
}

/** The times of a lease, in milliseconds. */
export interface AccessTimes {
  readonly revocationBoundMs: number
  readonly outageGraceMs: number
  readonly idleAfterMs: number
  /** A verification without an answer by then counts as unavailable. */
  readonly verificationTimeoutMs: number
  /** From a denial on, how long nothing is served while nobody says how far it reaches; then it concerns everything. */
  readonly judgementWaitMs: number
  /** From an unavailable verification to the next while the lease lasts: grows from the first to the second. */
  readonly retryPauseMs: number
  readonly retryPauseMsMax: number
  /** The same once there is no lease left: grows from here to `probeIntervalMsMax`. */
  readonly probeIntervalMsMin: number
  readonly probeIntervalMsMax: number
  /** From the first request to the end of patience with verifications that bring no first verdict. */
  readonly firstProofWaitMs: number
}

const MINUTE_MS = 60_000
/** Shares of the bound. */
const VERIFICATION_SHARE = 0.2
const RETRY_SHARE = 0.1
const RETRY_SHARE_MAX = 0.5
const JUDGEMENT_SHARE = 0.5
/** The contract's limit from the return of access to service. */
const RESTORE_MS_MAX = 30_000

/**
 * Derives every time from the bound. A lease ends one bound after the start of its proof and is renewed a margin before
 * that (`RenewalMargin`). A verification without a verdict carries it to one bound after its own start, and with one of
 * at most 0.2 and a pause of at most 0.5 of the bound, each further one concludes before that.
 * Throws `RangeError` when the numbers cannot keep the promise.
 */
export function accessTimes(options: AccessOptions): AccessTimes {
  const revocationBoundMs = options.revocationBoundMs ?? 5_000
  const times = {
    revocationBoundMs,
    outageGraceMs: options.outageGraceMs ?? 15 * MINUTE_MS,
    idleAfterMs: options.idleAfterMs ?? MINUTE_MS / 2,
    verificationTimeoutMs: revocationBoundMs * VERIFICATION_SHARE,
    judgementWaitMs: revocationBoundMs * JUDGEMENT_SHARE,
    retryPauseMs: revocationBoundMs * RETRY_SHARE,
    retryPauseMsMax: revocationBoundMs * RETRY_SHARE_MAX,
    probeIntervalMsMin: Math.min(2_000, options.probeIntervalMsMax ?? 2_000),
    probeIntervalMsMax: options.probeIntervalMsMax ?? 15_000,
    firstProofWaitMs: options.firstProofWaitMs ?? 5_000,
  }
  for (const [name, value] of Object.entries(times)) {
    if (!(Number.isFinite(value) && value > 0)) throw new RangeError(`${name} must be a positive number`)
  }
  if (times.probeIntervalMsMax + times.verificationTimeoutMs > RESTORE_MS_MAX) {
    throw new RangeError(
      `probeIntervalMsMax and one verification must fit ${RESTORE_MS_MAX} ms, or restoring takes longer than promised`,
    )
  }
  if (times.outageGraceMs < revocationBoundMs) {
    throw new RangeError('outageGraceMs must not be shorter than revocationBoundMs')
  }
  return times
}
