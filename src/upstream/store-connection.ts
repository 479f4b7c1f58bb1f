import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { PortcullisError } from '../errors.ts'
import type { RawHeaders } from '../wire/raw-headers.ts'
import { endToEndHeaders } from './hop-by-hop.ts'
import { giveBack } from '../wire/spent.ts'
import { awaitTurn, turnBytes } from '../wire/turns.ts'
import { ConnectionMemory, sharedMemory } from '../wire/connection-memory.ts'
import { ResponseReader } from './response-reader.ts'
import type { SocketPoolOptions } from './socket-pool.ts'
import type { BodyWriter, PushedBody, StoreRequest, StoreResponseHandler, StoreTransfer } from './upstream.ts'

/** Unsent bytes of a pushed body past which its source is asked to wait. */
const UNSENT_BYTES_MAX = 1024 * 1024
/** An idle connection is given up before most stores do so. */
const KEEP_ALIVE_MS = 15_000

/** What a connection tells its pool. */
export interface ConnectionEvents {
  /** Connected, or finished with a response and good for another. */
  idle(connection: StoreConnection): void
  closed(connection: StoreConnection): void
}

/** One request on its way: the handler hears nothing any more once it is over. */
export interface StoreExchange {
  readonly request: StoreRequest
  /** Head of the request, up to and including its empty line. */
  readonly head: string
  readonly handler: StoreResponseHandler
  /** Sends it once more after a kept-alive connection turned out dead; false where that could do harm. */
  repeat(): boolean
  /** What carries it; undefined while it waits. */
  connection: StoreConnection | undefined
  over: boolean
}

/** A kept-alive connection to a store that carries one exchange at a time, read through `onread` buffers. */
export class StoreConnection {
  /** Why it broke, if it did. */
  failure: PortcullisError | undefined
  /** When it became idle, on the monotonic clock. */
  idleSinceMs = 0
  readonly #options: SocketPoolOptions
  readonly #events: ConnectionEvents
  readonly #socket: Socket
  readonly #reader = new ResponseReader()
  readonly #memory = new ConnectionMemory(sharedMemory)
  #exchange: StoreExchange | undefined
  #connected = false
  #used = false
  #closed = false
  #answered = false
  #paused = false
  /** A response began with the read under way. */
  #headArrived = false
  /** Within a read, whose return says whether another one follows. */
  #isReading = false
  /** Bytes read in a row. */
  #turnBytes = 0
  /** It has read enough in a row. */
  #awaitsTurn = false
  #uploading: Upload | undefined

