import type { PendingEntry } from './row.ts'

/** An entry with its place in the order of arrival. */
export interface QueuedEntry extends PendingEntry {
  readonly ordinal: number
}

interface Waiter {
  readonly ordinal: number
  readonly resolve: () => void
}

/**
 * Entries that are not durable yet: waiting, being written, or being spilled. Knows who waits for which of them.
 */
export class AuditQueue {
  #waiting: QueuedEntry[] = []
  #writing: readonly QueuedEntry[] = []
  #spilling: readonly QueuedEntry[] = []
  #waiters: Waiter[] = []
  #lastOrdinal = 0

  /** Entries that wait; those being written or spilled are not counted. */
  get length(): number {
    return this.#waiting.length
  }

  /** Entries in memory. */
  get total(): number {
    return this.#waiting.length + this.#writing.length + this.#spilling.length
  }

  push(entry: PendingEntry): number {
    this.#lastOrdinal += 1
    this.#waiting.push({ ...entry, ordinal: this.#lastOrdinal })
    return this.#lastOrdinal
  }

  /** Takes the oldest entries for writing; they stay pending until {@link written}. */
  takeForWriting(entriesMax: number): readonly QueuedEntry[] {
    this.#writing = this.#waiting.splice(0, entriesMax)
    return this.#writing
  }

  written(): void {
    this.#writing = []
    this.#wakeWaiters()
  }

  /** Takes every waiting entry for spilling, and with `all` those being written too. */
  takeForSpilling(all = false): readonly QueuedEntry[] {
    this.#spilling = all ? [...this.#writing, ...this.#waiting] : this.#waiting
    this.#waiting = []
    if (all) this.#writing = []
    return this.#spilling
  }

  spilled(): void {
    this.#spilling = []
    this.#wakeWaiters()
  }

  /** Puts entries that could not be spilled back to the front. */
  spillFailed(): void {
    this.#waiting = [...this.#spilling, ...this.#waiting]
    this.#spilling = []
  }

  /** Resolves when the entry with this ordinal and all before it are durable; without one, all there are now. */
  durable(ordinal = this.#lastOrdinal): Promise<void> {
    if (ordinal < this.#oldestPending()) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiters.push({ ordinal, resolve })
    })
  }

  #oldestPending(): number {
    const first = (entries: readonly QueuedEntry[]): number => entries[0]?.ordinal ?? Infinity
    return Math.min(first(this.#waiting), first(this.#writing), first(this.#spilling))
  }

  #wakeWaiters(): void {
    const oldest = this.#oldestPending()
    const ready = this.#waiters.filter(({ ordinal }) => ordinal < oldest)
    if (ready.length === 0) return
    this.#waiters = this.#waiters.filter(({ ordinal }) => ordinal >= oldest)
    for (const { resolve } of ready) resolve()
  }
}
