import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { asPortcullisError, PortcullisError } from '../errors.ts'
import { DISCARDED_BYTES_MAX } from './discard.ts'
import type { ErrorFace } from './problem.ts'
import { problemFace } from './problem.ts'
import type { RawHeaders } from '../wire/raw-headers.ts'
import type { Request } from './request.ts'
import type { RequestHead } from './request-head.ts'
import type { Response } from './response.ts'

/** A permission that can end while a transfer runs; `access/` leases are one. */
export interface Admission {
  /** True when bytes may be released at this instant. */
  readonly valid: boolean
  /** Registers what to do when it ends; returns the function that deregisters. */
  onEnd(cut: (reason: PortcullisError) => void): () => void
}

/** Unsent bytes of a response past which its source is asked to wait. */
const UNSENT_BYTES_MAX = 1024 * 1024

/** One request and its response on the way through the stages. */
export class Exchange {
  readonly id: string
  readonly request: Request
  readonly response: Response
  readonly head: RequestHead
  /** Path as sent, without the query; never decoded. */
  readonly path: string
  /** Query as sent, with its `?`, or empty. */
  readonly query: string
  /** Milliseconds on the monotonic clock. */
  readonly startedAt: number = performance.now()
  /** True until the client, which sent `Expect: 100-continue`, has been told to go on. */
  awaitsContinue: boolean
  tenant: string | undefined
  /** App and name of the credentials; for logs. */
  app: string | undefined
  caller: string | undefined
  store = ''
  /** Template of the route; never what the caller sent. */
  route = ''
  /** Bytes of the bodies as the client sees them. */
  requestBytes = 0
  responseBytes = 0
  face: ErrorFace = problemFace
  /** The error this exchange ended with, if any; for logs and metrics. */
  error: PortcullisError | undefined
  #admission: Admission | undefined
  #further: Admission[] | undefined
  #leave: (() => void) | undefined
  #ended = false
  readonly #abortListeners: ((reason: PortcullisError) => void)[] = []
  readonly #endListeners: (() => void)[] = []

  constructor(id: string, request: Request, response: Response, head: RequestHead) {
    this.id = head.requestId ?? id
    this.request = request
    this.response = response
    this.head = head
    this.awaitsContinue = head.expectsContinue
    const { target } = request
    const queryAt = target.indexOf('?')
    this.path = queryAt === -1 ? target : target.slice(0, queryAt)
    this.query = queryAt === -1 ? '' : target.slice(queryAt)
    response.onClose(() => this.#close())
  }

  get method(): string {
    return this.request.method
  }

  /** True once the response is complete, refused or cut. */
  get ended(): boolean {
    return this.#ended
  }

  /** Binds the exchange to a permission: when that ends, the exchange is refused or, under way, cut. */
  admit(admission: Admission): void {
    this.#leave?.()
    this.#admission = admission
    this.#leave = admission.onEnd((reason) => this.fail(reason))
  }

  /** Binds the exchange to a further permission, beside that of `admit`, until it is over. */
  admitAlso(admission: Admission): void {
    this.#further ??= []
    this.#further.push(admission)
    this.onEnd(admission.onEnd((reason) => this.fail(reason)))
  }

  /** True when the exchange may release bytes at this instant: every permission is looked at, not its timer. */
  get admitted(): boolean {
    if (this.#admission !== undefined && !this.#admission.valid) return false
    return this.#further === undefined || this.#further.every(({ valid }) => valid)
  }

  /** Calls back once if the exchange ends before its response is complete: client gone, refused, or cut. */
  onAbort(listener: (reason: PortcullisError) => void): void {
    this.#abortListeners.push(listener)
  }

  /** Calls back once when the exchange is over, however it ended. */
  onEnd(listener: () => void): void {
    this.#endListeners.push(listener)
  }

  /** Lets a client that asked first (RFC 9110 section 10.1.1) send its body. */
  continue(): void {
    if (!this.awaitsContinue) return
    this.awaitsContinue = false
    this.response.writeContinue()
  }

  /** Sends a whole response in one write. */
  reply(status: number, headers: RawHeaders, body: Buffer | undefined, statusMessage?: string): void {
    if (this.#ended) return
    this.begin(status, headers, statusMessage)
    if (body !== undefined) this.responseBytes = body.length
    this.response.end(body)
  }

  /** Sends a piece of a body begun before; false asks to wait for `drain`. */
  send(chunk: Buffer): boolean {
    this.responseBytes += chunk.length
    return this.response.write(chunk)
  }

  /**
   * Sends pieces of a body begun before, with one system call where the connection allows. They must stay as they are
   * until `sent` is called, which may never happen. False asks to wait for `drain`.
   */
  sendAll(pieces: readonly Buffer[], sent: () => void): boolean {
    for (const piece of pieces) this.responseBytes += piece.length
    this.response.writeAll(pieces, sent)
    return this.response.unsentBytes <= UNSENT_BYTES_MAX
  }

  /** Sends the head of a response whose body follows in pieces. */
  begin(status: number, headers: RawHeaders, statusMessage?: string): void {
    if (!this.request.complete && !this.#mayPassBy) this.response.keepAlive = false
    this.response.writeHead(status, headers, statusMessage)
  }

  /** Ends the exchange with an error: as a response where none has begun, else by cutting the connection. */
  fail(thrown: unknown): void {
    if (this.#ended) return
    const error = asPortcullisError(thrown)
    this.error = error
    if (this.response.headersSent || this.request.socket.destroyed) {
      cut(this.request.socket)
    } else {
      const face = this.face(error, { requestId: this.id, tenant: this.tenant })
      this.#discardRequestBody()
      this.begin(face.status, [...face.headers, 'X-Request-Id', this.id])
      this.response.end(this.method === 'HEAD' ? undefined : face.body)
    }
    this.#abort(error)
  }

  /** True when what is left of the body can be read past, so that another request may follow. */
  get #mayPassBy(): boolean {
    const { contentLength = Infinity } = this.head
    // A client that was never told to send may or may not, so what it sends next could be either.
    return !this.awaitsContinue && contentLength <= DISCARDED_BYTES_MAX
  }

  #discardRequestBody(): void {
    if (!this.awaitsContinue) this.request.discard()
  }

  #abort(reason: PortcullisError): void {
    this.#leave?.()
    this.#leave = undefined
    if (this.#ended) return
    this.#ended = true
    for (const listener of this.#abortListeners) listener(reason)
  }

  #close(): void {
    if (!this.response.finished) {
      this.#abort(this.error ?? new PortcullisError('request-malformed', 'The client left before the end.'))
    }
    this.#leave?.()
    this.#leave = undefined
    this.#ended = true
    for (const listener of this.#endListeners) listener()
  }
}

/** Ends a connection so that nobody takes what was sent for the whole: by a reset, or under TLS without its close alert. */
function cut(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy()
  else socket.resetAndDestroy()
}
