import type { Clock } from '../keyring/clock.ts'
import type { Suspension, SuspensionStore } from '../registry/suspension.ts'

const RETRY_MS = 2_000

/**
 * Writes suspensions durably without ever delaying a cut: the newest state of each is written as soon as the store
 * takes it, and again after a failure until it does.
 */
export class SuspensionJournal {
  readonly #store: SuspensionStore
  readonly #clock: Clock
  readonly #failed: (error: unknown) => void
  readonly #pending = new Map<string, Suspension>()
  #writing: Promise<void> | undefined
  #writingId: string | undefined

  constructor(store: SuspensionStore, clock: Clock, failed: (error: unknown) => void) {
    this.#store = store
    this.#clock = clock
    this.#failed = failed
  }

  /** Queues the newest state of a suspension. Never throws. */
  write(suspension: Suspension): void {
    this.#pending.set(suspension.id, suspension)
    this.#start()
  }

  /** True while the newest state of a suspension is not written yet. */
  isPending(id: string): boolean {
    return this.#pending.has(id) || this.#writingId === id
  }

  /** Resolves when everything queued so far was written or has failed once. */
  async settled(): Promise<void> {
    await this.#writing
  }

  #start(): void {
    this.#writing ??= this.#drain().finally(() => {
      this.#writing = undefined
    })
  }

  async #drain(): Promise<void> {
    // The cut goes on first; a synchronous store writes only after it.
    await Promise.resolve()
    for (const [id, suspension] of this.#pending) {
      this.#pending.delete(id)
      this.#writingId = id
      try {
        await this.#store.save(suspension)
      } catch (thrown) {
        this.#failed(thrown)
        if (!this.#pending.has(id)) this.#pending.set(id, suspension)
        this.#clock.setTimer(() => this.#start(), RETRY_MS)
        return
      } finally {
        this.#writingId = undefined
      }
    }
  }
}
