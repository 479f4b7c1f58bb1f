import { fieldsOf } from './field-lines.ts'
import type { RawHeaders } from './raw-headers.ts'
import { HEAD_END, LINE_END, TextBlock } from './text-block.ts'

const CHUNK_LINE_BYTES_MAX = 1024
const CARRIAGE_RETURN = 0x0d
const TRAILER_BYTES_MAX = 64 * 1024

type State = 'length' | 'until-close' | 'chunk-line' | 'chunk-data' | 'chunk-end' | 'trailers' | 'complete'

/** A body is not framed as HTTP/1.1 demands. */
export class FramingError extends Error {
  override readonly name = 'FramingError'
}

/** Reads the bodies of HTTP/1.1 messages, one after the other (RFC 9112 sections 6 and 7), and hands them on where they lie. */
export class MessageBody {
  readonly #block = new TextBlock()
  #state: State = 'complete'
  #remaining = 0
  #trailers: RawHeaders = []

  /** A body of so many bytes; of `Infinity`, one that ends with the connection. */
  beginLength(bytes: number): void {
    this.#trailers = []
    this.#remaining = bytes
    this.#state = bytes === 0 ? 'complete' : bytes === Infinity ? 'until-close' : 'length'
  }

  beginChunked(): void {
    this.#trailers = []
    this.#remaining = 0
    this.#block.clear()
    this.#state = 'chunk-line'
  }

  get complete(): boolean {
    return this.#state === 'complete'
  }

  /** Ends with the connection. */
  get untilClose(): boolean {
    return this.#state === 'until-close'
  }

  /** Bytes to come in a row: of the whole body where its length is known, else of the chunk. */
  get remaining(): number {
    return this.#remaining
  }

  /** Those of the last body, once it is complete. */
  get trailers(): RawHeaders {
    return this.#trailers
  }

  /**
   * Reads from `at` to the end of a run of data, of a line, or of the chunk; returns where it stopped.
   *
   * @throws FramingError
   */
  read(chunk: Buffer, at: number, data: (piece: Buffer) => void): number {
    switch (this.#state) {
      case 'length':
      case 'chunk-data':
      case 'until-close':
        return this.#readData(chunk, at, data)
      case 'chunk-line':
      case 'chunk-end':
        return this.#readLine(chunk, at)
      case 'trailers':
        return this.#readTrailers(chunk, at)
      default:
        return at
    }
  }

  #readData(chunk: Buffer, at: number, data: (piece: Buffer) => void): number {
    const until = Math.min(chunk.length, at + this.#remaining)
    this.#remaining -= until - at
    if (this.#remaining === 0) this.#state = this.#state === 'length' ? 'complete' : 'chunk-end'
    data(at === 0 && until === chunk.length ? chunk : chunk.subarray(at, until))
    return until
  }

  #readLine(chunk: Buffer, at: number): number {
    const isEnd = this.#state === 'chunk-end'
    // Told at the first byte: a line end might never come.
    if (isEnd && this.#first(chunk, at) !== CARRIAGE_RETURN) throw tooLong()
    const line = this.#take(chunk, at, LINE_END, CHUNK_LINE_BYTES_MAX)
    if (line === undefined) return chunk.length
    if (isEnd) {
      if (line !== '') throw tooLong()
      this.#state = 'chunk-line'
    } else {
      const size = /^([0-9A-Fa-f]{1,12})(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?$/.exec(line)
      if (size === null) throw new FramingError('A chunk length is not well-formed.')
      this.#remaining = Number.parseInt(size[1]!, 16)
      this.#state = this.#remaining === 0 ? 'trailers' : 'chunk-data'
    }
    return this.#block.end
  }

  /** Without trailers there is a bare empty line. */
  #readTrailers(chunk: Buffer, at: number): number {
    const isBare = this.#first(chunk, at) === CARRIAGE_RETURN
    const text = this.#take(chunk, at, isBare ? LINE_END : HEAD_END, TRAILER_BYTES_MAX)
    if (text === undefined) return chunk.length
    const trailers = isBare ? [] : fieldsOf(text.split('\r\n'), 0)
    if (trailers === undefined || (isBare && text !== ''))
      throw new FramingError('A trailer is not well-formed.')
    this.#trailers = trailers
    this.#state = 'complete'
    return this.#block.end
  }

  /** First byte of the line that is being read. */
  #first(chunk: Buffer, at: number): number | undefined {
    return this.#block.kept.length > 0 ? this.#block.kept[0] : chunk[at]
  }

  #take(chunk: Buffer, at: number, mark: Buffer, bytesMax: number): string | undefined {
    try {
      return this.#block.take(chunk, at, mark, bytesMax)
    } catch {
      throw new FramingError('A line of the body is too long.')
    }
  }
}

function tooLong(): FramingError {
  return new FramingError('A chunk is longer than it says.')
}
