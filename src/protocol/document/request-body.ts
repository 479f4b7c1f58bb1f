import { Readable } from 'node:stream'
import { PortcullisError } from '../../errors.ts'
import { keep } from '../../wire/loan.ts'
import { BudgetShare, type ByteBudget } from '../../listener/byte-budget.ts'
import type { Exchange } from '../../listener/exchange.ts'
import { BodyDigest } from './body-digest.ts'
import type { BodyTransform, BodyTransformStream } from './body-transform.ts'
import { createDecoder, type Decoder, isIdentity } from './content-coding.ts'

/** Ceilings of bodies on a route. */
export interface BodyLimits {
  /** Bytes of a body, decoded. */
  readonly bodyBytesMax: number
  /** Bodies up to here are held whole, so that a bad one never reaches the store at all. */
  readonly bufferedBodyBytesMax: number
  /** Bytes of one covered value, which is held whole while it is sealed or opened. */
  readonly valueBytesMax: number
  /** Objects and arrays inside one another. */
  readonly depthMax: number
}

/** True when a request carries a body (RFC 9112 section 6). */
export function hasBody(exchange: Exchange): boolean {
  return exchange.head.chunked || (exchange.head.contentLength ?? 0) > 0
}

/** True when the body's declared length allows holding it whole; a coded body that is to be decoded may grow. */
export function isSmall(exchange: Exchange, limits: BodyLimits, decoded: boolean): boolean {
  const { contentLength, contentEncoding } = exchange.head
  if (contentLength === undefined || contentLength > limits.bufferedBodyBytesMax) return false
  return !decoded || isIdentity(contentEncoding)
}

/** Reads a small body whole, verifies its digests, and hands it on; every failure goes to `exchange.fail`. */
export function collectBody(exchange: Exchange, budget: ByteBudget, done: (body: Buffer) => void): void {
  const length = exchange.head.contentLength ?? 0
  budget.take(length)
  exchange.onEnd(() => budget.give(length))
  const digest = BodyDigest.of(exchange.head.forwarded)
  const { request } = exchange
  let first: Buffer | undefined
  let rest: Buffer[] | undefined
  request.read({
    data: (chunk, loan) => {
      exchange.requestBytes += chunk.length
      digest?.update(chunk)
      const kept = keep(chunk, loan)
      if (first === undefined) first = kept
      else (rest ??= [first]).push(kept)
    },
    end: () => {
      if (exchange.ended) return
      try {
        digest?.verify()
        done(rest === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(rest, length))
      } catch (thrown) {
        exchange.fail(thrown)
      }
    },
  })
  exchange.continue()
}

/**
 * A large body as a stream for the store: bounded, digest-checked, with backpressure, and with a transform decoded and
 * transformed. A fault destroys the stream, so that the store sees an incomplete request and keeps nothing.
 */
export class UploadStream extends Readable {
  readonly #exchange: Exchange
  readonly #bodyBytesMax: number
  readonly #digest: BodyDigest | undefined
  readonly #transform: BodyTransformStream | undefined
  readonly #decoder: Decoder | undefined
  #bytes = 0
  #queue: Promise<void> | undefined
  #full = false

  constructor(
    exchange: Exchange,
    transform: BodyTransform | undefined,
    limits: Pick<BodyLimits, 'bodyBytesMax'>,
    budget: ByteBudget,
  ) {
    super({ highWaterMark: 256 * 1024 })
    this.#exchange = exchange
    this.#bodyBytesMax = limits.bodyBytesMax
    this.#digest = BodyDigest.of(exchange.head.forwarded)
    if (transform !== undefined) {
      const share = new BudgetShare(budget)
      exchange.onEnd(() => share.end())
      this.#transform = transform.stream((chunk) => this.#give(chunk), share.change)
    }
    const { contentEncoding } = exchange.head
    const coded = transform !== undefined && !isIdentity(contentEncoding)
    this.#decoder = coded ? this.#createDecoder(contentEncoding!) : undefined
    exchange.request.read({
      data: (chunk, loan) => this.#receive(keep(chunk, loan)),
      end: () => this.#received(),
    })
    exchange.onAbort((reason) => this.destroy(reason))
    // The exchange already knows; without a listener node would treat the error as unhandled.
    this.on('error', () => {})
    exchange.continue()
  }

  override _read(): void {
    this.#full = false
    if (this.#queue !== undefined) return
    if (this.#decoder === undefined) this.#exchange.request.resume()
    else this.#decoder.resume()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#decoder?.destroy()
    callback(error)
  }

  #give(chunk: Buffer): void {
    if (!this.push(chunk)) this.#full = true
  }

  #createDecoder(contentEncoding: string): Decoder {
    return createDecoder(contentEncoding, 'client', {
      data: (chunk) => this.#transformed(chunk),
      end: () => this.#finish(),
      error: (error) => this.#fail(error),
      drained: () => this.#exchange.request.resume(),
    })
  }

  #receive(chunk: Buffer): void {
    this.#exchange.requestBytes += chunk.length
    this.#digest?.update(chunk)
    if (this.#decoder === undefined) this.#transformed(chunk)
    else if (!this.#decoder.write(chunk)) this.#exchange.request.pause()
  }

  #received(): void {
    try {
      this.#digest?.verify()
    } catch (thrown) {
      this.#fail(thrown)
      return
    }
    if (this.#decoder === undefined) this.#finish()
    else this.#decoder.end()
  }

  #transformed(chunk: Buffer): void {
    if (this.destroyed) return
    this.#bytes += chunk.length
    if (this.#bytes > this.#bodyBytesMax) {
      this.#fail(new PortcullisError('body-too-large', `A body may have ${this.#bodyBytesMax} bytes.`))
      return
    }
    if (this.#transform === undefined) this.#give(chunk)
    else this.#step(() => this.#transform!.write(chunk))
    if (this.#full || this.#queue !== undefined) this.#source().pause()
  }

  #finish(): void {
    this.#step(() => this.#transform?.end())
    this.#step(() => void this.push(null))
  }

  // A step that waits for a key holds back the steps behind it and the source in front.
  #step(action: () => void | Promise<void>): void {
    if (this.destroyed) return
    if (this.#queue !== undefined) {
      this.#chain(this.#queue.then(() => (this.destroyed ? undefined : action())))
      return
    }
    try {
      const pending = action()
      if (pending !== undefined) this.#chain(pending)
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  #chain(pending: Promise<void>): void {
    const queue: Promise<void> = pending.then(
      () => {
        if (this.#queue !== queue) return
        this.#queue = undefined
        if (!this.#full && !this.destroyed) this.#source().resume()
      },
      (thrown: unknown) => this.#fail(thrown),
    )
    this.#queue = queue
  }

  #source(): { pause(): void; resume(): void } {
    return this.#decoder ?? this.#exchange.request
  }

  #fail(thrown: unknown): void {
    this.#exchange.fail(thrown)
    this.destroy(thrown instanceof Error ? thrown : new Error('upload failed'))
  }
}
