/**
 * An instant that all replicas can place without comparing clocks: the place exchanges give out marks in one order, and
 * whoever has received a mark knows that everything it does from then on comes later than the mark.
 */
export interface Mark {
  /** Marks are comparable within one epoch: one running time of the server that gives them out. */
  readonly epoch: string
  /** Greater is later. */
  readonly count: number
}

/** Own marks kept; at a hundredth of the bound between two they reach back further than any lease. */
const MARKS_MAX = 128

/**
 * The marks this process asked for, each with the time just before it did. The newest own mark that is not later than
 * another replica's gives an instant that is certainly not later than that one, whatever the transport took and
 * whatever the clocks say.
 */
export class MarkBook {
  /** In the order of their counts; each with the latest instant at which it or an earlier one was asked for. */
  readonly #marks: { readonly count: number; notBeforeMs: number }[] = []
  readonly #apartMs: number
  #epoch = ''
  #notedAtMs = Number.NEGATIVE_INFINITY

  /** Of marks asked for less than `apartMs` after the one before, none is kept: a busy replica asks for very many. */
  constructor(apartMs = 0) {
    this.#apartMs = apartMs
  }

  /** When the newest mark kept was asked for; minus infinity before the first. */
  get newestAtMs(): number {
    return this.#notedAtMs
  }

  /** Notes a mark that was asked for at `askedAtMs` on this process's monotonic clock. */
  note({ epoch, count }: Mark, askedAtMs: number): void {
    if (epoch !== this.#epoch) {
      this.#marks.length = 0
      this.#epoch = epoch
    } else if (Math.abs(askedAtMs - this.#notedAtMs) < this.#apartMs) {
      return
    }
    this.#notedAtMs = askedAtMs
    // Answers can overtake each other; the order of the marks is what counts.
    const at = this.#after(count)
    const earlierMs = this.#marks[at - 1]?.notBeforeMs ?? Number.NEGATIVE_INFINITY
    const notBeforeMs = Math.max(askedAtMs, earlierMs)
    this.#marks.splice(at, 0, { count, notBeforeMs })
    for (const later of this.#marks.slice(at + 1))
      later.notBeforeMs = Math.max(later.notBeforeMs, notBeforeMs)
    if (this.#marks.length > MARKS_MAX) this.#marks.shift()
  }

  /** An instant of this process's clock that `mark` is not earlier than; minus infinity when nothing is known. */
  notBefore({ epoch, count }: Mark): number {
    if (epoch !== this.#epoch) return Number.NEGATIVE_INFINITY
    return this.#marks[this.#after(count) - 1]?.notBeforeMs ?? Number.NEGATIVE_INFINITY
  }

  /** Position of the first mark with a higher count. */
  #after(count: number): number {
    let low = 0
    let high = this.#marks.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#marks[middle]!.count <= count) low = middle + 1
      else high = middle
    }
    return low
  }
}
