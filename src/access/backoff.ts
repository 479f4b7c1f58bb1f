const GROWTH = 1.5
const JITTER = 0.2

/** Pauses that grow from one to the next up to a limit; jitter only shortens them. */
export class Backoff {
  readonly #shortestMs: number
  readonly #longestMs: number
  readonly #random: () => number

  constructor(shortestMs: number, longestMs: number, random: () => number) {
    this.#shortestMs = shortestMs
    this.#longestMs = longestMs
    this.#random = random
  }

  /** Milliseconds to wait now, after so many pauses in a row. */
  pauseMs(before: number): number {
    const grownMs = Math.min(this.#shortestMs * GROWTH ** before, this.#longestMs)
    return grownMs * (1 - JITTER * this.#random())
  }
}
