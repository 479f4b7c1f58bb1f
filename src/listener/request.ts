import type { Socket } from 'node:net'
import type { Loan } from '../wire/loan.ts'
import type { RawHeaders } from '../wire/raw-headers.ts'
import type { WireHead } from './wire-head.ts'

/** Takes the body of a request. Of one that is cut, `end` never comes: the exchange is aborted. */
export interface BodySink {
  /**
   * The chunk is lent, and may be changed: its memory is used for the next one as soon as the call has returned, unless
   * `loan` was retained. May come once more after a `pause`.
   */
  data(chunk: Buffer, loan: Loan): void
  end(): void
}

/** The way of a body through its connection. */
export interface BodyFlow {
  /** Goes on reading where it had stopped. */
  proceed(): void
  /** What comes from now on is limited, since nobody reads it. */
  discard(): void
}

/** One request; its body arrives when it is asked for. */
export class Request {
  readonly method: string
  /** Path and query as sent. */
  readonly target: string
  readonly httpVersion: '1.0' | '1.1'
  readonly rawHeaders: RawHeaders
  readonly socket: Socket
  /** The body has arrived to its end. */
  complete = false
  readonly #flow: BodyFlow
  #sink: BodySink | undefined
  #state: 'unasked' | 'flowing' | 'paused' = 'unasked'

  constructor(head: WireHead, socket: Socket, flow: BodyFlow) {
    this.method = head.method
    this.target = head.target
    this.httpVersion = head.httpVersion
    this.rawHeaders = head.rawHeaders
    this.socket = socket
    this.#flow = flow
  }

  /** `unasked` until somebody takes the body or lets it pass by. */
  get state(): 'unasked' | 'flowing' | 'paused' {
    return this.#state
  }

  /** Lets the body come. */
  read(sink: BodySink): void {
    this.#sink = sink
    this.#state = 'flowing'
    // The caller is told nothing before it has finished to prepare for it.
    process.nextTick(() => {
      if (this.complete) this.#end()
      else if (this.#state === 'flowing') this.#flow.proceed()
    })
  }

  pause(): void {
    if (!this.complete && this.#state === 'flowing') this.#state = 'paused'
  }

  /** Lets the body come on after a `pause`; one that nobody reads passes by. */
  resume(): void {
    if (this.#state === 'flowing') return
    this.#state = 'flowing'
    this.#flow.proceed()
  }

  /** What still comes of the body is for nobody any more. */
  discard(): void {
    this.#sink = undefined
    if (this.complete) return
    this.#state = 'flowing'
    this.#flow.discard()
    this.#flow.proceed()
  }

  /** For the connection: hands bytes on. */
  take(chunk: Buffer, loan: Loan): void {
    this.#sink?.data(chunk, loan)
  }

  /** For the connection: the body is over. */
  finish(): void {
    this.complete = true
    this.#end()
  }

  #end(): void {
    const sink = this.#sink
    this.#sink = undefined
    sink?.end()
  }
}
