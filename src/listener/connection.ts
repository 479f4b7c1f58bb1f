import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { PortcullisError } from '../errors.ts'
import { BodyMemory } from '../wire/body-memory.ts'
import { sharedMemory } from '../wire/connection-memory.ts'
import { type Loan, OWNED } from '../wire/loan.ts'
import { loanOf, ownedCopy } from '../wire/spent.ts'
import { bareSocket } from './bare-socket.ts'
import { Discard } from './discard.ts'
import type { Exchange } from './exchange.ts'
import type { ListenerLimits } from './limits.ts'
import { refuseRaw } from './refuse-raw.ts'
import { Request } from './request.ts'
import { readRequestHead, type RequestHead } from './request-head.ts'
import { badFraming, firstOfRequest, RequestReader } from './request-reader.ts'
import { Response } from './response.ts'
import { UpgradedSocket } from './upgraded-socket.ts'
import { mayBeginRequest, type WireHead } from './wire-head.ts'

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

/** One client's connection: requests in, one after the other, and their responses out (RFC 9112 section 9). */
export class Connection {
  readonly #socket: Socket
  readonly #limits: ListenerLimits
  readonly #events: ConnectionEvents
  readonly #memory = new BodyMemory(sharedMemory)
  readonly #reader: RequestReader
  readonly #discard = new Discard(() => this.#socket.destroy())
  readonly #takeBody = (piece: Buffer): void => this.#request!.take(piece, this.#loan)
  /** What arrives is not read as requests any more. */
  #isLeft = false
  #request: Request | undefined
  #response: Response | undefined
  #exchange: Exchange | undefined
  #upgraded: UpgradedSocket | undefined
  /** Arrived, and not read yet. */
  #ahead: Buffer | undefined
  /** Of the bytes that are being read. */
  #loan: Loan = OWNED
  /** Within a read, whose return says whether another one follows. */
  #isReading = false
  #isStopped = false
  /** Since when a head is awaited that has to come within its deadline. */
  #headSinceMs: number | undefined = performance.now()

