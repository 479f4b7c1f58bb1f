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

/** Own marks kept; at one per tick they reach back further than any lease. */
const MARKS_MAX = 128

/**
 * The marks this process asked for, each with the time just before it did. The newest own mark that is not later than
 * another replica's gives an instant that is certainly not later than that one, whatever the transport took and
 * whatever the clocks say.
 */
export class MarkBook {
  readonly #marks: { readonly count: number; readonly askedAtMs: number }[] = []
  #epoch = ''

  /** Notes a mark that was asked for at `askedAtMs` on this process's monotonic clock. */
  note({ epoch, count }: Mark, askedAtMs: number): void {
    if (epoch !== this.#epoch) {
      this.#marks.length = 0
      this.#epoch = epoch
    }
    // Answers can overtake each other; the order of the marks is what counts.
    let at = this.#marks.length
    while (at > 0 && this.#marks[at - 1]!.count > count) at -= 1
    this.#marks.splice(at, 0, { count, askedAtMs })
    if (this.#marks.length > MARKS_MAX) this.#marks.shift()
  }

  /** An instant of this process's clock that `mark` is not earlier than; minus infinity when nothing is known. */
  notBefore({ epoch, count }: Mark): number {
    let latestMs = Number.NEGATIVE_INFINITY
    if (epoch !== this.#epoch) return latestMs
    for (const own of this.#marks) {
      if (own.count > count) break
      latestMs = Math.max(latestMs, own.askedAtMs)
    }
    return latestMs
  }
}
