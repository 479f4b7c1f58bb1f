import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { RawHeaders } from '../wire/raw-headers.ts'
import { httpDate } from './http-date.ts'
import type { Request } from './request.ts'

/** Bodies up to here leave in one buffer with the head. */
const JOINED_BYTES_MAX = 16 * 1024
const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/
const LINE_END = Buffer.from('\r\n')

/** What a response is told by its connection. */
export interface ResponseOptions {
  /** The client allows another request on the connection. */
  readonly keepAlive: boolean
  /** Seconds that the connection may idle, as told to the client. */
  readonly keepAliveSeconds: number
  /** The last byte has gone to the system. */
  finished(): void
}

/** The response to one request, framed as the client's version of HTTP allows (RFC 9112 section 6). */
export class Response {
  statusCode = 200
  /** May become false until the head is sent. */
  keepAlive: boolean
  readonly #request: Request
  readonly #socket: Socket
  readonly #options: ResponseOptions
  /** Rendered and not sent yet, up to the end of its fields. */
  #head: string | undefined
  #headersSent = false
  #hasBody = true
  #framing: 'undecided' | 'length' | 'chunked' | 'until-close' = 'undecided'
  #remaining = 0
  #ended = false
  #finished = false
  #closed = false
  #drainListeners: (() => void)[] | undefined
  #closeListener: (() => void) | undefined

  constructor(request: Request, options: ResponseOptions) {
    this.#request = request
    this.#socket = request.socket
    this.#options = options
    this.keepAlive = options.keepAlive
  }

  /** The head is decided. */
  get headersSent(): boolean {
    return this.#headersSent
  }

  /** Everything was handed in. */
  get ended(): boolean {
    return this.#ended
  }

  /** Everything has gone to the system. */
  get finished(): boolean {
    return this.#finished
  }

  /** Bytes that the system has not taken yet. */
  get unsentBytes(): number {
    return this.#socket.writableLength
  }

  /** A `drain` will come. */
  get needsDrain(): boolean {
    return this.#socket.writableNeedDrain
  }

  /** Calls back whenever unsent bytes have become few. */
  onDrain(listener: () => void): void {
    this.#drainListeners ??= []
    this.#drainListeners.push(listener)
  }

  /** Calls back once, when the response is finished or its connection gone. */
  onClose(listener: () => void): void {
    this.#closeListener = listener
  }

  /** Lets a client that asked first send its body (RFC 9110 section 10.1.1). */
  writeContinue(): void {
    this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1')
  }

