import type { CutReport } from '../access/share.ts'
import type { Logger } from '../observability/logger.ts'
import type { CutConfirmation, CutConfirmations } from '../registry/cut-confirmations.ts'

const PRESENT_EVERY_MS = 30_000
const RETRY_MS = 2_000

/** A process that is known to have ended, and when (RFC 3339). */
export interface EndedProcess {
  readonly name: string
  readonly endedAt: string
}

/** Has this replica's presence and its cuts written into the registry: as soon as it can be, and again until it is. */
export class CutEvidence {
  readonly #replica: string
  readonly #store: CutConfirmations
  readonly #logger: Logger
  readonly #startedAt = new Date().toISOString()
  readonly #pending = new Map<string, CutConfirmation>()
  readonly #presence: NodeJS.Timeout
  #writing: Promise<void> | undefined
  #retry: NodeJS.Timeout | undefined

  private constructor(replica: string, store: CutConfirmations, logger: Logger) {
    this.#replica = replica
    this.#store = store
    this.#logger = logger
    this.#presence = setInterval(() => void this.#present().catch(this.#failed), PRESENT_EVERY_MS)
    this.#presence.unref()
  }

  /** Resolves once the registry knows of this replica: before that it must not serve, or it would not be missed. */
  static async open(
    replica: string,
    store: CutConfirmations,
    logger: Logger,
    predecessor?: EndedProcess,
  ): Promise<CutEvidence> {
    const evidence = new CutEvidence(replica, store, logger)
    await evidence.#present()
    // one that has ended holds no keys any more, and cannot say so itself
    if (predecessor !== undefined) await store.stopped(predecessor.name, predecessor.endedAt)
    return evidence
  }

  /** Queues what this replica did. Never throws, never blocks. */
  readonly record = ({ suspension, lastAllowedAt, wipedAt, keysWiped, transfersCut }: CutReport): void => {
    this.#pending.set(suspension.id, {
      suspensionId: suspension.id,
      replica: this.#replica,
      lastAllowedAt: lastAllowedAt ?? null,
      wipedAt,
      keysWiped,
      transfersCut,
    })
    this.#start()
  }

  /** Writes what is pending, if that works at once, and says that nothing more is to be expected of this replica. */
  async close(): Promise<void> {
    clearInterval(this.#presence)
    await this.#writing
    clearTimeout(this.#retry)
    await this.#store.stopped(this.#replica, new Date().toISOString()).catch(this.#failed)
  }

  #present(): Promise<void> {
    return this.#store.present(this.#replica, this.#startedAt, Date.now())
  }

  #start(): void {
    this.#writing ??= this.#drain().finally(() => {
      this.#writing = undefined
    })
  }

  async #drain(): Promise<void> {
    // The cut goes on first.
    await Promise.resolve()
    for (const [id, confirmation] of this.#pending) {
      try {
        await this.#store.confirm(confirmation)
        this.#pending.delete(id)
      } catch (thrown) {
        this.#failed(thrown)
        clearTimeout(this.#retry)
        this.#retry = setTimeout(() => this.#start(), RETRY_MS)
        this.#retry.unref()
        return
      }
    }
  }

  readonly #failed = (error: unknown): void =>
    this.#logger.warn('the evidence of this replica cannot be written', { error })
}
