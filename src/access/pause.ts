const GROWTH = 1.5
const JITTER = 0.2

/** Pauses that grow from one to the next up to a limit; jitter only shortens them. */
export class Pause {
  readonly #shortestMs: number
  readonly #longestMs: number
  readonly #random: () => number
  #nextMs: number

  constructor(shortestMs: number, longestMs: number, random: () => number) {
    this.#shortestMs = shortestMs
    this.#longestMs = longestMs
    this.#random = random
    this.#nextMs = shortestMs
  }

  /** Milliseconds to wait now. */
  next(): number {
    const pauseMs = this.#nextMs * (1 - JITTER * this.#random())
    this.#nextMs = Math.min(this.#nextMs * GROWTH, this.#longestMs)
    return pauseMs
  }

  reset(): void {
    this.#nextMs = this.#shortestMs
  }
}