  /**
   * Decides the head; it leaves with the first bytes of the body. Without `Content-Length` the body is framed by chunks.
   *
   * @throws TypeError when a name or value cannot be sent
   */
  writeHead(status: number, headers: RawHeaders, message?: string): void {
    if (this.#headersSent) throw new Error('the head of this response was sent')
    const phrase = message === undefined || message === '' ? (STATUS_CODES[status] ?? 'unknown') : message
    if (UNSENDABLE.test(phrase)) throw unsendable()
    let text = `HTTP/1.1 ${status} ${phrase}\r\n`
    let length: string | undefined
    let isDated = false
    for (let index = 0; index < headers.length; index += 2) {
      const name = headers[index]!
      const value = headers[index + 1]!
      if (name.length === 14 && name.toLowerCase() === 'content-length') length = value
      else if (name.length === 4 && name.toLowerCase() === 'date') isDated = true
      // Framing is decided here, and nowhere else.
      else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') continue
      text += fieldLine(name, value)
    }
    this.#head = isDated ? text : `${text}Date: ${httpDate()}\r\n`
    this.statusCode = status
    this.#headersSent = true
    this.#hasBody = this.#request.method !== 'HEAD' && status !== 204 && status !== 304
    if (length !== undefined) {
      this.#framing = 'length'
      this.#remaining = Number(length)
    }
  }

  /**
   * Sends a piece of the body, which must stay as it is until `sent` is called; that may never happen. False asks to wait
   * for `onDrain`.
   */
  write(piece: Buffer, sent?: () => void): boolean {
    if (this.#ended || this.#closed) return false
    if (!this.#hasBody || piece.length === 0) {
      sent?.()
      return true
    }
    this.#count(piece.length)
    if (this.#head === undefined && this.#framing !== 'chunked') return this.#socket.write(piece, sent)
    const socket = this.#socket
    socket.cork()
    if (this.#head !== undefined) socket.write(this.#takeHead(undefined), 'latin1')
    this.#writePiece(piece, sent)
    socket.uncork()
    return !socket.writableNeedDrain
  }

  /** Sends pieces of the body with one system call where the connection allows; as `write`. */
  writeAll(pieces: readonly Buffer[], sent: () => void): void {
    const last = pieces.length - 1
    this.#socket.cork()
    for (let index = 0; index <= last; index += 1)
      this.write(pieces[index]!, index === last ? sent : undefined)
    this.#socket.uncork()
  }

  /** Ends the body, with its last piece if there is one, and trailers where it is framed by chunks. */
  end(body?: Buffer, trailers: RawHeaders = []): void {
    if (this.#ended || this.#closed) return
    const bytes = this.#hasBody ? (body?.length ?? 0) : 0
    if (bytes > 0 && this.#head === undefined) this.#count(bytes)
    const socket = this.#socket
    const finish = (error?: Error | null): void => {
      if (error === undefined || error === null) this.#finish()
    }
    if (this.#head !== undefined) {
      const isWhole = trailers.length === 0
      const head = this.#takeHead(isWhole ? bytes : undefined)
      if (bytes > 0) this.#count(bytes)
      this.#ended = true
      if (this.#framing !== 'chunked' || !this.#hasBody) {
        this.#requireWhole()
        this.#writeWhole(head, bytes === 0 ? undefined : body, finish)
        return
      }
      socket.cork()
      socket.write(head, 'latin1')
    } else {
      this.#ended = true
      this.#requireWhole()
      socket.cork()
    }
    if (bytes > 0) this.#writePiece(body!, undefined)
    if (this.#hasBody && this.#framing === 'chunked') socket.write(lastChunk(trailers), 'latin1', finish)
    else if (socket.writableLength === 0) process.nextTick(finish)
    else socket.write('', 'latin1', finish)
    socket.uncork()
  }

  /** For the connection: unsent bytes have become few. */
  drained(): void {
    for (const listener of this.#drainListeners ?? []) listener()
  }

  /** For the connection: it is gone. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#closeListener?.()
  }

  /** Renders what the head still lacks, for a body that is whole with `bytes` bytes or has no known length. */
  #takeHead(bytes: number | undefined): string {
    let text = this.#head!
    this.#head = undefined
    if (this.#framing === 'undecided' && this.#hasBody) {
      if (bytes !== undefined) {
        this.#framing = 'length'
        this.#remaining = bytes
        text += `Content-Length: ${bytes}\r\n`
      } else if (this.#request.httpVersion === '1.1') {
        this.#framing = 'chunked'
        text += 'Transfer-Encoding: chunked\r\n'
      } else {
        this.#framing = 'until-close'
        this.keepAlive = false
      }
    }
    return this.keepAlive
      ? `${text}Connection: keep-alive\r\nKeep-Alive: timeout=${this.#options.keepAliveSeconds}\r\n\r\n`
      : `${text}Connection: close\r\n\r\n`
  }

  #writeWhole(head: string, body: Buffer | undefined, finish: (error?: Error | null) => void): void {
    const socket = this.#socket
    if (body === undefined) {
      socket.write(head, 'latin1', finish)
    } else if (body.length <= JOINED_BYTES_MAX) {
      const joined = Buffer.allocUnsafe(head.length + body.length)
      joined.write(head, 0, 'latin1')
      body.copy(joined, head.length)
      socket.write(joined, finish)
    } else {
      socket.cork()
      socket.write(head, 'latin1')
      socket.write(body, finish)
      socket.uncork()
    }
  }

  #writePiece(piece: Buffer, sent: (() => void) | undefined): void {
    const socket = this.#socket
    if (this.#framing !== 'chunked') {
      socket.write(piece, sent)
      return
    }
    socket.write(`${piece.length.toString(16)}\r\n`, 'latin1')
    socket.write(piece)
    socket.write(LINE_END, sent)
  }

  #count(bytes: number): void {
    if (this.#framing !== 'length') return
    if (bytes > this.#remaining) throw new RangeError('more of a body than was declared')
    this.#remaining -= bytes
  }

  /** Nobody must take what was sent for the whole, nor what follows for the rest. */
  #requireWhole(): void {
    if (!this.#hasBody || this.#framing !== 'length' || this.#remaining === 0) return
    this.#socket.destroy()
    throw new RangeError('less of a body than was declared')
  }

  #finish(): void {
    if (this.#closed) return
    this.#finished = true
    this.close()
    this.#options.finished()
  }
}

function lastChunk(trailers: RawHeaders): string {
  let text = '0\r\n'
  for (let index = 0; index < trailers.length; index += 2)
    text += fieldLine(trailers[index]!, trailers[index + 1]!)
  return `${text}\r\n`
}

/** No field may end its line early and begin another one. */
function fieldLine(name: string, value: string): string {
  if (UNSENDABLE.test(name) || UNSENDABLE.test(value)) throw unsendable()
  return `${name}: ${value}\r\n`
}

function unsendable(): TypeError {
  return new TypeError('a header of this response cannot be sent')
}
