import type { Clock } from './clock.ts'

/** Remembers failures for a short time so that repeating a hopeless question costs nothing. Bounded, oldest out first. */
export class NegativeCache {
  readonly #failures = new Map<string, { readonly untilMs: number; readonly error: Error }>()
  readonly #clock: Clock
  readonly #entriesMax: number

  constructor(clock: Clock, entriesMax: number) {
    this.#clock = clock
    this.#entriesMax = entriesMax
  }

  /** The remembered failure, if it still stands. */
  get(key: string): Error | undefined {
    const failure = this.#failures.get(key)
    if (failure === undefined) return undefined
    if (this.#clock.now() < failure.untilMs) return failure.error
    this.#failures.delete(key)
    return undefined
  }

  set(key: string, error: Error, durationMs: number): void {
    this.#failures.delete(key)
    if (this.#failures.size >= this.#entriesMax) {
      for (const oldest of this.#failures.keys()) {
        this.#failures.delete(oldest)
        break
      }
    }
    this.#failures.set(key, { untilMs: this.#clock.now() + durationMs, error })
  }

  delete(key: string): void {
    this.#failures.delete(key)
  }
}
