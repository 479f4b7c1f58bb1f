import type { Exchange } from '../../listener/exchange.ts'
import type { RawHeaders } from '../../listener/raw-headers.ts'
import type { BodyTransform, BodyTransformStream } from './body-transform.ts'

/** The brake on whatever the bytes come from. */
interface Source {
  pause(): void
  resume(): void
}

/** Runs `release` once the exchange may release bytes: at once while its lease is valid. */
export type Admitted = (exchange: Exchange, release: () => void) => void

/** Releases a large response piece by piece; every piece only while the exchange is admitted. */
export class ResponseStream {
  readonly #exchange: Exchange
  readonly #source: Source
  readonly #transform: BodyTransformStream | undefined
  readonly #admitted: Admitted
  #open = false
  #waiting: Promise<void> | undefined
  readonly #early: Buffer[] = []
  #trailers: RawHeaders | undefined

  constructor(exchange: Exchange, transform: BodyTransform | undefined, source: Source, admitted: Admitted) {
    this.#exchange = exchange
    this.#admitted = admitted
    this.#source = source
    this.#transform = transform?.stream((chunk) => this.#send(chunk))
    exchange.response.on('drain', () => this.#resume())
  }

  /** Sends the head as soon as the exchange is admitted; pieces written before are released then. */
  start(status: number, headers: RawHeaders, statusMessage: string): void {
    this.#admitted(this.#exchange, () => {
      this.#exchange.begin(status, headers, statusMessage)
      this.#release()
    })
  }

  write(chunk: Buffer): void {
    if (this.#transform === undefined) this.#send(chunk)
    else this.#step(() => this.#transform!.write(chunk))
  }

  end(trailers: RawHeaders): void {
    if (this.#transform !== undefined) this.#step(() => this.#transform!.end())
    this.#step(() => {
      this.#trailers = trailers
      if (this.#open) this.#complete(trailers)
    })
  }

  #complete(trailers: RawHeaders): void {
    if (this.#exchange.ended) return
    if (trailers.length > 0) this.#exchange.response.addTrailers(pairs(trailers))
    this.#exchange.response.end()
  }

  #send(chunk: Buffer): void {
    if (this.#exchange.ended) return
    if (this.#open && !this.#exchange.admitted) {
      this.#open = false
      this.#admitted(this.#exchange, () => this.#release())
    }
    if (!this.#open) {
      this.#early.push(chunk)
      this.#source.pause()
      return
    }
    if (!this.#exchange.send(chunk)) this.#source.pause()
  }

  #release(): void {
    this.#open = true
    for (const chunk of this.#early.splice(0)) this.#send(chunk)
    if (this.#open && this.#trailers !== undefined) this.#complete(this.#trailers)
    this.#resume()
  }

  #resume(): void {
    if (this.#open && this.#waiting === undefined && !this.#exchange.response.writableNeedDrain)
      this.#source.resume()
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

function pairs(headers: RawHeaders): [string, string][] {
  const list: [string, string][] = []
  for (let index = 0; index < headers.length; index += 2) list.push([headers[index]!, headers[index + 1]!])
  return list
}
