import type { Clock, Timer } from '../../src/keyring/clock.ts'

/** One replica's view of a clock: another zero, and no timer fires while its process stands still or once it has died. */
export class ReplicaClock implements Clock {
  readonly #clock: Clock
  readonly #offsetMs: number
  /** What is to happen when the process goes on; undefined while it runs. */
  #waiting: (() => void)[] | undefined

  constructor(clock: Clock, offsetMs: number) {
    this.#clock = clock
    this.#offsetMs = offsetMs
  }

  now(): number {
    return this.#clock.now() + this.#offsetMs
  }

  wallTimeMs(): number {
    return this.#clock.wallTimeMs()
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    let cancelled = false
    const fire = (): void => {
      if (!cancelled) callback()
    }
    const timer = this.#clock.setTimer(() => this.run(fire), delayMs)
    return {
      cancel: () => {
        cancelled = true
        timer.cancel()
      },
    }
  }

  get running(): boolean {
    return this.#waiting === undefined
  }

  /** Runs now, or when the process goes on. */
  run(work: () => void): void {
    if (this.#waiting === undefined) work()
    else this.#waiting.push(work)
  }

  /** SIGSTOP; for good, the process has died. */
  stop(): void {
    this.#waiting ??= []
  }

  /** SIGCONT: everything that came meanwhile happens now, one after the other. */
  resume(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const work of waiting) work()
  }
}
