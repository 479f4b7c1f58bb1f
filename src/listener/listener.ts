import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttpsServer, type ServerOptions as TlsOptions } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { asPortcullisError, PortcullisError } from '../errors.ts'
import { Exchange } from './exchange.ts'
import type { ListenerLimits } from './limits.ts'
import { LiveList } from './live-list.ts'
import { PeerConnections } from './peer-connections.ts'
import { type ErrorPlace, problemFace } from './problem.ts'
import { readRequestHead, type RequestHead } from './request-head.ts'
import { nextRequestId } from './request-id.ts'

const SWEEP_INTERVAL_MS = 25
/** Requests of one connection that may wait behind the one being answered. */
const PIPELINED_MAX = 256
/** Protocols that this server does not speak, and whose offer it so ignores (RFC 9110 section 7.8). */
const IGNORED_PROTOCOLS = /^(?:h2c?|http|tls)(?:\/|$)/i

/** What the listener needs from above. */
export interface ListenerOptions {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** Other processes of this replica listen there as well. */
  readonly shared?: boolean
  /** Undefined for plain HTTP. */
  readonly tls: TlsOptions | undefined
  readonly limits: ListenerLimits
  /** Runs the stages of one request; may throw or reject, the listener answers for it. */
  handle(exchange: Exchange): void | Promise<void>
  /** Runs the stages of an `Upgrade` request; answers on the socket, whose errors end it by themselves. */
  upgrade(request: IncomingMessage, head: RequestHead, socket: Duplex, firstBytes: Buffer): void
  /** Called when an exchange is over, for metrics and logs. */
  ended(exchange: Exchange): void
}

/** The data-plane socket: turns connections into exchanges within limits, and drains on stop. */
export class Listener {
  readonly #options: ListenerOptions
  readonly #server: Server
  readonly #exchanges = new LiveList<Exchange>()
  readonly #pipelined = new Map<Socket, number>()
  readonly #upgraded = new Set<Duplex>()
  #draining = false

  constructor(options: ListenerOptions) {
    this.#options = options
    const { limits } = options
    const serverOptions = {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      // A total deadline would cut big uploads; silence is what `timeout` measures.
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(5_000, limits.headersTimeoutMs),
      noDelay: true,
      highWaterMark: 64 * 1024,
      shouldUpgradeCallback: isUpgrade,
      // Node would answer a request without Host with a bare 400; `readRequestHead` says what is wrong.
      requireHostHeader: false,
    }
    this.#server =
      options.tls === undefined
        ? createHttpServer(serverOptions)
        : createHttpsServer({ ...serverOptions, ...options.tls })
    // One more than allowed, so that an excess is seen and refused instead of silently dropped by the parser.
    this.#server.maxHeadersCount = limits.headersCountMax + 1
    this.#server.timeout = limits.idleTimeoutMs
    this.#server.maxConnections = limits.connectionsMax
    this.#server.on('request', (request, response) => this.#receive(request, response, false))
    this.#server.on('checkContinue', (request, response) => this.#receive(request, response, true))
    // An expectation that is not known MAY be ignored (RFC 9110 section 10.1.1), as S3 does; it is not passed on.
    this.#server.on('checkExpectation', (request, response) => this.#receive(request, response, false))
    this.#server.on('upgrade', (request, socket, firstBytes) => this.#upgrade(request, socket, firstBytes))
    this.#server.on('clientError', (error, socket) =>
      this.#unparsable(error as NodeJS.ErrnoException, socket as Socket),
    )
    this.#server.on('timeout', (socket: Socket) => this.#timedOut(socket))
    new PeerConnections(limits.connectionsPerPeerMax).watch(this.#server)
  }

  /** Starts listening; resolves to the base URL. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      const { host, port, shared = false } = this.#options
      this.#server.listen({ host, port, reusePort: shared }, resolve)
    })
    const { address, family, port } = this.#server.address() as AddressInfo
    const scheme = this.#options.tls === undefined ? 'http' : 'https'
    return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  }

  /** Exchanges under way. */
  get exchanges(): number {
    return this.#exchanges.size
  }

