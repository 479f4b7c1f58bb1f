import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { PortcullisError } from '../errors.ts'
import { BodyMemory } from '../wire/body-memory.ts'
import { sharedMemory } from '../wire/connection-memory.ts'
import { type Loan, OWNED } from '../wire/loan.ts'
import { FramingError, MessageBody } from '../wire/message-body.ts'
import { SpentLoan } from '../wire/spent.ts'
import { HEAD_END, TextBlock } from '../wire/text-block.ts'
import { bareSocket } from './bare-socket.ts'
import type { Exchange } from './exchange.ts'
import type { ListenerLimits } from './limits.ts'
import { refuseRaw } from './refuse-raw.ts'
import { Request } from './request.ts'
import { readRequestHead, type RequestHead } from './request-head.ts'
import { Response } from './response.ts'
import { UpgradedSocket } from './upgraded-socket.ts'
import { mayBeginRequest, parseWireHead, type WireHead } from './wire-head.ts'

// What nobody reads any more is taken up to here and so long, so that the client sees the answer and not a reset.
const DISCARDED_BYTES_MAX = 4 * 1024 * 1024
const DISCARDED_TIME_MS_MAX = 5_000
/** Bytes that may wait for the request before them, or for somebody to read them. */
const AHEAD_BYTES_MAX = 64 * 1024

/** What a connection tells whoever accepted it. */
export interface ConnectionEvents {
  /** True once no further request is wanted. */
  isDraining(): boolean
  /** Takes a request, whose body may follow. */
  request(request: Request, response: Response, head: RequestHead): Exchange
  /** Takes the connection out of HTTP. */
  upgrade(request: Request, head: RequestHead, socket: Duplex, firstBytes: Buffer): void
  closed(): void
}

type Mode = 'http' | 'discarding' | 'upgraded'

/** One client's connection: requests in, one after the other, and their responses out (RFC 9112). */
export class Connection {
  readonly #socket: Socket
  readonly #limits: ListenerLimits
  readonly #events: ConnectionEvents
  readonly #memory = new BodyMemory(sharedMemory)
  readonly #head = new TextBlock()
  readonly #body = new MessageBody()
  #mode: Mode = 'http'
  #request: Request | undefined
  #response: Response | undefined
  #exchange: Exchange | undefined
  #upgraded: UpgradedSocket | undefined
  /** Arrived, and not read yet. */
  #ahead: Buffer | undefined
  /** Within a read, whose return says whether another one follows. */
  #isReading = false
  #isStopped = false
  /** Since when a head is awaited that has to come within its deadline. */
  #headSinceMs: number | undefined = performance.now()
  #discardDeadline: NodeJS.Timeout | undefined
  #discardedBytes = 0
  #loan: Loan = OWNED
  readonly #takeBody = (piece: Buffer): void => this.#request!.take(piece, this.#loan)

  constructor(accepted: Socket, limits: ListenerLimits, events: ConnectionEvents) {
    this.#limits = limits
    this.#events = events
    this.#socket = this.#open(accepted)
    this.#socket.setTimeout(limits.idleTimeoutMs)
    this.#socket.on('timeout', () => this.#timedOut())
    this.#socket.on('drain', () => this.#response?.drained())
    this.#socket.on('error', () => this.#socket.destroy())
    this.#socket.on('end', () => this.#ended())
    this.#socket.on('close', () => this.#closed())
    this.#socket.resume()
  }

  get socket(): Socket {
    return this.#socket
  }

