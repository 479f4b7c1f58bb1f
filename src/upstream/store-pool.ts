import { Readable } from 'node:stream'
import { type Dispatcher, errors, Pool } from 'undici'
import { PortcullisError } from '../errors.ts'
import type { RawHeaders } from '../wire/raw-headers.ts'
import { endToEndHeaders } from './hop-by-hop.ts'
import type {
  PushedBody,
  StoreRequest,
  StoreResponseHandler,
  StoreTransfer,
  UpgradeHandler,
  UpgradeRequest,
  Upstream,
} from './upstream.ts'
import { OWNED } from '../wire/loan.ts'

/** TLS towards a store: verification is never off. PEM text. */
export interface StoreTls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly servername?: string
}

/** How a store is reached. */
export interface StorePoolOptions {
  /** Origin and an optional path prefix. */
  readonly url: string
  readonly connectionsMax: number
  readonly connectTimeoutMs: number
  /** Longest wait for a response head. */
  readonly headersTimeoutMs: number
  /** Longest silence within a response body. */
  readonly idleTimeoutMs: number
  readonly tls?: StoreTls
}

// A connection that the store closed while it idled shows only on use; these may be sent again unchanged (RFC 9110 section 9.2.2).
const REPEATABLE = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/** A conditional write that has been done already would fail the second time. */
function isConditional(headers: RawHeaders): boolean {
  return headers.some((name, index) => index % 2 === 0 && /^if-/i.test(name))
}

/** Keep-alive connections to one store, over undici's dispatch. */
export class StorePool implements Upstream {
  readonly #pool: Pool
  readonly #prefix: string
  readonly #host: string

  constructor(options: StorePoolOptions) {
    const url = new URL(options.url)
    this.#prefix = url.pathname.replace(/\/$/, '')
    this.#host = url.host
    this.#pool = new Pool(url.origin, {
      connections: options.connectionsMax,
      pipelining: 1,
      headersTimeout: options.headersTimeoutMs,
      bodyTimeout: options.idleTimeoutMs,
      connect: { timeout: options.connectTimeoutMs, ...options.tls },
    })
  }

  dispatch(request: StoreRequest, handler: StoreResponseHandler): () => void {
    const attempt = new Attempt(handler)
    this.#send(request, attempt)
    return () => attempt.abort()
  }

  upgrade(request: UpgradeRequest, handler: UpgradeHandler): void {
    this.#pool.dispatch(
      {
        method: 'GET',
        path: this.#prefix + request.path,
        headers: [...request.headers, 'host', this.#host],
        upgrade: request.protocol,
        body: null,
      },
      upgradeAttempt(handler),
    )
  }

  async close(): Promise<void> {
    await this.#pool.destroy()
  }

  #send(request: StoreRequest, attempt: Attempt): void {
    const repeatable =
      REPEATABLE.has(request.method) && (request.body === undefined || Buffer.isBuffer(request.body))
    attempt.repeat = repeatable ? () => this.#repeat(request, attempt) : undefined
    this.#pool.dispatch(this.#options(request), attempt)
  }

  /** False for what must not be sent twice. */
  #repeat(request: StoreRequest, attempt: Attempt): boolean {
    if (!SAFE.has(request.method) && isConditional(request.headers)) return false
    this.#pool.dispatch(this.#options(request), attempt)
    return true
  }

  #options(request: StoreRequest): Dispatcher.DispatchOptions {
    const headers = [...request.headers, 'host', this.#host]
    if (request.contentLength !== undefined) headers.push('content-length', String(request.contentLength))
    return {
      method: request.method,
      path: this.#prefix + request.path,
      headers,
      body: bodyOf(request.body),
    }
  }
}

function bodyOf(body: StoreRequest['body']): Buffer | Readable | null {
  if (body === undefined) return null
  return Buffer.isBuffer(body) || body instanceof Readable ? body : readableOf(body)
}

/** A pushed body as a stream. */
function readableOf(body: PushedBody): Readable {
  let started = false
  const stream = new Readable({
    read() {
      if (started) {
        body.ready()
        return
      }
      started = true
      body.start({
        write: (pieces) => pieces.map((piece) => stream.push(piece)).at(-1) ?? true,
        end: () => stream.push(null),
        abort: (reason) => stream.destroy(reason),
      })
    },
  })
  return stream
}

/** One request on its way: adapts undici's handler, swallows 1xx, and goes silent once aborted. */
class Attempt implements Dispatcher.DispatchHandler, StoreTransfer {
  /** Sends the request once more; false where that could do harm. */
  repeat: (() => boolean) | undefined
  readonly #handler: StoreResponseHandler
  #controller: Dispatcher.DispatchController | undefined
  #state: 'waiting' | 'receiving' | 'over' = 'waiting'

  constructor(handler: StoreResponseHandler) {
    this.#handler = handler
  }

  pause(): void {
    this.#controller?.pause()
  }

  resume(): void {
    this.#controller?.resume()
  }

  abort(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#controller?.abort(new Error('aborted by the gateway'))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#state === 'over') controller.abort(new Error('aborted by the gateway'))
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    message?: string,
  ): void {
    if (status < 200 || this.#state !== 'waiting') return
    this.#state = 'receiving'
    this.#handler.head(
      status,
      endToEndHeaders(controller.rawHeaders as (Buffer | string)[]),
      message ?? '',
      this,
    )
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#state === 'receiving') this.#handler.data(chunk, OWNED)
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#state !== 'receiving') return
    this.#state = 'over'
    const trailers = (controller.rawTrailers ?? []) as (Buffer | string)[]
    this.#handler.end(endToEndHeaders(trailers))
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (this.#state === 'over') return
    const { repeat } = this
    if (this.#state === 'waiting' && repeat !== undefined && isClosedWhileIdle(error)) {
      this.repeat = undefined
      if (repeat()) return
    }
    this.#state = 'over'
    this.#handler.error(asStoreError(error))
  }
}

function upgradeAttempt(handler: UpgradeHandler): Dispatcher.DispatchHandler {
  let answered = false
  const once = (answer: () => void): void => {
    if (answered) return
    answered = true
    answer()
  }
  return {
    onRequestStart() {},
    onRequestUpgrade(controller, _status, _headers, socket) {
      const headers = endToEndHeaders((controller.rawHeaders ?? []) as (Buffer | string)[])
      once(() => handler.upgraded(headers, socket))
    },
    onResponseStart(controller, status) {
      if (status < 200) return
      const headers = endToEndHeaders((controller.rawHeaders ?? []) as (Buffer | string)[])
      once(() => handler.refused(status, headers))
      controller.abort(new Error('upgrade refused by the store'))
    },
    onResponseError(_controller, error) {
      once(() => handler.error(asStoreError(error)))
    },
  }
}

function isClosedWhileIdle(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'UND_ERR_SOCKET'
}

function asStoreError(error: Error): PortcullisError {
  if (error instanceof PortcullisError) return error
  if (
    error instanceof errors.HeadersTimeoutError ||
    error instanceof errors.BodyTimeoutError ||
    error instanceof errors.ConnectTimeoutError
  ) {
    return new PortcullisError('store-timeout', 'The store did not answer in time.', { cause: error })
  }
  return new PortcullisError('store-unreachable', 'The connection to the store failed.', { cause: error })
}
