/**
 * Who asks how often: a few tenants have most of the requests (Zipf, exponent 1), and only those whose working day it
 * is ask at all.
 */
export class Activity {
  /** Requests per second of the whole fleet. */
  readonly requestsPerSecond: number
  readonly #awake: readonly number[]
  readonly #cumulative: Float64Array
  readonly #random: () => number
  #owed = 0

  constructor(tenants: number, awakeShare: number, requestsPerSecond: number, random: () => number) {
    this.requestsPerSecond = requestsPerSecond
    this.#random = random
    this.#awake = Array.from({ length: tenants }, (_, tenant) => tenant).filter(() => random() < awakeShare)
    this.#cumulative = new Float64Array(this.#awake.length)
    let sum = 0
    for (let rank = 0; rank < this.#awake.length; rank += 1) this.#cumulative[rank] = sum += 1 / (rank + 1)
  }

  get awake(): number {
    return this.#awake.length
  }

  /** The tenants that ask within the next millisecond. */
  *next(): Generator<number> {
    for (this.#owed += this.requestsPerSecond / 1000; this.#owed >= 1; this.#owed -= 1) yield this.#draw()
  }

  #draw(): number {
    const sum = this.#random() * this.#cumulative.at(-1)!
    let low = 0
    let high = this.#cumulative.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#cumulative[middle]! < sum) low = middle + 1
      else high = middle
    }
    return this.#awake[low]!
  }
}
