import { PortcullisError } from '../../errors.ts'
import type { ByteBudget } from '../../listener/byte-budget.ts'
import type { Exchange } from '../../listener/exchange.ts'
import type { RawHeaders } from '../../wire/raw-headers.ts'
import type { StoreResponseHandler, StoreTransfer } from '../../upstream/upstream.ts'
import { DIGEST_HEADERS } from './body-digest.ts'
import type { BodyTransform } from './body-transform.ts'
import { createDecoder, type Decoder, isIdentity } from './content-coding.ts'
import { type Admitted, ResponseStream } from './response-stream.ts'
import { type Mount, readResponseHead, type ResponseHead } from './response-headers.ts'

/** How responses of a route are released. */
export interface ResponsePlan {
  /** The transform for a body, by status and media type; undefined passes it, a throw refuses it. */
  transform(status: number, contentType: string | undefined): BodyTransform | undefined
  /** True when the route's responses are covered at all. */
  readonly covered: boolean
  /** Bytes of a body, decoded and as the store has it. */
  readonly bodyBytesMax: number
  readonly mount: Mount
  readonly bufferedBodyBytesMax: number
  readonly budget: ByteBudget
  readonly admitted: Admitted
}

/**
 * Receives a store's response and releases it to the client: held whole while small, so that a fault becomes a clean
 * refusal; streamed with backpressure beyond that, where a fault cuts the connection.
 */
export class StoreResponse implements StoreResponseHandler {
  readonly #exchange: Exchange
  readonly #plan: ResponsePlan
  #status = 0
  #statusMessage = ''
  #head: ResponseHead | undefined
  #transfer: StoreTransfer | undefined
  #transform: BodyTransform | undefined
  #decoder: Decoder | undefined
  #bodyBytes = 0
  #held: Buffer[] = []
  #heldBytes = 0
  #trailers: RawHeaders = []
  #stream: ResponseStream | undefined

  constructor(exchange: Exchange, plan: ResponsePlan) {
    this.#exchange = exchange
    this.#plan = plan
    exchange.onEnd(() => plan.budget.give(this.#heldBytes))
  }

  head(status: number, headers: RawHeaders, statusMessage: string, transfer: StoreTransfer): void {
    this.#transfer = transfer
    this.#status = status
    // What a store says there may be no text that can be sent on.
    this.#statusMessage = REASON_PHRASE.test(statusMessage) ? statusMessage : ''
    try {
      const head = readResponseHead(headers, this.#plan.covered, this.#plan.mount)
      this.#head = head
      if (this.#bodiless()) {
        this.#releaseHead(head)
        return
      }
      if (head.contentLength !== 0) this.#transform = this.#plan.transform(status, head.contentType)
      if (this.#plan.covered && !isIdentity(head.contentEncoding))
        this.#decoder = this.#createDecoder(head.contentEncoding!)
      if (this.#decoder !== undefined || head.contentLength === undefined) return
      if (head.contentLength > this.#plan.bodyBytesMax) throw tooLong(this.#plan.bodyBytesMax)
      if (head.contentLength > this.#plan.bufferedBodyBytesMax) this.#startStream()
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  data(chunk: Buffer): void {
    if (this.#decoder === undefined) this.#decoded(chunk)
    else if (!this.#decoder.write(chunk)) this.#transfer?.pause()
  }

  end(trailers: RawHeaders): void {
    if (this.#exchange.ended || this.#bodiless()) return
    this.#trailers = this.#plan.covered ? withoutDigests(trailers) : trailers
    if (this.#decoder !== undefined) this.#decoder.end()
    else this.#finish()
  }

  error(error: PortcullisError): void {
    this.#exchange.fail(error)
  }

  #bodiless(): boolean {
    return this.#exchange.method === 'HEAD' || this.#status === 204 || this.#status === 304
  }

  // The store's length is that of ciphertext; without a body to measure, a covered response tells none.
  #releaseHead(head: ResponseHead): void {
    const headers = head.headers
    if (!this.#plan.covered && head.contentLength !== undefined && this.#status !== 204)
      headers.push('Content-Length', String(head.contentLength))
    this.#plan.admitted(this.#exchange, () => {
      this.#exchange.reply(this.#status, headers, undefined, this.#statusMessage)
    })
  }

  #decoded(chunk: Buffer): void {
    if (this.#exchange.ended) return
    this.#bodyBytes += chunk.length
    if (this.#bodyBytes > this.#plan.bodyBytesMax) {
      this.#fail(tooLong(this.#plan.bodyBytesMax))
      return
    }
    if (this.#stream !== undefined) {
      this.#stream.write(chunk)
      return
    }
    try {
      this.#plan.budget.take(chunk.length)
      this.#heldBytes += chunk.length
      this.#held.push(chunk)
      if (this.#heldBytes > this.#plan.bufferedBodyBytesMax) this.#startStream()
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  #startStream(): void {
    const head = this.#head!
    const source = {
      pause: () => (this.#decoder ?? this.#transfer)?.pause(),
      resume: () => (this.#decoder ?? this.#transfer)?.resume(),
    }
    const { admitted, budget } = this.#plan
    const stream = new ResponseStream(this.#exchange, this.#transform, source, admitted, budget)
    this.#stream = stream
    const held = this.#held.splice(0)
    this.#plan.budget.give(this.#heldBytes)
    this.#heldBytes = 0
    const headers = head.headers
    if (!this.#plan.covered && head.contentLength !== undefined) {
      headers.push('Content-Length', String(head.contentLength))
    }
    // A fault in what is there already can still be refused cleanly.
    for (const chunk of held) stream.write(chunk)
    stream.start(this.#status, headers, this.#statusMessage)
  }

  #finish(): void {
    try {
      // Trailers need a body in chunks (RFC 9112 section 7.1.2); where they would cost a clean refusal they are dropped.
      if (this.#stream === undefined && this.#trailers.length > 0 && this.#transform === undefined)
        this.#startStream()
      if (this.#stream !== undefined) {
        this.#stream.end(this.#trailers)
        return
      }
      const body = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held, this.#heldBytes)
      const opened = this.#transform === undefined || body.length === 0 ? body : this.#transform.whole(body)
      if (opened instanceof Promise)
        opened.then((bytes) => this.#release(bytes)).catch((thrown: unknown) => this.#fail(thrown))
      else this.#release(opened)
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  #release(body: Buffer): void {
    if (this.#exchange.ended) return
    const headers = this.#head!.headers
    headers.push('Content-Length', String(body.length))
    this.#plan.admitted(this.#exchange, () => {
      this.#exchange.reply(this.#status, headers, body, this.#statusMessage)
    })
  }

  #createDecoder(contentEncoding: string): Decoder {
    return createDecoder(contentEncoding, 'store', {
      data: (chunk) => this.#decoded(chunk),
      end: () => this.#finish(),
      error: (error) => this.#fail(error),
      drained: () => this.#transfer?.resume(),
    })
  }

  #fail(thrown: unknown): void {
    this.#decoder?.destroy()
    this.#transfer?.abort()
    this.#exchange.fail(thrown)
  }
}

const REASON_PHRASE = /^[\t\x20-\x7e]*$/

function tooLong(bodyBytesMax: number): PortcullisError {
  return new PortcullisError(
    'store-response-invalid',
    `The store answered with more than the ${bodyBytesMax} bytes allowed here.`,
  )
}

function withoutDigests(trailers: RawHeaders): RawHeaders {
  return trailers.filter((_, index) => !DIGEST_HEADERS.has(trailers[index - (index % 2)]!.toLowerCase()))
}