  /** Takes no further request; closes at once while none is under way. */
  drain(): void {
    if (this.#mode === 'http' && this.#request === undefined && this.#head.kept.length === 0) this.#socket.destroy()
  }

  destroy(): void {
    this.#upgraded?.destroy()
    this.#socket.destroy()
  }

  /** Gives up a client that has not sent its head within the deadline. */
  sweep(nowMs: number): void {
    if (this.#headSinceMs === undefined || nowMs - this.#headSinceMs < this.#limits.headersTimeoutMs) return
    this.#headSinceMs = undefined
    if (this.#mode === 'http' && this.#request === undefined)
      this.#refuse(new PortcullisError('request-timeout', 'The request head stopped arriving.'), '')
  }

  #open(accepted: Socket): Socket {
    const bare =
      accepted instanceof TLSSocket
        ? undefined
        : bareSocket(accepted, {
            buffer: () => this.#memory.next(this.#expectsBody),
            callback: (bytes, buffer) => {
              this.#memory.filled(bytes)
              return this.#received(
                Buffer.from(buffer.buffer as ArrayBuffer, buffer.byteOffset, bytes),
                this.#memory.loan,
              )
            },
          })
    if (bare !== undefined) return bare
    accepted.on('data', (chunk: Buffer) => {
      if (!this.#received(chunk, new SpentLoan(chunk))) accepted.pause()
    })
    return accepted
  }

  get #expectsBody(): boolean {
    return this.#mode === 'http' && this.#request !== undefined && !this.#request.complete
  }

  /** Takes what one read brought; without a loan its memory is not the reader's. Returns whether to read on. */
  #received(chunk: Buffer, loan: Loan | undefined): boolean {
    this.#isReading = true
    if (this.#upgraded !== undefined) {
      this.#isStopped = !this.#upgraded.received(Buffer.from(chunk))
    } else if (this.#ahead !== undefined) {
      this.#keepAhead(Buffer.concat([this.#ahead, chunk]))
      // Somebody may have asked for it meanwhile.
      this.#advance()
    } else {
      this.#read(chunk, loan)
    }
    this.#isReading = false
    return !this.#isStopped
  }

  /** Reads on from what has arrived. */
  #advance(): void {
    const ahead = this.#ahead
    if (ahead === undefined || !this.#canRead) return
    this.#ahead = undefined
    this.#read(ahead, OWNED)
  }

