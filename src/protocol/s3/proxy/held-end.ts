import type { OpenedSink } from './object-delivery.ts'

const nothingToGiveBack = (): void => {}

/**
 * Keeps the last piece back until everything has verified, once told to: the end of an object that is found missing after its
 * last byte left could not be taken back, and a client would take what it has for all of it.
 */
export class HeldEnd implements OpenedSink {
  readonly #sink: OpenedSink
  #holds = false
  #held: Buffer | undefined

  constructor(sink: OpenedSink) {
    this.#sink = sink
  }

  hold(): void {
    this.#holds = true
  }

  data(pieces: readonly Buffer[], done: () => void): boolean {
    if (!this.#holds) return this.#sink.data(pieces, done)
    const before = this.#held
    this.#held = Buffer.concat(pieces)
    done()
    return before === undefined || this.#sink.data([before], nothingToGiveBack)
  }

  end(): void {
    if (this.#held !== undefined) this.#sink.data([this.#held], nothingToGiveBack)
    this.#sink.end()
  }

  error(error: unknown): void {
    this.#held?.fill(0)
    this.#sink.error(error)
  }
}
