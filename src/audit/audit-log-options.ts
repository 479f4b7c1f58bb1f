import type { Signer } from '../crypto/signature.ts'
import type { AuditStore } from './audit-store.ts'
import type { SignedCheckpoint } from './checkpoint.ts'

/** What happens when events come faster than the store takes them, or the store is away. */
export type WhenFull =
  /** `accepting` turns false, and the gateway answers 503 until there is room again. */
  | 'refuse'
  /** Events go to a local file and from there to the store when it can take them. */
  | 'spill'

/** Collaborators and limits of an {@link AuditLog}. */
export interface AuditLogOptions {
  readonly store: AuditStore
  /** Signs checkpoints; without it there are none. */
  readonly signer?: Signer
  readonly whenFull: WhenFull
  /** Required for `spill`; with `refuse` it only takes what the store has not by the time of `close`. */
  readonly spillFile?: string
  /** Size of the spill file at which `accepting` turns false. Default 256 MiB. */
  readonly spillBytesMax?: number
  /** Events in memory at which the queue counts as full. Default 10,000. */
  readonly queueEventsMax?: number
  /** Room beyond that for events nobody can refuse, such as a suspension. Default a quarter of the queue. */
  readonly reserveEventsMax?: number
  readonly batchEventsMax?: number
  /** How long the first event of a batch waits for company. Default 10 ms. */
  readonly batchDelayMs?: number
  /** Default 10 s. */
  readonly storeTimeoutMs?: number
  /** Rows of a chain that may lie behind its newest checkpoint. Default 1,000. */
  readonly checkpointRowsMax?: number
  /** How long they may. Default 1 minute. */
  readonly checkpointIntervalMs?: number
  /** Milliseconds since the epoch. */
  readonly wallTimeMs?: () => number
  /** Told of every checkpoint that is in the store, so that a copy can be kept elsewhere. */
  readonly onCheckpoint?: (checkpoint: SignedCheckpoint) => void
  /** Told of every failure of the store or the disk; for the log. */
  readonly onError?: (error: unknown) => void
}

/** An {@link AuditLog}'s counters and levels, for metrics. */
export interface AuditLogStats {
  /** Events taken since the start. */
  readonly recorded: number
  /** Rows made durable in the store. */
  readonly written: number
  /** Events that went through the spill file. */
  readonly spilled: number
  /** Events that found no room at all; the chain says so as well. */
  readonly lost: number
  readonly appendFailures: number
  readonly checkpoints: number
  /** Times the store's chain was found shorter than this process knows it. */
  readonly chainRegressions: number
  /** Events in memory now. */
  readonly queued: number
  /** Bytes in the spill file now. */
  readonly spillBytes: number
}

/** Options with every number filled in. */
export type AuditLogLimits = Required<
  Pick<
    AuditLogOptions,
    | 'spillBytesMax'
    | 'queueEventsMax'
    | 'reserveEventsMax'
    | 'batchEventsMax'
    | 'batchDelayMs'
    | 'storeTimeoutMs'
    | 'checkpointRowsMax'
    | 'checkpointIntervalMs'
  >
>

/** Fills in defaults. Throws `RangeError` on numbers that make no sense and `TypeError` on `spill` without a file. */
export function auditLogLimits(options: AuditLogOptions): AuditLogLimits {
  const queueEventsMax = options.queueEventsMax ?? 10_000
  const limits: AuditLogLimits = {
    queueEventsMax,
    spillBytesMax: options.spillBytesMax ?? 256 * 1024 * 1024,
    reserveEventsMax: options.reserveEventsMax ?? Math.ceil(queueEventsMax / 4),
    batchEventsMax: options.batchEventsMax ?? 500,
    batchDelayMs: options.batchDelayMs ?? 10,
    storeTimeoutMs: options.storeTimeoutMs ?? 10_000,
    checkpointRowsMax: options.checkpointRowsMax ?? 1_000,
    checkpointIntervalMs: options.checkpointIntervalMs ?? 60_000,
  }
  for (const [name, value] of Object.entries(limits)) {
    const least = name === 'batchDelayMs' || name === 'reserveEventsMax' ? 0 : 1
    if (!Number.isSafeInteger(value) || value < least)
      throw new RangeError(`${name} must be an integer >= ${least}`)
  }
  if (options.whenFull === 'spill' && options.spillFile === undefined) {
    throw new TypeError("whenFull 'spill' needs a spillFile")
  }
  return limits
}
