import type { AuditSink } from '../audit/sink.ts'
import type { SecureMemory } from '../crypto/secure-memory.ts'
import type { Clock } from './clock.ts'
import type { KeyService } from './key-service.ts'
import type { WrappedKeyStore } from './wrapped-key-store.ts'

/** What a keyring did that is not a cache hit. */
export type KeyringEvent = 'loaded' | 'load-failed' | 'refreshed' | 'refresh-failed' | 'created'

/** Collaborators and limits of a keyring. */
export interface KeyringOptions {
  readonly keyService: KeyService
  readonly store: WrappedKeyStore
  readonly memory: SecureMemory
  readonly audit: AuditSink
  readonly clock: Clock
  /** Age of an unwrap at which its key is wiped, however often it is used. Default 1 hour. */
  readonly lifetimeMs?: number
  /** Age at which a used key is unwrapped anew, at the latest; the jitter only makes it earlier. Default 30 minutes. */
  readonly refreshAfterMs?: number
  /** How long keys must last when the key service fails at the worst moment. Default 15 minutes. */
  readonly outageGraceMs?: number
  readonly keysMax?: number
  readonly keysPerAuthorityMax?: number
  readonly observe?: (event: KeyringEvent, authorityId: string) => void
  /** Uniform in [0, 1); for jitter only. */
  readonly random?: () => number
}

/** The numbers of a keyring, complete and consistent. */
export interface KeyringLimits {
  readonly lifetimeMs: number
  readonly refreshAfterMs: number
  readonly keysMax: number
  readonly keysPerAuthorityMax: number
  readonly sweepIntervalMs: number
}

const MINUTE_MS = 60_000
/** Default of `outageGraceMs`. */
export const OUTAGE_GRACE_MS = 15 * MINUTE_MS
const SWEEP_INTERVAL_MS_MAX = 5_000

/** Fills in defaults and refuses what cannot keep its promise. Throws `RangeError`. */
export function keyringLimits(options: KeyringOptions): KeyringLimits {
  const lifetimeMs = options.lifetimeMs ?? 60 * MINUTE_MS
  const refreshAfterMs = options.refreshAfterMs ?? 30 * MINUTE_MS
  const outageGraceMs = options.outageGraceMs ?? OUTAGE_GRACE_MS
  const keysMax = options.keysMax ?? 50_000
  const keysPerAuthorityMax = options.keysPerAuthorityMax ?? 1_000
  const given = { lifetimeMs, refreshAfterMs, outageGraceMs, keysMax, keysPerAuthorityMax }
  for (const [name, value] of Object.entries(given)) {
    if (!(Number.isFinite(value) && value > 0)) throw new RangeError(`${name} must be a positive number`)
  }
  if (lifetimeMs - refreshAfterMs < outageGraceMs) {
    throw new RangeError(
      `lifetimeMs (${lifetimeMs}) less refreshAfterMs (${refreshAfterMs}) must be at least outageGraceMs ` +
        `(${outageGraceMs}), or keys would expire during an outage that the grace should bridge`,
    )
  }
  if (keysPerAuthorityMax > keysMax) throw new RangeError('keysPerAuthorityMax must not exceed keysMax')
  const sweepIntervalMs = Math.min(SWEEP_INTERVAL_MS_MAX, lifetimeMs / 100, refreshAfterMs / 10)
  return {
    lifetimeMs,
    // A sweep may start a refresh one interval late and ends a key up to one interval early.
    refreshAfterMs: refreshAfterMs - 2 * sweepIntervalMs,
    keysMax,
    keysPerAuthorityMax,
    sweepIntervalMs,
  }
}
