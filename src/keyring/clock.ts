/** A pending timer. */
export interface Timer {
  cancel(): void
}

/** Time as leases and key lifetimes see it; injected so that tests own it. */
export interface Clock {
  /** Milliseconds that never go back. Only differences have a meaning. */
  now(): number
  /** Milliseconds since the epoch, for records people read; never for a decision. */
  wallTimeMs(): number
  /** Calls back once after `delayMs`; does not keep the process alive. */
  setTimer(callback: () => void, delayMs: number): Timer
}

/** Wall time ahead of monotonic time by more than this means that the machine slept. */
const SLEEP_MS_MIN = 1_000

/**
 * The process's clock. The monotonic clock of most systems stands still while a virtual machine is suspended,
 * and a lease must not survive that: when wall time ran ahead, `now()` jumps forward with it.
 * A wall clock that was merely set forward therefore costs one early verification, nothing else.
 */
export function systemClock(
  monotonicMs: () => number = () => performance.now(),
  wallMs: () => number = Date.now,
): Clock {
  let leadMs = wallMs() - monotonicMs()
  let sleptMs = 0
  return {
    now() {
      const monotonic = monotonicMs()
      const lead = wallMs() - monotonic
      if (lead - leadMs > SLEEP_MS_MIN) {
        sleptMs += lead - leadMs
        leadMs = lead
      } else if (lead < leadMs) {
        leadMs = lead
      }
      return monotonic + sleptMs
    },
    wallTimeMs: wallMs,
    setTimer(callback, delayMs) {
      return new SystemTimer(setTimeout(callback, delayMs).unref())
    },
  }
}

class SystemTimer implements Timer {
  readonly #timeout: NodeJS.Timeout

  constructor(timeout: NodeJS.Timeout) {
    this.#timeout = timeout
  }

  cancel(): void {
    clearTimeout(this.#timeout)
  }
}

/** RFC 3339 in UTC with milliseconds. */
export function timestamp(wallTimeMs: number): string {
  return new Date(wallTimeMs).toISOString()
}
