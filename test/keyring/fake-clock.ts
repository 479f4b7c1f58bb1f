import type { Clock, Timer } from '../../src/keyring/clock.ts'

interface Pending {
  readonly dueMs: number
  readonly order: number
  readonly callback: () => void
}

/** A clock that the test moves. */
export class FakeClock implements Clock {
  #nowMs = 1_000_000
  #order = 0
  readonly #pending = new Set<Pending>()

  now(): number {
    return this.#nowMs
  }

  wallTimeMs(): number {
    return Date.UTC(2026, 10, 22) + this.#nowMs
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const pending = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback }
    this.#pending.add(pending)
    return { cancel: () => void this.#pending.delete(pending) }
  }

  /** Pending timers. */
  get timers(): number {
    return this.#pending.size
  }

  /** Lets time pass: timers fire when they are due, and everything they set off settles in between. */
  async advance(durationMs: number): Promise<void> {
    const targetMs = this.#nowMs + durationMs
    await settle()
    for (;;) {
      const next = this.#next()
      if (next === undefined || next.dueMs > targetMs) break
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      this.#pending.delete(next)
      next.callback()
      await settle()
    }
    this.#nowMs = targetMs
  }

  /** Time passes while the process stands still: no timer fires until `advance`. */
  jump(durationMs: number): void {
    this.#nowMs += durationMs
  }

  #next(): Pending | undefined {
    let next: Pending | undefined
    for (const pending of this.#pending) {
      if (
        next === undefined ||
        pending.dueMs < next.dueMs ||
        (pending.dueMs === next.dueMs && pending.order < next.order)
      ) {
        next = pending
      }
    }
    return next
  }
}

/** Until no promise has anything left to do. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
