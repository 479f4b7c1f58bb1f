import { PortcullisError } from '../../../errors.ts'
import type { RawHeaders } from '../../../wire/raw-headers.ts'
import { headerValue } from '../../../wire/raw-headers.ts'
import type { StoreResponseHandler, StoreTransfer } from '../../../upstream/upstream.ts'
import type { Loan } from '../../../wire/loan.ts'
import { OWNED } from '../../../wire/loan.ts'

/** Takes the body of a response. Exactly one of `end` and `error` comes last. */
export interface BodySink {
  /** The chunk is lent for the call, unless `loan` is retained, and may be changed. */
  data(chunk: Buffer, loan: Loan): void
  end(): void
  error(error: PortcullisError): void
}

/** A body that can be slowed down and given up. */
export interface BodySource {
  consume(sink: BodySink): void
  pause(): void
  resume(): void
  abort(): void
}

/** A store's response: its head at once, its body once somebody consumes it. */
export class BackendResponse implements StoreResponseHandler, BodySource {
  status = 0
  headers: RawHeaders = []
  readonly #resolve: (response: BackendResponse) => void
  readonly #reject: (error: PortcullisError) => void
  #transfer: StoreTransfer | undefined
  #sink: BodySink | undefined
  /** What came before somebody consumes it. */
  #early: { readonly chunk: Buffer; readonly loan: Loan }[] = []
  #collected: Promise<Buffer> | undefined
  #outcome: 'end' | PortcullisError | undefined

  constructor(resolve: (response: BackendResponse) => void, reject: (error: PortcullisError) => void) {
    this.#resolve = resolve
    this.#reject = reject
  }

  /** First value of a header, by lower-case name. */
  header(lowerCaseName: string): string | undefined {
    return headerValue(this.headers, lowerCaseName)
  }

  /** Bytes of the body as declared; undefined when they are not. */
  get contentLength(): number | undefined {
    const text = this.header('content-length')
    return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
  }

  head(status: number, headers: RawHeaders, _message: string, transfer: StoreTransfer): void {
    this.status = status
    this.headers = headers
    this.#transfer = transfer
    transfer.pause()
    this.#resolve(this)
  }

  data(chunk: Buffer, loan: Loan): void {
    if (this.#sink !== undefined) {
      this.#sink.data(chunk, loan)
      return
    }
    loan.retain()
    this.#early.push({ chunk, loan })
  }

  end(): void {
    this.#outcome = 'end'
    this.#sink?.end()
  }

  error(error: PortcullisError): void {
    if (this.#transfer === undefined) this.#reject(error)
    this.#outcome = error
    this.#sink?.error(error)
  }

  pause(): void {
    this.#transfer?.pause()
  }

  resume(): void {
    this.#transfer?.resume()
  }

  /** Gives the body to `sink` from now on. */
  consume(sink: BodySink): void {
    const early = this.#early
    this.#early = []
    this.#sink = sink
    for (const { chunk, loan } of early) {
      sink.data(chunk, loan)
      loan.release()
    }
    if (this.#sink !== sink) return
    if (this.#outcome === 'end') sink.end()
    else if (this.#outcome !== undefined) sink.error(this.#outcome)
    else this.resume()
  }

  /** The first bytes of the body, at least `bytes` of them unless it ends before; they are read again later. */
  peek(bytes: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const pieces: Buffer[] = []
      let got = 0
      let over = false
      const done = (): void => {
        if (over) return
        over = true
        this.pause()
        this.#sink = undefined
        this.#early = pieces.map((chunk) => ({ chunk, loan: OWNED }))
        resolve(Buffer.concat(pieces))
      }
      this.consume({
        data: (chunk) => {
          pieces.push(Buffer.from(chunk))
          got += chunk.length
          if (got >= bytes) done()
        },
        end: done,
        error: reject,
      })
    })
  }

  /** The whole body, however often it is asked for. Rejects with `store-response-invalid` past `bytesMax`. */
  collect(bytesMax: number): Promise<Buffer> {
    return (this.#collected ??= this.#collect(bytesMax))
  }

  #collect(bytesMax: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const pieces: Buffer[] = []
      let bytes = 0
      this.consume({
        data: (chunk) => {
          bytes += chunk.length
          if (bytes > bytesMax) {
            this.abort()
            reject(
              new PortcullisError('store-response-invalid', 'The store answered with more than expected.'),
            )
          } else {
            pieces.push(Buffer.from(chunk))
          }
        },
        end: () => resolve(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)),
        error: reject,
      })
    })
  }

  /** Gives up the body. */
  abort(): void {
    this.#sink = { data: () => {}, end: () => {}, error: () => {} }
    this.#transfer?.abort()
  }
}
