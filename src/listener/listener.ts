import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { PortcullisError } from '../errors.ts'
import { noteSmall } from '../wire/turns.ts'
import { Connection } from './connection.ts'
import { Exchange } from './exchange.ts'
import type { ListenerLimits } from './limits.ts'
import { LiveList, type LivePlace } from './live-list.ts'
import { PeerConnections } from './peer-connections.ts'
import { refuseRaw } from './refuse-raw.ts'
import type { Request } from './request.ts'
import type { RequestHead } from './request-head.ts'
import { nextRequestId } from './request-id.ts'
import type { Response } from './response.ts'

const SWEEP_INTERVAL_MS_MAX = 5_000
/** Exchanges that moved less are answered between the turns of bigger ones. */
const SMALL_BYTES_MAX = 256 * 1024

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
  upgrade(request: Request, head: RequestHead, socket: Duplex, firstBytes: Buffer): void
  /** Called when an exchange is over, for metrics and logs. */
  ended(exchange: Exchange): void
}

/** The data-plane socket: turns connections into exchanges within limits, and drains on stop. */
export class Listener {
  readonly #options: ListenerOptions
  readonly #server: Server
  readonly #exchanges = new LiveList<Exchange>()
  readonly #connections = new LiveList<Connection>()
  readonly #peers: PeerConnections
  /** Sockets that carry TLS, or the beginning of a handshake. */
  readonly #underTls = new Set<Socket>()
  #sweep: NodeJS.Timeout | undefined
  #draining = false
  #drained: (() => void) | undefined

  constructor(options: ListenerOptions) {
    this.#options = options
    const { limits, tls } = options
    this.#peers = new PeerConnections(limits.connectionsPerPeerMax)
    if (tls === undefined) {
      this.#server = createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true })
      this.#server.on('connection', (socket) => this.#accept(socket))
    } else {
      this.#server = createTlsServer({
        noDelay: true,
        ALPNProtocols: ['http/1.1'],
        handshakeTimeout: limits.headersTimeoutMs,
        ...tls,
      })
      // Before the handshake, whose cost is what a flood would be after.
      this.#server.on('connection', (socket) => {
        this.#underTls.add(socket)
        socket.once('close', () => this.#underTls.delete(socket))
        if (!this.#peers.admit(socket)) socket.destroy()
      })
      this.#server.on('secureConnection', (socket: Socket) => this.#connect(socket))
      this.#server.on('tlsClientError', (_error, socket: Socket) => socket.destroy())
      this.#server.maxConnections = limits.connectionsMax
    }
  }

  /** Starts listening; resolves to the base URL. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      const { host, port, shared = false } = this.#options
      this.#server.listen({ host, port, reusePort: shared }, resolve)
    })
    const intervalMs = Math.min(SWEEP_INTERVAL_MS_MAX, this.#options.limits.headersTimeoutMs)
    this.#sweep = setInterval(() => this.#sweepConnections(), intervalMs).unref()
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
    const left = new Promise<void>((resolve) => {
      this.#drained = resolve
    })
    for (const connection of this.#connections.values()) connection.drain()
    const deadline = setTimeout(() => {
      for (const connection of this.#connections.values()) connection.destroy()
      for (const socket of this.#underTls) socket.destroy()
    }, this.#options.limits.drainTimeoutMs)
    if (this.#connections.size > 0) await left
    await closed
    clearTimeout(deadline)
    clearInterval(this.#sweep)
  }

  #accept(accepted: Socket): void {
    if (this.#connections.size >= this.#options.limits.connectionsMax) accepted.destroy()
    else this.#connect(accepted)
  }

  #connect(accepted: Socket): void {
    let place: LivePlace<Connection> | undefined
    const connection = new Connection(accepted, this.#options.limits, {
      isDraining: () => this.#draining,
      request: (request, response, head) => this.#receive(request, response, head),
      upgrade: (request, head, socket, firstBytes) => this.#upgrade(request, head, socket, firstBytes),
      closed: () => {
        if (place !== undefined) this.#connections.remove(place)
        if (this.#connections.size === 0) this.#drained?.()
      },
    })
    place = this.#connections.add(connection)
    if (this.#options.tls === undefined && !this.#peers.admit(connection.socket)) connection.destroy()
    else if (this.#draining) connection.drain()
  }

  #receive(request: Request, response: Response, head: RequestHead): Exchange {
    const exchange = new Exchange(nextRequestId(), request, response, head)
    const place = this.#exchanges.add(exchange)
    exchange.onEnd(() => {
      this.#exchanges.remove(place)
      if (exchange.requestBytes + exchange.responseBytes < SMALL_BYTES_MAX) noteSmall(performance.now())
      this.#options.ended(exchange)
    })
    try {
      this.#options.handle(exchange)?.catch((thrown: unknown) => exchange.fail(thrown))
    } catch (thrown) {
      exchange.fail(thrown)
    }
    return exchange
  }

  #upgrade(request: Request, head: RequestHead, socket: Duplex, firstBytes: Buffer): void {
    // From here on nobody else watches its errors.
    socket.on('error', () => socket.destroy())
    try {
      if (this.#draining) throw new PortcullisError('draining', 'The gateway is shutting down.')
      this.#options.upgrade(request, head, socket, firstBytes)
    } catch (thrown) {
      refuseRaw(socket, thrown)
    }
  }

  #sweepConnections(): void {
    const now = performance.now()
    for (const connection of this.#connections.values()) connection.sweep(now)
  }
}
