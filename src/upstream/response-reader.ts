import { PortcullisError } from '../errors.ts'
import type { RawHeaders } from '../wire/raw-headers.ts'
import { headerValue } from '../wire/raw-headers.ts'

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
const CHUNK_LINE_BYTES_MAX = 1024
const HEAD_END = Buffer.from('\r\n\r\n')
const LINE_END = Buffer.from('\r\n')
const EMPTY: Buffer = Buffer.alloc(0)
const STATUS_LINE = /^HTTP\/1\.([01]) (\d{3})(?: ([\t\x20-\x7e\x80-\xff]*))?$/
/** Name, and the value without the white space around it. */
const FIELD =
  /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*(?:([\x21-\x7e\x80-\xff]+(?:[\t ]+[\x21-\x7e\x80-\xff]+)*)[\t ]*)?$/

type State =
  | 'head'
  | 'length'
  | 'chunk-line'
  | 'chunk-data'
  | 'chunk-end'
  | 'trailers'
  | 'until-close'
  | 'over'

/**
 * Reads one HTTP/1.1 response after the other from a connection (RFC 9112), strictly: what two readers could take
 * differently is an error. Bodies are passed on where they lie.
 */
export class ResponseReader {
  #state: State = 'over'
  #events: ResponseEvents | undefined
  #isHead = false
  /** The beginning of a head or line whose end has not arrived. */
  #kept = EMPTY
  #remaining = 0
  #reusable = true
  /** Those of a response that has just ended. */
  #trailers: RawHeaders | undefined

  /** Expects the response to a request that has been sent with `method`. */
  expect(method: string, events: ResponseEvents): void {
    this.#events = events
    this.#isHead = method === 'HEAD'
    this.#state = 'head'
    this.#kept = EMPTY
    this.#reusable = true
    this.#trailers = undefined
  }

  /** True while a response is expected or under way. */
  get expecting(): boolean {
    return this.#state !== 'over'
  }

