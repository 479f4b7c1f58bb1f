import type { Clock } from '../keyring/clock.ts'

/** Size and refill of a retry budget. */
export interface RetryBudgetOptions {
  readonly tokensMax: number
  readonly refillIntervalMs: number
}

/**
 * Token bucket that first attempts never touch and each retry takes one from: during an outage the calls of an
 * authority fall back to about one attempt each, instead of multiplying.
 */
export class RetryBudget {
  readonly #options: RetryBudgetOptions
  readonly #clock: Clock
  #tokens: number
  #filledAtMs: number

  constructor(options: RetryBudgetOptions, clock: Clock) {
    this.#options = options
    this.#clock = clock
    this.#tokens = options.tokensMax
    this.#filledAtMs = clock.now()
  }

  /** Takes a token if there is one. */
  take(): boolean {
    const now = this.#clock.now()
    const refilled = Math.floor((now - this.#filledAtMs) / this.#options.refillIntervalMs)
    if (refilled > 0) {
      this.#tokens = Math.min(this.#options.tokensMax, this.#tokens + refilled)
      this.#filledAtMs += refilled * this.#options.refillIntervalMs
    }
    if (this.#tokens === 0) return false
    this.#tokens -= 1
    return true
  }
}
