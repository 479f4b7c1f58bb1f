import { asPortcullisError, PortcullisError } from '../../../errors.ts'
import type { BackendResponse, BodySink, BodySource } from './backend-response.ts'

/** A body that goes on with that of a further request where the first has ended and more is wanted. */
export class ContinuedResponse implements BodySource {
  readonly #first: BackendResponse
  readonly #wantsMore: () => boolean
  readonly #next: () => Promise<BackendResponse | undefined>
  #current: BackendResponse
  #paused = false
  #aborted = false

  /** `next` resolves to undefined when the object has been replaced. */
  constructor(
    first: BackendResponse,
    wantsMore: () => boolean,
    next: () => Promise<BackendResponse | undefined>,
  ) {
    this.#first = first
    this.#wantsMore = wantsMore
    this.#next = next
    this.#current = first
  }

  consume(sink: BodySink): void {
    this.#first.consume({
      data: (chunk, loan) => sink.data(chunk, loan),
      end: () => {
        if (!this.#wantsMore()) sink.end()
        else this.#goOn(sink).catch((thrown: unknown) => sink.error(asPortcullisError(thrown)))
      },
      error: (error) => sink.error(error),
    })
  }

  pause(): void {
    this.#paused = true
    this.#current.pause()
  }

  resume(): void {
    this.#paused = false
    this.#current.resume()
  }

  abort(): void {
    this.#aborted = true
    this.#current.abort()
  }

  async #goOn(sink: BodySink): Promise<void> {
    if (this.#aborted) return
    const next = await this.#next()
    if (next === undefined)
      throw new PortcullisError('store-response-invalid', 'The object was replaced meanwhile.')
    this.#current = next
    if (this.#aborted) {
      next.abort()
      return
    }
    next.consume(sink)
    if (this.#paused) next.pause()
  }
}
