import type { Exchange } from '../../../listener/exchange.ts'
import type { PortcullisError } from '../../../errors.ts'
import { keep } from '../../../wire/loan.ts'
import type { FormSource } from '../form-reader.ts'

/** The body of a request for a reader that asks for it: it is paused in between. */
export class PulledBody implements FormSource {
  readonly #exchange: Exchange
  readonly #queue: Buffer[] = []
  #ended = false
  #failure: PortcullisError | undefined
  #wake: (() => void) | undefined

  constructor(exchange: Exchange) {
    const { request } = exchange
    this.#exchange = exchange
    request.read({
      data: (chunk, loan) => {
        exchange.requestBytes += chunk.length
        this.#queue.push(keep(chunk, loan))
        request.pause()
        this.#wake?.()
      },
      end: () => {
        this.#ended = true
        this.#wake?.()
      },
    })
    exchange.onAbort((reason) => {
      this.#failure = reason
      this.#wake?.()
    })
    request.pause()
    exchange.continue()
  }

  async next(): Promise<Buffer | undefined> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      const piece = this.#queue.shift()
      if (piece !== undefined || this.#ended) return piece
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        this.#exchange.request.resume()
      })
    }
  }
}
