import type { Clock, Timer } from '../../src/keyring/clock.ts'

interface Pending {
  callback: (() => void) | undefined
}

/** A clock that the model moves by whole milliseconds: setting a timer costs the same however many there are. */
export class ModelClock implements Clock {
  #nowMs = 1_000_000
  readonly #due = new Map<number, Pending[]>()

  now(): number {
    return this.#nowMs
  }

  wallTimeMs(): number {
    return Date.UTC(2026, 10, 22) + this.#nowMs
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const pending: Pending = { callback }
    const dueMs = this.#nowMs + Math.max(0, Math.ceil(delayMs))
    const others = this.#due.get(dueMs)
    if (others === undefined) this.#due.set(dueMs, [pending])
    else others.push(pending)
    return { cancel: () => void (pending.callback = undefined) }
  }

  /** Fires what is due at this millisecond, and what that sets off, then goes on to the next one. */
  async step(): Promise<void> {
    for (;;) {
      const due = this.#due.get(this.#nowMs)
      if (due === undefined) break
      this.#due.delete(this.#nowMs)
      for (const { callback } of due) callback?.()
      await settled()
    }
    await settled()
    this.#nowMs += 1
  }
}

/** Until no promise has anything left to do. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
