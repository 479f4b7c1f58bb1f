import { PortcullisError } from '../errors.ts'
import { StoreConnection, type StoreExchange } from './store-connection.ts'
import type { StoreTls } from './store-pool.ts'
import type {
  StoreRequest,
  StoreResponseHandler,
  UpgradeHandler,
  UpgradeRequest,
  Upstream,
} from './upstream.ts'

/** How a store is reached over bare sockets. */
export interface SocketPoolOptions {
  /** Origin and an optional path prefix. */
  readonly url: string
  readonly connectionsMax: number
  readonly connectTimeoutMs: number
  /** Longest wait for a response head. */
  readonly headersTimeoutMs: number
  /** Longest silence within a response body. */
  readonly idleTimeoutMs: number
  /** Given where the origin is https. */
  readonly tls: StoreTls | undefined
}

const REPEATABLE = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])
const PATH = /^[\x21-\x7e\x80-\xff]+$/
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
/** The upstream's own. */
const FRAMING = /^(?:host|connection|content-length|transfer-encoding)$/i
/** A body that cannot be sent twice does not go to a connection that idled longer: the store may be closing it. */
const FRESH_MS = 1_000

/**
 * Keep-alive connections to a store of big objects. Bodies move on bare sockets: reading through buffers of our own, and
 * writing many pieces at once, costs less than half of what a general HTTP client needs for the same bytes.
 */
export class SocketPool implements Upstream {
  readonly #options: SocketPoolOptions
  readonly #prefix: string
  readonly #host: string
  readonly #connections = new Set<StoreConnection>()
  /** The last one used is taken first, so that the others can grow old. */
  readonly #idle: StoreConnection[] = []
  readonly #waiting: StoreExchange[] = []
  /** Connections on their way to become idle for the first time. */
  readonly #connecting = new Set<StoreConnection>()
  #closed = false

  constructor(options: SocketPoolOptions) {
    const url = new URL(options.url)
    this.#options = options
    this.#prefix = url.pathname.replace(/\/$/, '')
    this.#host = url.host
  }

  dispatch(request: StoreRequest, handler: StoreResponseHandler): () => void {
    let repeated = false
    const exchange: StoreExchange = {
      request,
      head: headOf(request, this.#prefix, this.#host),
      handler,
      connection: undefined,
      over: false,
      repeat: () => {
        if (repeated || !isRepeatable(request)) return false
        repeated = true
        exchange.connection = undefined
        this.#waiting.unshift(exchange)
        this.#grow()
        return true
      },
    }
    if (this.#closed) {
      // As asynchronously as every other answer.
      queueMicrotask(() => handler.error(new PortcullisError('store-unreachable', 'The store is closed.')))
      return () => {}
    }
    const connection = this.#takeIdle(isRepeatable(request) ? Infinity : FRESH_MS)
    if (connection === undefined) {
      this.#waiting.push(exchange)
      this.#grow()
    } else {
      connection.send(exchange)
    }
    return () => this.#cut(exchange)
  }

  /** S3 has no upgrades. */
  upgrade(_request: UpgradeRequest, handler: UpgradeHandler): void {
    handler.error(new PortcullisError('method-not-allowed', 'This store has no Upgrade.'))
  }

  close(): Promise<void> {
    this.#closed = true
    for (const connection of this.#connections) connection.destroy()
    return Promise.resolve()
  }

  #takeIdle(idleMsMax: number): StoreConnection | undefined {
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      if (!connection.usable) continue
      if (performance.now() - connection.idleSinceMs <= idleMsMax) return connection
      connection.destroy()
    }
    return undefined
  }

  /** Opens connections for those who wait, as far as is allowed. */
  #grow(): void {
    while (
      this.#waiting.length > this.#connecting.size &&
      this.#connections.size < this.#options.connectionsMax
    ) {
      const connection = new StoreConnection(this.#options, {
        idle: (own) => this.#serve(own),
        closed: (own) => this.#leave(own),
      })
      this.#connections.add(connection)
      this.#connecting.add(connection)
    }
  }

  #serve(connection: StoreConnection): void {
    this.#connecting.delete(connection)
    const next = this.#waiting.shift()
    if (next === undefined) this.#idle.push(connection)
    else connection.send(next)
  }

  #leave(connection: StoreConnection): void {
    this.#connections.delete(connection)
    const at = this.#idle.indexOf(connection)
    if (at !== -1) this.#idle.splice(at, 1)
    // One that could not be made takes one of those along who waited for it; the others see for themselves.
    if (this.#connecting.delete(connection)) {
      const exchange = this.#waiting.shift()
      if (exchange !== undefined) {
        exchange.over = true
        exchange.handler.error(
          connection.failure ?? new PortcullisError('store-unreachable', 'No connection.'),
        )
      }
    }
    if (!this.#closed) this.#grow()
  }

  #cut(exchange: StoreExchange): void {
    if (exchange.over) return
    exchange.over = true
    const at = this.#waiting.indexOf(exchange)
    if (at !== -1) this.#waiting.splice(at, 1)
    exchange.connection?.abort(exchange)
  }
}

/** True for what may be sent again unchanged when a kept-alive connection turns out closed (RFC 9110 section 9.2.2). */
function isRepeatable({ method, headers, body }: StoreRequest): boolean {
  if (!REPEATABLE.has(method) || (body !== undefined && !Buffer.isBuffer(body))) return false
  // A conditional write that has been done already would fail the second time.
  return SAFE.has(method) || !headers.some((name, index) => index % 2 === 0 && /^if-/i.test(name))
}

/** The head of a request. Throws `request-malformed` on what could be read as more than one request. */
function headOf(request: StoreRequest, prefix: string, host: string): string {
  const { method, headers, body } = request
  const path = prefix + request.path
  if (!PATH.test(path)) throw new PortcullisError('request-malformed', 'The path has bytes that no path has.')
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]!
    const value = headers[index + 1]!
    if (!FIELD_NAME.test(name) || !FIELD_VALUE.test(value) || FRAMING.test(name)) {
      throw new PortcullisError('request-malformed', 'A header field is not well-formed.')
    }
    head += `${name}: ${value}\r\n`
  }
  const bytes = Buffer.isBuffer(body) ? body.length : request.contentLength
  if (bytes !== undefined) head += `content-length: ${bytes}\r\n`
  else if (method === 'PUT' || method === 'POST') head += 'content-length: 0\r\n'
  return `${head}\r\n`
}