  get #canRead(): boolean {
    return this.#mode !== 'http' || this.#request === undefined || (!this.#request.complete && this.#request.state === 'flowing')
  }

  #read(chunk: Buffer, loan: Loan | undefined): void {
    let at = 0
    while (at < chunk.length && !this.#socket.destroyed) {
      if (this.#mode === 'discarding') {
        this.#countDiscarded(chunk.length - at)
        return
      }
      if (this.#upgraded !== undefined) return
      if (!this.#canRead) {
        this.#keepAhead(Buffer.from(at === 0 ? chunk : chunk.subarray(at)))
        return
      }
      at = this.#request === undefined ? this.#readHead(chunk, at) : this.#readBody(chunk, at, loan)
    }
    if (this.#request?.complete === false && this.#request.state === 'paused') this.#stop()
  }

  #readHead(chunk: Buffer, from: number): number {
    let at = from
    // Empty lines before a request are let pass (RFC 9112 section 2.2).
    if (this.#head.kept.length === 0) while (chunk[at] === 0x0d || chunk[at] === 0x0a) at += 1
    if (at === chunk.length) return at
    if (this.#headSinceMs === undefined) {
      this.#headSinceMs = performance.now()
      this.#socket.setTimeout(this.#limits.idleTimeoutMs)
    }
    let text: string | undefined
    try {
      text = this.#head.take(chunk, at, HEAD_END, this.#limits.headerBytesMax)
    } catch {
      this.#refuse(new PortcullisError('headers-too-large', 'The request head exceeds its limit.'), '')
      return chunk.length
    }
    if (text === undefined) {
      if (!mayBeginRequest(this.#head.kept) || hasBareLineFeed(this.#head.kept)) this.#refuse(malformed(), '')
      return chunk.length
    }
    this.#headSinceMs = undefined
    try {
      this.#begin(parseWireHead(text, this.#limits.headersCountMax), chunk, this.#head.end)
    } catch (thrown) {
      this.#refuse(thrown, text)
    }
    return this.#head.end
  }

  #begin(wire: WireHead, chunk: Buffer, at: number): void {
    const head = readRequestHead(wire)
    const request = new Request(wire, this.#socket, {
      proceed: () => this.#proceed(),
      discard: () => this.#discard(),
    })
    this.#request = request
    if (head.upgrade !== undefined) {
      request.complete = true
      this.#upgrade(request, head, Buffer.from(chunk.subarray(at)))
      return
    }
    if (head.chunked) this.#body.beginChunked()
    else this.#body.beginLength(head.contentLength ?? 0)
    request.complete = this.#body.complete
    const response = new Response(request, {
      keepAlive: head.keepAlive && !this.#events.isDraining(),
      keepAliveSeconds: Math.floor(this.#limits.keepAliveTimeoutMs / 1000),
      finished: () => this.#finished(),
    })
    this.#response = response
    this.#exchange = this.#events.request(request, response, head)
  }

  #readBody(chunk: Buffer, at: number, loan: Loan | undefined): number {
    const request = this.#request!
    let piece = chunk
    let from = at
    this.#loan = loan ?? OWNED
    if (loan === undefined) {
      piece = Buffer.from(chunk.subarray(at))
      from = 0
    }
    try {
      const reached = this.#body.read(piece, from, this.#takeBody)
      if (this.#discardDeadline !== undefined) this.#countDiscarded(reached - from)
      if (this.#body.complete) this.#completed(request)
      return at + reached - from
    } catch (thrown) {
      if (!(thrown instanceof FramingError)) throw thrown
      this.#broken(new PortcullisError('request-malformed', 'The framing of the body is not well-formed.'))
      return chunk.length
    }
  }

  #completed(request: Request): void {
    this.#endDiscard()
    request.finish()
    if (this.#response === undefined) this.#next()
  }

  /** Keeps what is for later; stops reading when that is enough. */
  #keepAhead(bytes: Buffer): void {
    this.#ahead = bytes
    if (bytes.length >= AHEAD_BYTES_MAX) this.#stop()
    const request = this.#request
    if (request === undefined || !request.complete || mayBeginRequest(bytes)) return
    // What cannot be a request is more of the body than was declared, or no answer may be mistaken for its refusal.
    if (this.#hadBody) this.#broken(new PortcullisError('body-length-wrong', 'More bytes arrived than Content-Length says.'))
    else this.#socket.destroy()
  }

  get #hadBody(): boolean {
    const head = this.#exchange?.head
    return head !== undefined && (head.chunked || (head.contentLength ?? 0) > 0)
  }

  /** The rest of what arrives cannot be read. */
  #broken(error: PortcullisError): void {
    this.#ahead = undefined
    this.#mode = 'discarding'
    this.#startDiscard()
    if (this.#response !== undefined) this.#response.keepAlive = false
    if (this.#exchange === undefined || this.#exchange.ended) this.#socket.destroy()
    else this.#exchange.fail(error)
  }

  /** Answers what never became an exchange, and closes. */
  #refuse(thrown: unknown, head: string): void {
    this.#mode = 'discarding'
    this.#startDiscard()
    const error = thrown instanceof PortcullisError ? thrown : malformed()
    refuseRaw(this.#socket, error, { withoutBody: head.startsWith('HEAD ') })
  }

  #upgrade(request: Request, head: RequestHead, firstBytes: Buffer): void {
    this.#mode = 'upgraded'
    this.#upgraded = new UpgradedSocket(this.#socket)
    this.#events.upgrade(request, head, this.#upgraded, firstBytes)
  }

  #stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    if (!this.#isReading) this.#socket.pause()
  }

  /** Somebody wants the body, or what comes behind it. */
  #proceed(): void {
    if (this.#isReading) {
      this.#isStopped = false
      return
    }
    this.#advance()
    if (!this.#isStopped || !this.#canRead || this.#ahead !== undefined) return
    this.#isStopped = false
    this.#socket.resume()
  }

  #discard(): void {
    this.#startDiscard()
    this.#proceed()
  }

  #startDiscard(): void {
    this.#discardDeadline ??= setTimeout(() => this.#socket.destroy(), DISCARDED_TIME_MS_MAX).unref()
  }

  #endDiscard(): void {
    clearTimeout(this.#discardDeadline)
    this.#discardDeadline = undefined
    this.#discardedBytes = 0
  }

  #countDiscarded(bytes: number): void {
    this.#discardedBytes += bytes
    if (this.#discardedBytes > DISCARDED_BYTES_MAX) this.#socket.destroy()
  }

  /** The response has gone out. */
  #finished(): void {
    const response = this.#response!
    this.#response = undefined
    this.#exchange = undefined
    if (!response.keepAlive || this.#events.isDraining() || this.#mode === 'discarding') {
      this.#leave()
    } else if (this.#request!.complete) {
      this.#next()
    } else {
      this.#request!.discard()
    }
  }

  /** Makes room for the next request. */
  #next(): void {
    this.#request = undefined
    if (this.#ahead !== undefined) {
      this.#proceed()
      return
    }
    this.#socket.setTimeout(this.#limits.keepAliveTimeoutMs)
    this.#proceed()
  }

  /** Closes when the client has seen the answer: with bytes of it unread, the system would reset the connection at once. */
  #leave(): void {
    const isRead = this.#request?.complete !== false && this.#ahead === undefined && this.#mode === 'http'
    if (isRead) {
      this.#socket.destroySoon()
      return
    }
    this.#mode = 'discarding'
    this.#ahead = undefined
    this.#startDiscard()
    this.#socket.end()
    this.#isStopped = false
    this.#socket.resume()
  }

  /** The client sends nothing any more. */
  #ended(): void {
    if (this.#upgraded !== undefined) {
      this.#upgraded.ended()
    } else if (this.#mode === 'discarding') {
      this.#socket.destroySoon()
    } else if (this.#request !== undefined && !this.#request.complete && this.#response !== undefined) {
      this.#broken(new PortcullisError('request-malformed', 'The framing of the body is not well-formed.'))
    } else if (this.#response !== undefined && !this.#response.ended) {
      // Whoever closes waits for no answer: an exchange nobody listens to any more would hold the store's time.
      this.#socket.destroy()
    } else if (this.#response !== undefined) {
      this.#response.keepAlive = false
    } else if (this.#head.kept.length > 0) {
      this.#refuse(malformed(), '')
    } else {
      this.#socket.end()
    }
  }

  #timedOut(): void {
    const exchange = this.#exchange
    if (exchange === undefined) {
      this.#socket.destroy()
    } else if (!this.#request!.complete && !exchange.awaitsContinue) {
      if (!exchange.response.headersSent) exchange.response.keepAlive = false
      exchange.fail(new PortcullisError('request-timeout', 'The body stopped arriving.'))
    } else if (exchange.response.unsentBytes > 0) {
      this.#socket.destroy()
    }
    // Otherwise the gateway itself waits for the store, whose own deadlines apply.
  }

  #closed(): void {
    this.#endDiscard()
    this.#memory.close()
    this.#upgraded?.destroy()
    const response = this.#response
    this.#response = undefined
    response?.close()
    this.#events.closed()
  }
}

/** A lone line feed cannot end a line here, so nothing would ever end the head. */
function hasBareLineFeed(bytes: Buffer): boolean {
  const at = bytes.indexOf(0x0a)
  return at === 0 || (at > 0 && bytes[at - 1] !== 0x0d)
}

function malformed(): PortcullisError {
  return new PortcullisError('request-malformed', 'This is not a well-formed HTTP/1.1 request.')
}
