import { PortcullisError } from '../errors.ts'

/** The process-wide ceiling on bytes held for buffered bodies. */
export class ByteBudget {
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes
  }

  /** Takes `bytes` from the budget; throws `overloaded` when it is exhausted. */
  take(bytes: number): void {
    if (this.#bytes + bytes > this.#bytesMax) {
      throw new PortcullisError('overloaded', 'The gateway holds as many buffered bytes as it may.', {
        retryAfterSeconds: 1,
      })
    }
    this.#bytes += bytes
  }

  /** Gives back what `take` took. */
  give(bytes: number): void {
    this.#bytes -= bytes
  }
}

/** What one exchange holds of the budget: given back as a whole when it ends, whatever became of it. */
export class BudgetShare {
  readonly #budget: ByteBudget
  #bytes = 0
  #ended = false

  constructor(budget: ByteBudget) {
    this.#budget = budget
  }

  /** Takes more, or gives back if negative; throws `overloaded` as the budget does. */
  readonly change = (bytes: number): void => {
    if (this.#ended) return
    if (bytes > 0) this.#budget.take(bytes)
    else this.#budget.give(-bytes)
    this.#bytes += bytes
  }

  /** Gives everything back. */
  end(): void {
    this.#ended = true
    this.#budget.give(this.#bytes)
    this.#bytes = 0
  }
}