  constructor(options: SocketPoolOptions, events: ConnectionEvents) {
    this.#options = options
    this.#events = events
    this.#socket = openSocket(options, {
      buffer: () => this.#memory.next(this.#reader.expecting),
      callback: (bytes, buffer) => this.#received(bytes, buffer),
    })
    this.#socket.setTimeout(options.connectTimeoutMs, () => this.#timedOut())
    this.#socket.once(options.tls === undefined ? 'connect' : 'secureConnect', () => {
      this.#connected = true
      this.#rest()
    })
    this.#socket.on('drain', () => this.#uploading?.ready())
    this.#socket.on('error', (error) => this.#fail(asStoreError(error)))
    this.#socket.on('end', () => {
      if (!this.#reader.close()) this.#fail(unreachable())
    })
    this.#socket.on('close', () => {
      this.#closed = true
      this.#memory.close()
      this.#fail(unreachable())
      events.closed(this)
    })
  }

  /** Sends a request; only when idle. */
  send(exchange: StoreExchange): void {
    const { request, head, handler } = exchange
    this.#exchange = exchange
    exchange.connection = this
    this.#answered = false
    this.#headArrived = false
    this.#paused = false
    this.#socket.ref()
    this.#socket.setTimeout(this.#options.headersTimeoutMs)
    let isWritten = false
    // Answered, it is not sent again; written, nobody reads it any more.
    const settle = (): void => {
      if (isWritten && this.#answered && request.ownsBody === true) giveBack(request.body as Buffer)
    }
    this.#reader.expect(request.method, {
      head: (status, headers, message) => {
        this.#answered = true
        settle()
        this.#headArrived = true
        if (!exchange.over)
          handler.head(status, endToEndHeaders(headers), message, this.#transferOf(exchange))
      },
      data: (chunk) => {
        if (!exchange.over) handler.data(chunk, this.#memory.loan)
      },
      end: (trailers, reusable) => this.#finish(exchange, trailers, reusable),
    })
    const { body } = request
    if (body === undefined || Buffer.isBuffer(body)) {
      this.#socket.cork()
      this.#socket.write(head, 'latin1')
      if (body !== undefined) {
        this.#socket.write(body, () => {
          isWritten = true
          if (this.#exchange === exchange) settle()
        })
      }
      this.#socket.uncork()
      return
    }
    this.#socket.write(head, 'latin1')
    const source = body instanceof Readable ? pushed(body) : body
    this.#uploading = new Upload(this.#socket, source, request.contentLength, (reason) =>
      this.#fail(asStoreError(reason)),
    )
    this.#uploading.begin()
  }

  /** Cuts the connection if it still carries this exchange. */
  abort(exchange: StoreExchange): void {
    exchange.over = true
    if (this.#exchange === exchange) this.destroy()
  }

  destroy(): void {
    this.#uploading?.stop()
    this.#socket.destroy()
  }

  get usable(): boolean {
    return this.#connected && !this.#closed && !this.#socket.destroyed && this.#exchange === undefined
  }

  /** Brakes and cuts for one exchange only: its holder may pull them when the connection already carries another. */
  #transferOf(exchange: StoreExchange): StoreTransfer {
    return {
      pause: () => {
        if (this.#exchange !== exchange) return
        this.#paused = true
        if (!this.#isReading) this.#socket.pause()
      },
      resume: () => {
        if (this.#exchange === exchange) this.#resume()
      },
      abort: () => this.abort(exchange),
    }
  }

  #resume(): void {
    if (!this.#paused) return
    this.#paused = false
    if (!this.#isReading && !this.#awaitsTurn) this.#socket.resume()
  }

  #proceed(): void {
    this.#turnBytes = 0
    this.#awaitsTurn = false
    if (!this.#paused && !this.#closed) this.#socket.resume()
  }

  #received(bytes: number, buffer: Uint8Array): boolean {
    const chunk = Buffer.from(buffer.buffer as ArrayBuffer, buffer.byteOffset, bytes)
    this.#memory.filled(bytes)
    this.#isReading = true
    try {
      this.#reader.read(chunk)
    } catch (thrown) {
      this.#fail(thrown instanceof PortcullisError ? thrown : asStoreError(thrown as Error))
    }
    this.#isReading = false
    // Most small responses are over with the read that began them, and need no other deadline.
    if (this.#headArrived && this.#exchange !== undefined)
      this.#socket.setTimeout(this.#options.idleTimeoutMs)
    this.#headArrived = false
    if (this.#awaitsTurn) return false
    this.#turnBytes += bytes
    if (this.#turnBytes >= turnBytes()) {
      this.#awaitsTurn = true
      awaitTurn(() => this.#proceed())
    }
    return !this.#paused && !this.#awaitsTurn
  }

  #finish(exchange: StoreExchange, trailers: RawHeaders, reusable: boolean): void {
    const complete = this.#uploading === undefined || this.#uploading.complete
    this.#uploading?.stop()
    this.#uploading = undefined
    this.#exchange = undefined
    this.#used = true
    if (exchange.over || !reusable || !complete) {
      this.#socket.destroy()
    } else {
      this.#resume()
      this.#rest()
    }
    if (exchange.over) return
    exchange.over = true
    exchange.handler.end(endToEndHeaders(trailers))
  }

  #rest(): void {
    this.#socket.setTimeout(KEEP_ALIVE_MS)
    this.idleSinceMs = performance.now()
    // Nothing waits for an idle connection.
    this.#socket.unref()
    this.#events.idle(this)
  }

  #timedOut(): void {
    const waitsForUs =
      this.#paused ||
      (this.#uploading?.complete === false && this.#socket.writableLength === 0 && !this.#answered)
    if (this.#exchange !== undefined && waitsForUs) {
      this.#socket.setTimeout(this.#options.idleTimeoutMs)
      return
    }
    this.#fail(new PortcullisError('store-timeout', 'The store did not answer in time.'))
  }

  #fail(error: PortcullisError): void {
    this.failure ??= error
    const exchange = this.#exchange
    this.#exchange = undefined
    const wasUpload = this.#uploading !== undefined
    this.#uploading?.stop()
    this.#uploading = undefined
    this.#socket.destroy()
    if (exchange === undefined || exchange.over) return
    if (
      this.#used &&
      !this.#answered &&
      !wasUpload &&
      error.code === 'store-unreachable' &&
      exchange.repeat()
    )
      return
    exchange.over = true
    exchange.handler.error(error)
  }
}

/** A pushed body on its way. */
class Upload implements BodyWriter {
  complete = false
  readonly #socket: Socket
  readonly #body: PushedBody
  #remaining: number
  #waiting = false
  #stopped = false

  readonly #fail: (reason: Error) => void

  constructor(socket: Socket, body: PushedBody, bytes: number | undefined, fail: (reason: Error) => void) {
    if (bytes === undefined) throw new RangeError('a pushed body has a length')
    this.#socket = socket
    this.#body = body
    this.#remaining = bytes
    this.#fail = fail
  }

  begin(): void {
    this.#body.start(this)
  }

  ready(): void {
    if (!this.#waiting || this.#stopped) return
    this.#waiting = false
    this.#body.ready()
  }

  stop(): void {
    this.#stopped = true
  }

  write(pieces: readonly Buffer[], sent?: () => void): boolean {
    if (this.#stopped) return false
    const last = pieces.length - 1
    this.#socket.cork()
    for (let index = 0; index <= last; index += 1) {
      const piece = pieces[index]!
      this.#remaining -= piece.length
      this.#socket.write(piece, index === last ? sent : undefined)
    }
    this.#socket.uncork()
    this.#waiting = this.#socket.writableLength > UNSENT_BYTES_MAX
    return !this.#waiting
  }

  end(): void {
    // Nothing more is asked for.
    this.#waiting = false
    // A body of another length than was declared must not be taken for the whole one.
    if (this.#remaining === 0) this.complete = true
    else this.abort(new Error('the body has not the declared length'))
  }

  abort(reason: Error): void {
    if (!this.#stopped) this.#fail(reason)
  }
}

/** A stream as a pushed body. */
function pushed(stream: Readable): PushedBody {
  return {
    start: (writer) => {
      stream.on('data', (chunk: Buffer) => {
        if (!writer.write([chunk])) stream.pause()
      })
      stream.once('end', () => writer.end())
      stream.once('error', (error) => writer.abort(error))
      stream.once('close', () => {
        if (!stream.readableEnded) writer.abort(new Error('the body was given up'))
      })
    },
    ready: () => stream.resume(),
  }
}

function openSocket(
  { url, tls }: SocketPoolOptions,
  onread: { buffer(): Buffer; callback(bytes: number, buffer: Uint8Array): boolean },
): Socket {
  const { hostname, port } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  if (tls === undefined) return connectPlain({ host, port: Number(port || 80), noDelay: true, onread })
  // Documented for tls.connect as well, which its types do not know.
  const name = isIP(host) === 0 ? { servername: host } : {}
  const options = { host, port: Number(port || 443), ALPNProtocols: ['http/1.1'], onread, ...name, ...tls }
  const socket = connectTls(options)
  socket.setNoDelay(true)
  return socket
}

function unreachable(): PortcullisError {
  return new PortcullisError('store-unreachable', 'The connection to the store failed.')
}

function asStoreError(cause: Error): PortcullisError {
  if (cause instanceof PortcullisError) return cause
  return new PortcullisError('store-unreachable', 'The connection to the store failed.', { cause })
}