  /** Takes no more connections, lets running exchanges finish within the drain timeout, then cuts the rest. */
  async drain(): Promise<void> {
    this.#draining = true
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
    })
    // Kept-alive connections become idle one by one as their exchanges finish.
    const sweep = setInterval(() => this.#server.closeIdleConnections(), SWEEP_INTERVAL_MS)
    const deadline = setTimeout(() => {
      this.#server.closeAllConnections()
      // The server no longer counts these as its own, and they have no end that could be waited for.
      for (const socket of this.#upgraded) socket.destroy()
    }, this.#options.limits.drainTimeoutMs)
    await closed
    clearInterval(sweep)
    clearTimeout(deadline)
  }

  #receive(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const exchange = this.#exchangeOf(request, response, expectsContinue)
    if (exchange === undefined) return
    // A response without a socket waits for those before it on the connection.
    if (response.socket === null && !this.#countPipelined(exchange)) return
    const place = this.#exchanges.add(exchange)
    exchange.onEnd(() => {
      this.#exchanges.remove(place)
      this.#options.ended(exchange)
    })
    if (this.#draining) response.shouldKeepAlive = false
    try {
      this.#options.handle(exchange)?.catch((thrown: unknown) => exchange.fail(thrown))
    } catch (thrown) {
      exchange.fail(thrown)
    }
  }

  /** False when the connection has too many requests waiting; it is cut then. */
  #countPipelined(exchange: Exchange): boolean {
    const { socket } = exchange.request
    const waiting = this.#pipelined.get(socket) ?? 0
    if (waiting === PIPELINED_MAX) {
      socket.destroy()
      return false
    }
    this.#pipelined.set(socket, waiting + 1)
    exchange.onEnd(() => {
      const left = (this.#pipelined.get(socket) ?? 1) - 1
      if (left === 0) this.#pipelined.delete(socket)
      else this.#pipelined.set(socket, left)
    })
    return true
  }

  #exchangeOf(
    request: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
  ): Exchange | undefined {
    try {
      if (request.rawHeaders.length / 2 > this.#options.limits.headersCountMax) {
        throw new PortcullisError('headers-too-large', 'There are more header fields than allowed.')
      }
      if (request.url?.charCodeAt(0) !== 0x2f) {
        throw new PortcullisError(
          'request-malformed',
          'The request target must be a path that begins with a slash.',
        )
      }
      return new Exchange(nextRequestId(), request, response, readRequestHead(request), expectsContinue)
    } catch (thrown) {
      refuseHead(response, thrown)
      return undefined
    }
  }

  #upgrade(request: IncomingMessage, socket: Duplex, firstBytes: Buffer): void {
    // From here on node watches neither errors nor silence of this socket.
    socket.on('error', () => socket.destroy())
    ;(socket as Socket).setTimeout(this.#options.limits.idleTimeoutMs, () => socket.destroy())
    this.#upgraded.add(socket)
    socket.once('close', () => this.#upgraded.delete(socket))
    try {
      if (this.#draining) throw new PortcullisError('draining', 'The gateway is shutting down.')
      this.#options.upgrade(request, readRequestHead(request), socket, firstBytes)
    } catch (thrown) {
      refuseRaw(socket, thrown)
    }
  }

  #current(socket: Socket): Exchange | undefined {
    return this.#exchanges.values().find((exchange) => exchange.request.socket === socket)
  }

  #unparsable(error: NodeJS.ErrnoException, socket: Socket): void {
    const current = this.#current(socket)
    if (current === undefined) {
      refuseUnparsable(error, socket)
    } else if (current.request.complete && !hasBody(current)) {
      // What cannot be read comes behind a request still in work, whose answer a refusal would be taken for.
      socket.destroy()
    } else if (current.request.complete) {
      current.response.shouldKeepAlive = false
      current.fail(new PortcullisError('body-length-wrong', 'More bytes arrived than Content-Length says.'))
    } else {
      current.response.shouldKeepAlive = false
      current.fail(new PortcullisError('request-malformed', 'The framing of the body is not well-formed.'))
    }
  }

  #timedOut(socket: Socket): void {
    const current = this.#current(socket)
    if (current === undefined) {
      socket.destroy()
    } else if (!current.request.complete && !current.awaitsContinue) {
      response408(current)
    } else if (current.response.writableLength > 0) {
      socket.destroy()
    }
    // Otherwise the gateway itself waits for the store, whose own deadlines apply.
  }
}

function response408(exchange: Exchange): void {
  if (!exchange.response.headersSent) exchange.response.shouldKeepAlive = false
  exchange.fail(new PortcullisError('request-timeout', 'The body stopped arriving.'))
}

function hasBody({ head }: Exchange): boolean {
  return head.chunked || (head.contentLength ?? 0) > 0
}

/** True for an offer to change protocol that is worth asking a store about. */
function isUpgrade({ method, headers }: IncomingMessage): boolean {
  return (
    method === 'GET' && /^[\w./-]+$/.test(headers.upgrade ?? '') && !IGNORED_PROTOCOLS.test(headers.upgrade!)
  )
}

function refuseHead(response: ServerResponse, thrown: unknown): void {
  const error =
    thrown instanceof PortcullisError ? thrown : new PortcullisError('request-malformed', 'Bad request head.')
  const requestId = nextRequestId()
  const face = problemFace(error, { requestId, tenant: undefined })
  response.shouldKeepAlive = false
  response.writeHead(face.status, [...face.headers, 'X-Request-Id', requestId])
  response.end(response.req.method === 'HEAD' ? undefined : face.body)
}

/** Answers on a bare socket, where node has no response object, and closes it. */
export function refuseRaw(
  socket: Duplex,
  thrown: unknown,
  place: ErrorPlace = { requestId: nextRequestId(), tenant: undefined },
): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const error = asPortcullisError(thrown)
  const face = problemFace(error, place)
  const lines = [
    `HTTP/1.1 ${face.status} ${error.title}`,
    'Connection: close',
    `X-Request-Id: ${place.requestId}`,
  ]
  for (let index = 0; index < face.headers.length; index += 2) {
    lines.push(`${face.headers[index]}: ${face.headers[index + 1]}`)
  }
  socket.end(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), face.body]))
}

function refuseUnparsable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) {
    socket.destroy()
  } else if (error.code === 'HPE_HEADER_OVERFLOW') {
    refuseRaw(socket, new PortcullisError('headers-too-large', 'The request head exceeds its limit.'))
  } else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    refuseRaw(socket, new PortcullisError('request-timeout', 'The request head stopped arriving.'))
  } else {
    refuseRaw(socket, new PortcullisError('request-malformed', 'This is not a well-formed HTTP/1.1 request.'))
  }
}
