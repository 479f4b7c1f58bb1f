import { PortcullisError } from '../errors.ts'
import { FramingError, MessageBody } from '../wire/message-body.ts'
import { HEAD_END, TextBlock } from '../wire/text-block.ts'
import type { ListenerLimits } from './limits.ts'
import type { RequestHead } from './request-head.ts'
import { mayBeginRequest, parseWireHead, type WireHead } from './wire-head.ts'

/**
 * Reads one HTTP/1.1 request after the other (RFC 9112), strictly: what two readers could take differently is refused.
 * Each method reads from `at` and leaves in `end` where it stopped.
 */
export class RequestReader {
  end = 0
  /** The method of the last head that began to be read; empty while it is unknown. */
  method = ''
  readonly #limits: Pick<ListenerLimits, 'headerBytesMax' | 'headersCountMax'>
  readonly #block = new TextBlock()
  readonly #body = new MessageBody()

  constructor(limits: Pick<ListenerLimits, 'headerBytesMax' | 'headersCountMax'>) {
    this.#limits = limits
  }

  /** A head has begun to arrive. */
  get withinHead(): boolean {
    return this.#block.kept.length > 0
  }

  get bodyComplete(): boolean {
    return this.#body.complete
  }

  /** Skips empty lines before a request, which are let pass (RFC 9112 section 2.2). */
  skipEmptyLines(chunk: Buffer, at: number): void {
    this.end = at
    if (!this.withinHead) this.end = firstOfRequest(chunk, at)
  }

  /**
   * The head, once it has arrived.
   *
   * @throws PortcullisError `request-malformed`, `headers-too-large`
   */
  readHead(chunk: Buffer, at: number): WireHead | undefined {
    this.end = chunk.length
    this.method = ''
    let text: string | undefined
    try {
      text = this.#block.take(chunk, at, HEAD_END, this.#limits.headerBytesMax)
    } catch {
      throw new PortcullisError('headers-too-large', 'The request head exceeds its limit.')
    }
    if (text === undefined) {
      const { kept } = this.#block
      if (mayBeginRequest(kept) && !hasBareLineFeed(kept)) return undefined
      throw new PortcullisError('request-malformed', 'This is not a well-formed HTTP/1.1 request.')
    }
    this.end = this.#block.end
    this.method = text.slice(0, Math.max(0, text.indexOf(' ')))
    return parseWireHead(text, this.#limits.headersCountMax)
  }

  beginBody({ chunked, contentLength }: RequestHead): void {
    if (chunked) this.#body.beginChunked()
    else this.#body.beginLength(contentLength ?? 0)
  }

  /** @throws PortcullisError `request-malformed` */
  readBody(chunk: Buffer, at: number, data: (piece: Buffer) => void): void {
    try {
      this.end = this.#body.read(chunk, at, data)
    } catch (thrown) {
      if (!(thrown instanceof FramingError)) throw thrown
      throw badFraming()
    }
  }
}

/** Of a body that is not framed as its head says. */
export function badFraming(): PortcullisError {
  return new PortcullisError('request-malformed', 'The framing of the body is not well-formed.')
}

/** Where the first line begins that is not empty. */
export function firstOfRequest(bytes: Buffer, from: number): number {
  let at = from
  while (bytes[at] === 0x0d || bytes[at] === 0x0a) at += 1
  return at
}

/** A lone line feed ends no line here, so nothing would ever end the head. */
function hasBareLineFeed(bytes: Buffer): boolean {
  const at = bytes.indexOf(0x0a)
  return at === 0 || (at > 0 && bytes[at - 1] !== 0x0d)
}