  /** @throws PortcullisError `store-response-invalid` */
  read(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#state === 'over') throw invalid('The store sent what nobody asked for.')
      at = this.#step(chunk, at)
      const trailers = this.#trailers
      if (trailers === undefined) continue
      // More than the response would be taken for the beginning of the next one.
      this.#leave(trailers, this.#reusable && at === chunk.length)
      return
    }
  }

  /** The connection has ended; true when that completes the response. */
  close(): boolean {
    if (this.#state !== 'until-close') return false
    this.#leave([], false)
    return true
  }

  #step(chunk: Buffer, at: number): number {
    switch (this.#state) {
      case 'head':
        return this.#readBlock(chunk, at, HEAD_END, HEAD_BYTES_MAX, (text) => this.#takeHead(text))
      case 'length':
      case 'chunk-data':
      case 'until-close':
        return this.#readData(chunk, at)
      case 'chunk-line':
        return this.#readBlock(chunk, at, LINE_END, CHUNK_LINE_BYTES_MAX, (text) => this.#takeChunkLine(text))
      case 'chunk-end':
        return this.#readBlock(chunk, at, LINE_END, CHUNK_LINE_BYTES_MAX, (text) => {
          if (text !== '') throw invalid('A chunk is longer than it says.')
          this.#state = 'chunk-line'
        })
      case 'trailers':
        return this.#readTrailers(chunk, at)
      default:
        return chunk.length
    }
  }

  /** Takes bytes up to `end`, which may arrive in pieces; `take` gets them as latin1 without it. */
  #readBlock(chunk: Buffer, at: number, end: Buffer, bytesMax: number, take: (text: string) => void): number {
    const keptBytes = this.#kept.length
    const rest = at === 0 ? chunk : chunk.subarray(at)
    const bytes = keptBytes === 0 ? rest : Buffer.concat([this.#kept, rest.subarray(0, bytesMax)])
    const found = bytes.indexOf(end)
    if (found > bytesMax || (found === -1 && bytes.length >= bytesMax)) {
      throw invalid("The head of the store's response is too long.")
    }
    if (found === -1) {
      this.#kept = keptBytes === 0 ? Buffer.from(rest) : bytes
      return chunk.length
    }
    this.#kept = EMPTY
    take(bytes.toString('latin1', 0, found))
    return at + found + end.length - keptBytes
  }

  #takeHead(text: string): void {
    const lines = text.split('\r\n')
    const status = STATUS_LINE.exec(lines[0]!)
    if (status === null) throw invalid('The status line is not well-formed.')
    const headers = fieldsOf(lines, 1)
    const code = Number(status[2])
    if (code < 200) {
      if (code === 101) throw invalid('The store changes protocol unasked.')
      return
    }
    this.#frame(code, headers, status[1] === '1')
    if (this.#state === 'over') this.#trailers = []
    this.#events!.head(code, headers, status[3] ?? '')
  }

  /** How the body is framed (RFC 9112 section 6.3). */
  #frame(status: number, headers: RawHeaders, isHttp11: boolean): void {
    const connection = (headerValue(headers, 'connection') ?? '').toLowerCase()
    this.#reusable = isHttp11 ? !connection.includes('close') : connection.includes('keep-alive')
    const coding = headerValue(headers, 'transfer-encoding')
    const length = contentLength(headers)
    if (this.#isHead || status === 204 || status === 304) {
      this.#state = 'over'
    } else if (coding !== undefined) {
      if (coding.toLowerCase() !== 'chunked' || length !== undefined || !isHttp11) {
        throw invalid("The framing of the store's response is ambiguous.")
      }
      this.#state = 'chunk-line'
    } else if (length !== undefined) {
      this.#remaining = length
      this.#state = length === 0 ? 'over' : 'length'
    } else {
      this.#remaining = Infinity
      this.#state = 'until-close'
    }
  }

  #readData(chunk: Buffer, at: number): number {
    const until = Math.min(chunk.length, at + this.#remaining)
    this.#remaining -= until - at
    const ended = this.#remaining === 0 && this.#state === 'length'
    if (this.#remaining === 0 && !ended) this.#state = 'chunk-end'
    this.#events!.data(at === 0 && until === chunk.length ? chunk : chunk.subarray(at, until))
    if (ended) this.#end([])
    return until
  }

  #takeChunkLine(text: string): void {
    const size = /^([0-9A-Fa-f]{1,12})(?:[\t ]*;.*)?$/.exec(text)
    if (size === null) throw invalid('A chunk length is not well-formed.')
    this.#remaining = Number.parseInt(size[1]!, 16)
    this.#state = this.#remaining === 0 ? 'trailers' : 'chunk-data'
  }

  /** Without trailers there is a bare empty line. */
  #readTrailers(chunk: Buffer, at: number): number {
    const first = this.#kept.length > 0 ? this.#kept[0] : chunk[at]
    if (first === 0x0d) {
      return this.#readBlock(chunk, at, LINE_END, CHUNK_LINE_BYTES_MAX, () => this.#end([]))
    }
    return this.#readBlock(chunk, at, HEAD_END, HEAD_BYTES_MAX, (text) =>
      this.#end(fieldsOf(text.split('\r\n'), 0)),
    )
  }

  #end(trailers: RawHeaders): void {
    this.#state = 'over'
    this.#trailers = trailers
  }

  #leave(trailers: RawHeaders, reusable: boolean): void {
    const events = this.#events!
    this.#state = 'over'
    this.#events = undefined
    this.#trailers = undefined
    events.end(trailers, reusable)
  }
}

function fieldsOf(lines: readonly string[], first: number): RawHeaders {
  const headers: RawHeaders = []
  for (let index = first; index < lines.length; index += 1) {
    const field = FIELD.exec(lines[index]!)
    if (field === null) throw invalid('A header field is not well-formed.')
    headers.push(field[1]!, field[2] ?? '')
  }
  return headers
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
