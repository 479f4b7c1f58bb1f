/** Gains of RFC 6298, section 2. */
const ALPHA = 1 / 8
const BETA = 1 / 4
const DEVIATIONS = 4

/** How long proofs take, smoothed as TCP smooths its round trips (RFC 6298, section 2). */
export class RoundTrip {
  #smoothedMs: number | undefined
  #deviationMs = 0

  /** Takes in one proof that was answered. */
  observe(tookMs: number): void {
    if (this.#smoothedMs === undefined) {
      this.#smoothedMs = tookMs
      this.#deviationMs = tookMs / 2
      return
    }
    this.#deviationMs += BETA * (Math.abs(this.#smoothedMs - tookMs) - this.#deviationMs)
    this.#smoothedMs += ALPHA * (tookMs - this.#smoothedMs)
  }

  /** Milliseconds within which nearly every proof is answered; undefined before the first. */
  get nearlyAlwaysMs(): number | undefined {
    return this.#smoothedMs === undefined ? undefined : this.#smoothedMs + DEVIATIONS * this.#deviationMs
  }
}