  constructor(accepted: Socket, limits: ListenerLimits, events: ConnectionEvents) {
    this.#limits = limits
    this.#events = events
    this.#reader = new RequestReader(limits)
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

  /** Takes no further request; closes at once where none is under way. */
  drain(): void {
    const isIdle = this.#request === undefined && !this.#reader.withinHead && !this.#isLeft
    if (isIdle) this.#socket.destroy()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** Gives up a client that has not sent its head within the deadline. */
  sweep(nowMs: number): void {
    if (this.#headSinceMs === undefined || nowMs - this.#headSinceMs < this.#limits.headersTimeoutMs) return
    this.#refuse(new PortcullisError('request-timeout', 'The request head stopped arriving.'))
  }

  #open(accepted: Socket): Socket {
    const bare = accepted instanceof TLSSocket ? undefined : bareSocket(accepted, this.#readInto())
    if (bare !== undefined) return bare
    accepted.on('data', (chunk: Buffer) => {
      if (!this.#received(chunk, loanOf(chunk))) accepted.pause()
    })
    return accepted
  }

  #readInto(): Parameters<typeof bareSocket>[1] {
    return {
      buffer: () => this.#memory.next(!this.#isLeft && this.#request?.complete === false),
      callback: (bytes, buffer) => {
        this.#memory.filled(bytes)
        const chunk = Buffer.from(buffer.buffer as ArrayBuffer, buffer.byteOffset, bytes)
        return this.#received(chunk, this.#memory.loan)
      },
    }
  }

  /** Takes what one read brought; without a loan its memory serves others afterwards. Returns whether to read on. */
  #received(chunk: Buffer, loan: Loan | undefined): boolean {
    this.#isReading = true
    if (this.#upgraded !== undefined) {
      this.#isStopped = !this.#upgraded.received(Buffer.from(chunk))
    } else if (this.#isLeft) {
      if (this.#discard.count(chunk.length)) this.#stop()
    } else if (this.#ahead === undefined) {
      this.#read(chunk, loan)
    } else {
      this.#keepAhead(Buffer.concat([this.#ahead, chunk]))
      this.#readAhead()
    }
    this.#isReading = false
    return !this.#isStopped
  }

  /** True while there is somebody for the next byte. */
  get #isAwaited(): boolean {
    const request = this.#request
    return request === undefined || (!request.complete && request.state === 'flowing')
  }

  #readAhead(): void {
    const ahead = this.#ahead
    if (ahead === undefined || !this.#isAwaited) return
    this.#ahead = undefined
    this.#read(ahead, loanOf(ahead))
  }

  #read(chunk: Buffer, loan: Loan | undefined): void {
    loan?.retain()
    let at = 0
    while (at < chunk.length && !this.#isLeft && this.#upgraded === undefined) {
      if (!this.#isAwaited) {
        this.#keepAhead(ownedCopy(chunk.subarray(at)))
        break
      }
      if (this.#request === undefined) {
        at = this.#readHead(chunk, at)
      } else if (loan === undefined) {
        // Only memory of its own may outlive the read; copied once, however many chunks there are.
        const own = ownedCopy(chunk.subarray(at))
        this.#read(own, loanOf(own))
        return
      } else {
        at = this.#readBody(chunk, at, loan)
      }
    }
    if (this.#request?.complete === false && this.#request.state === 'paused') this.#stop()
    loan?.release()
  }

  #readHead(chunk: Buffer, at: number): number {
    const reader = this.#reader
    reader.skipEmptyLines(chunk, at)
    if (reader.end === chunk.length) return chunk.length
    if (this.#headSinceMs === undefined) {
      this.#headSinceMs = performance.now()
      this.#socket.setTimeout(this.#limits.idleTimeoutMs)
    }
    try {
      const wire = reader.readHead(chunk, reader.end)
      if (wire !== undefined) this.#begin(wire, chunk)
    } catch (thrown) {
      this.#refuse(thrown)
    }
    return reader.end
  }

  #begin(wire: WireHead, chunk: Buffer): void {
    const reader = this.#reader
    const head = readRequestHead(wire)
    this.#headSinceMs = undefined
    const request = new Request(wire, this.#socket, {
      proceed: () => this.#proceed(),
      discard: () => this.#discard.begin(),
    })
    this.#request = request
    if (head.upgrade !== undefined) {
      this.#upgrade(request, head, Buffer.from(chunk.subarray(reader.end)))
      return
    }
    reader.beginBody(head)
    request.complete = reader.bodyComplete
    this.#response = new Response(request, {
      keepAlive: head.keepAlive && !this.#events.isDraining(),
      keepAliveSeconds: Math.floor(this.#limits.keepAliveTimeoutMs / 1000),
      finished: () => this.#finished(),
    })
    this.#exchange = this.#events.request(request, this.#response, head)
  }

  #upgrade(request: Request, head: RequestHead, firstBytes: Buffer): void {
    request.complete = true
    this.#upgraded = new UpgradedSocket(this.#socket)
    this.#events.upgrade(request, head, this.#upgraded, firstBytes)
  }

  #readBody(chunk: Buffer, at: number, loan: Loan): number {
    const request = this.#request!
    const reader = this.#reader
    this.#loan = loan
    try {
      reader.readBody(chunk, at, this.#takeBody)
    } catch (thrown) {
      this.#break(thrown)
      return chunk.length
    }
    const { end } = reader
    if (this.#discard.count(end - at)) this.#stop()
    if (reader.bodyComplete) this.#bodyEnded(request)
    return end
  }

  #bodyEnded(request: Request): void {
    this.#discard.end()
    request.finish()
    // The response may have been earlier.
    if (this.#response === undefined) this.#next()
  }

  /** Keeps what is for later, and stops reading where that is enough. */
  #keepAhead(bytes: Buffer): void {
    this.#ahead = bytes
    if (bytes.length >= AHEAD_BYTES_MAX) this.#stop()
    if (this.#request?.complete !== true || mayBeginRequest(bytes.subarray(firstOfRequest(bytes, 0)))) return
    const { chunked, contentLength = 0 } = this.#exchange?.head ?? {}
    if (chunked === true || contentLength > 0) {
      this.#break(new PortcullisError('body-length-wrong', 'More bytes arrived than Content-Length says.'))
    } else {
      // The request in work has no part in this, and its answer must not be taken for a refusal.
      this.#socket.destroy()
    }
  }

  /** Fails the request under way because what arrives cannot be read. */
  #break(reason: unknown): void {
    this.#leave()
    if (this.#response !== undefined) this.#response.keepAlive = false
    if (this.#exchange === undefined || this.#exchange.ended) this.#socket.destroy()
    else this.#exchange.fail(reason)
  }

  /** Answers what never became an exchange, and closes. */
  #refuse(thrown: unknown): void {
    this.#leave()
    refuseRaw(this.#socket, thrown, { withoutBody: this.#reader.method === 'HEAD' })
  }

  /** Reads no further request. */
  #leave(): void {
    this.#isLeft = true
    this.#ahead = undefined
    this.#headSinceMs = undefined
    this.#discard.begin()
    this.#resume()
  }

  #stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    if (!this.#isReading) this.#socket.pause()
  }

  #resume(): void {
    if (!this.#isStopped) return
    this.#isStopped = false
    if (!this.#isReading) this.#socket.resume()
  }

  /** Somebody waits for the next byte. */
  #proceed(): void {
    if (!this.#isReading) this.#readAhead()
    if (this.#isAwaited && this.#ahead === undefined) this.#resume()
  }

  /** The response has gone out. */
  #finished(): void {
    const request = this.#request!
    const { keepAlive } = this.#response!
    this.#response = undefined
    this.#exchange = undefined
    if (this.#isLeft) this.#socket.end()
    else if (keepAlive && !this.#events.isDraining()) this.#finishRequest(request)
    else this.#close(request)
  }

  #finishRequest(request: Request): void {
    if (request.complete) this.#next()
    else request.discard()
  }

  /** Makes room for the next request. */
  #next(): void {
    this.#request = undefined
    if (this.#ahead === undefined) this.#socket.setTimeout(this.#limits.keepAliveTimeoutMs)
    this.#proceed()
  }

  /** Closes when the client has seen the answer. */
  #close(request: Request): void {
    if (request.complete && this.#ahead === undefined) {
      this.#socket.destroySoon()
      return
    }
    this.#leave()
    this.#socket.end()
  }

  /** The client sends nothing any more. */
  #ended(): void {
    if (this.#upgraded !== undefined) {
      this.#upgraded.ended()
    } else if (this.#isLeft) {
      this.#socket.destroySoon()
    } else if (this.#response === undefined) {
      if (this.#reader.withinHead) this.#refuse(badEnd())
      else this.#socket.destroySoon()
    } else if (!this.#request!.complete) {
      this.#break(badFraming())
    } else if (this.#response.ended) {
      this.#response.keepAlive = false
    } else {
      // Whoever closes waits for no answer, and would hold the store's time.
      this.#socket.destroy()
    }
  }

  #timedOut(): void {
    const exchange = this.#exchange
    if (exchange === undefined) {
      // What is discarded has a deadline of its own.
      if (!this.#discard.active) this.#socket.destroy()
    } else if (!exchange.request.complete && !exchange.awaitsContinue) {
      if (!exchange.response.headersSent) exchange.response.keepAlive = false
      exchange.fail(new PortcullisError('request-timeout', 'The body stopped arriving.'))
    } else if (exchange.response.unsentBytes > 0) {
      this.#socket.destroy()
    }
    // Otherwise the gateway itself waits for the store, whose own deadlines apply.
  }

  #closed(): void {
    this.#isLeft = true
    this.#discard.end()
    this.#memory.close()
    this.#upgraded?.destroy()
    this.#response?.close()
    this.#events.closed()
  }
}

function badEnd(): PortcullisError {
  return new PortcullisError('request-malformed', 'The request ended within its head.')
}
