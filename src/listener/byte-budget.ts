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
