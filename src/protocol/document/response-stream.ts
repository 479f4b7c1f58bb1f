import { BudgetShare, type ByteBudget } from '../../listener/byte-budget.ts'
import type { Exchange } from '../../listener/exchange.ts'
import type { RawHeaders } from '../../wire/raw-headers.ts'
import type { BodyTransform, BodyTransformStream } from './body-transform.ts'

/** The brake on whatever the bytes come from. */
interface Source {
  pause(): void
  resume(): void
}

/** Runs `release` once the exchange may release bytes: at once while its lease is valid. */
export type Admitted = (exchange: Exchange, release: () => void) => void

/** The head of a response that has not been sent yet. */
interface PendingHead {
  readonly status: number
  readonly headers: RawHeaders
  readonly statusMessage: string
}

/**
 * Releases a large response piece by piece; every piece only while the exchange is admitted. The head goes out with the
 * first piece, so that a fault before it can be refused cleanly.
 */
export class ResponseStream {
  readonly #exchange: Exchange
  readonly #source: Source
  readonly #transform: BodyTransformStream | undefined
  readonly #admitted: Admitted
  #head: PendingHead | undefined
  #state: 'closed' | 'asking' | 'open' = 'closed'
  #waiting: Promise<void> | undefined
  readonly #early: Buffer[] = []
  #trailers: RawHeaders | undefined

  constructor(
    exchange: Exchange,
    transform: BodyTransform | undefined,
    source: Source,
    admitted: Admitted,
    budget: ByteBudget,
  ) {
    this.#exchange = exchange
    this.#admitted = admitted
    this.#source = source
    if (transform !== undefined) {
      const share = new BudgetShare(budget)
      exchange.onEnd(() => share.end())
      this.#transform = transform.stream((chunk) => this.#send(chunk), share.change)
    }
    exchange.response.onDrain(() => this.#resume())
  }

  /** Says what the head is; pieces written before are released now. */
  start(status: number, headers: RawHeaders, statusMessage: string): void {
    if (this.#exchange.ended) return
    this.#head = { status, headers, statusMessage }
    if (this.#early.length > 0 || this.#trailers !== undefined) this.#ask()
    else this.#resume()
  }

  write(chunk: Buffer): void {
    if (this.#transform === undefined) this.#send(chunk)
    else this.#step(() => this.#transform!.write(chunk))
  }

  end(trailers: RawHeaders): void {
    if (this.#transform !== undefined) this.#step(() => this.#transform!.end())
    this.#step(() => {
      this.#trailers = trailers
      if (this.#state === 'open') this.#complete(trailers)
      else if (this.#state === 'closed' && this.#head !== undefined) this.#ask()
    })
  }

  #ask(): void {
    this.#state = 'asking'
    this.#admitted(this.#exchange, () => this.#release())
  }

  #complete(trailers: RawHeaders): void {
    if (this.#exchange.ended) return
    this.#exchange.response.end(undefined, trailers)
  }

  #send(chunk: Buffer): void {
    if (this.#exchange.ended) return
    if (this.#state === 'open') {
      if (this.#exchange.admitted) {
        if (!this.#exchange.send(chunk)) this.#source.pause()
        return
      }
      this.#state = 'closed'
    }
    this.#early.push(chunk)
    this.#source.pause()
    if (this.#state === 'closed' && (this.#head !== undefined || this.#exchange.response.headersSent))
      this.#ask()
  }

  #release(): void {
    this.#state = 'open'
    const head = this.#head
    if (head !== undefined && !this.#exchange.response.headersSent)
      this.#exchange.begin(head.status, head.headers, head.statusMessage)
    for (const chunk of this.#early.splice(0)) this.#send(chunk)
    if (this.#state === 'open' && this.#trailers !== undefined) this.#complete(this.#trailers)
    this.#resume()
  }

  #resume(): void {
    if (this.#state === 'asking' || this.#waiting !== undefined || this.#exchange.ended) return
    if (this.#state === 'closed' && this.#early.length > 0) return
    if (!this.#exchange.response.needsDrain) this.#source.resume()
  }

  #step(action: () => void | Promise<void>): void {
    if (this.#exchange.ended) return
    if (this.#waiting !== undefined) {
      this.#wait(this.#waiting.then(() => (this.#exchange.ended ? undefined : action())))
      return
    }
    try {
      const pending = action()
      if (pending !== undefined) this.#wait(pending)
    } catch (thrown) {
      this.#exchange.fail(thrown)
    }
  }

  #wait(pending: Promise<void>): void {
    this.#source.pause()
    const waiting: Promise<void> = pending.then(
      () => {
        if (this.#waiting !== waiting) return
        this.#waiting = undefined
        this.#resume()
      },
      (thrown: unknown) => this.#exchange.fail(thrown),
    )
    this.#waiting = waiting
  }
}
