import { PortcullisError } from '../errors.ts'
import { fieldsOf } from '../wire/field-lines.ts'
import { FramingError, MessageBody } from '../wire/message-body.ts'
import type { RawHeaders } from '../wire/raw-headers.ts'
import { headerValue } from '../wire/raw-headers.ts'
import { HEAD_END, TextBlock } from '../wire/text-block.ts'

/** Takes what a reader finds. Exactly one `end` comes last. */
export interface ResponseEvents {
  /** Final head, hop-by-hop fields included. */
  head(status: number, headers: RawHeaders, message: string): void
  /** Lent bytes of the body. */
  data(chunk: Buffer): void
  /** `reusable` when the connection may carry another request. */
  end(trailers: RawHeaders, reusable: boolean): void
}

const HEAD_BYTES_MAX = 64 * 1024
const STATUS_LINE = /^HTTP\/1\.([01]) (\d{3})(?: ([\t\x20-\x7e\x80-\xff]*))?$/

/**
 * Reads one HTTP/1.1 response after the other from a connection (RFC 9112), strictly: what two readers could take
 * differently is an error. Bodies are passed on where they lie.
 */
export class ResponseReader {
  readonly #head = new TextBlock()
  readonly #body = new MessageBody()
  readonly #data = (piece: Buffer): void => this.#events!.data(piece)
  #events: ResponseEvents | undefined
  #isHead = false
  #headArrived = false
  #reusable = true

  /** Expects the response to a request that has been sent with `method`. */
  expect(method: string, events: ResponseEvents): void {
    this.#events = events
    this.#isHead = method === 'HEAD'
    this.#headArrived = false
    this.#head.clear()
    this.#reusable = true
  }

  /** True while a response is expected or under way. */
  get expecting(): boolean {
    return this.#events !== undefined
  }

  /** @throws PortcullisError `store-response-invalid` */
  read(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#events === undefined) throw invalid('The store sent what nobody asked for.')
      at = this.#headArrived ? this.#readBody(chunk, at) : this.#readHead(chunk, at)
      if (!this.#headArrived || !this.#body.complete) continue
      // More than the response would be taken for the beginning of the next one.
      this.#leave(this.#body.trailers, this.#reusable && at === chunk.length)
      return
    }
  }

  /** The connection has ended; true when that completes the response. */
  close(): boolean {
    if (!this.expecting || !this.#headArrived || !this.#body.untilClose) return false
    this.#leave([], false)
    return true
  }

  #readHead(chunk: Buffer, at: number): number {
    let text: string | undefined
    try {
      text = this.#head.take(chunk, at, HEAD_END, HEAD_BYTES_MAX)
    } catch {
      throw invalid("The head of the store's response is too long.")
    }
    if (text === undefined) return chunk.length
    this.#takeHead(text)
    return this.#head.end
  }

  #readBody(chunk: Buffer, at: number): number {
    try {
      return this.#body.read(chunk, at, this.#data)
    } catch (thrown) {
      if (thrown instanceof FramingError) throw invalid(thrown.message)
      throw thrown
    }
  }

  #takeHead(text: string): void {
    const lines = text.split('\r\n')
    const status = STATUS_LINE.exec(lines[0]!)
    if (status === null) throw invalid('The status line is not well-formed.')
    const headers = fieldsOf(lines, 1)
    if (headers === undefined) throw invalid('A header field is not well-formed.')
    const code = Number(status[2])
    if (code < 200) {
      if (code === 101) throw invalid('The store changes protocol unasked.')
      return
    }
    this.#frame(code, headers, status[1] === '1')
    this.#headArrived = true
    this.#events!.head(code, headers, status[3] ?? '')
  }

  /** How the body is framed (RFC 9112 section 6.3). */
  #frame(status: number, headers: RawHeaders, isHttp11: boolean): void {
    const connection = (headerValue(headers, 'connection') ?? '').toLowerCase()
    this.#reusable = isHttp11 ? !connection.includes('close') : connection.includes('keep-alive')
    const coding = headerValue(headers, 'transfer-encoding')
    const length = contentLength(headers)
    if (this.#isHead || status === 204 || status === 304) {
      this.#body.beginLength(0)
    } else if (coding !== undefined) {
      if (coding.toLowerCase() !== 'chunked' || length !== undefined || !isHttp11) {
        throw invalid("The framing of the store's response is ambiguous.")
      }
      this.#body.beginChunked()
    } else {
      this.#body.beginLength(length ?? Infinity)
    }
  }

  #leave(trailers: RawHeaders, reusable: boolean): void {
    const events = this.#events!
    this.#events = undefined
    events.end(trailers, reusable)
  }
}

function contentLength(headers: RawHeaders): number | undefined {
  let length: string | undefined
  for (let index = 0; index < headers.length; index += 2) {
    if (headers[index]!.toLowerCase() !== 'content-length') continue
    const value = headers[index + 1]!
    if (!/^\d{1,15}$/.test(value) || (length !== undefined && length !== value)) {
      throw invalid('The content length is not well-formed.')
    }
    length = value
  }
  return length === undefined ? undefined : Number(length)
}

function invalid(message: string): PortcullisError {
  return new PortcullisError('store-response-invalid', message)
}
