const FIRST_MS = 100
const LONGEST_MS = 30_000
/** Whoever ran for so long has not failed for what made others fail before. */
const SETTLED_MS = 60_000

/** How long to wait before something that ended is started again: twice as long each time, unless it had run well. */
export class BackOff {
  #nextMs = FIRST_MS

  /** `ranMs`: how long it ran; 0 when it did not start. */
  next(ranMs: number): number {
    if (ranMs >= SETTLED_MS) this.#nextMs = FIRST_MS
    const waitMs = this.#nextMs
    this.#nextMs = Math.min(2 * waitMs, LONGEST_MS)
    return waitMs
  }
}
