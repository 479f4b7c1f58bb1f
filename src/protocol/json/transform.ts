import { asPortcullisError, PortcullisError } from '../../errors.ts'
import { Chunk } from './chunk.ts'
import { DocumentWalker, type Taking } from './document-walker.ts'
import { DEFAULT_JSON_LIMITS, type JsonLimits } from './limits.ts'
import type { JsonTransformOptions } from './options.ts'
import { JsonSyntaxError } from './syntax-error.ts'
import { Utf8Checker } from './utf8.ts'
import { ValueReplacer } from './value-replacer.ts'

const QUOTE = 0x22
const LINE_FEED = 0x0a
const LOWER_N = 0x6e
const LOAD_ATTEMPTS_MAX = 3

/**
 * Replaces the covered values of a JSON body by envelopes, or envelopes by what they hold, and passes every other
 * byte as it came. Takes the body in chunks of any size and needs memory for one chunk and one covered value.
 * Nothing opened is given out before it has been authenticated, and nothing of a chunk before all of it was in order.
 *
 * Throws or rejects with `PortcullisError`: sealing `json-malformed`, `body-too-large`; opening
 * `store-response-invalid`, `ciphertext-invalid`; and whatever the codec throws. After that the transform is dead.
 */
export class JsonTransform {
  readonly #opening: boolean
  readonly #lines: boolean
  readonly #passClear: boolean
  readonly #keepNulls: boolean
  readonly #limits: JsonLimits
  readonly #onOutput: (bytes: Buffer) => void
  readonly #walker: DocumentWalker
  readonly #replacer: ValueReplacer
  readonly #utf8 = new Utf8Checker()
  readonly #chunk = new Chunk()
  /** Bytes of the body in chunks that have gone. */
  #base = 0
  /** Index in the chunk up to which its bytes have been read. */
  #at = 0
  #lineEnd = -1
  #state: 'ready' | 'busy' | 'ended' | 'failed' = 'ready'

  /** `onOutput` is given the result piece by piece; a piece may be the very chunk that was written. */
  constructor(options: JsonTransformOptions, onOutput: (bytes: Buffer) => void) {
    const limits =
      options.limits === undefined ? DEFAULT_JSON_LIMITS : { ...DEFAULT_JSON_LIMITS, ...options.limits }
    this.#opening = options.direction === 'open'
    this.#lines = options.framing === 'lines'
    this.#passClear = options.clearValues === 'pass'
    this.#keepNulls = options.nulls === 'keep'
    this.#limits = limits
    this.#onOutput = onOutput
    const take = (firstByte: number, insideArray: boolean): Taking => this.#taking(firstByte, insideArray)
    this.#walker = new DocumentWalker(options.state, limits, take, options.fieldName)
    this.#replacer = new ValueReplacer(options, limits)
  }

  /**
   * Takes the next bytes; they must not change any more. Gives a promise only when a key has to be loaded:
   * nothing may be called until it is fulfilled.
   */
  write(bytes: Buffer): void | Promise<void> {
    this.#start()
    try {
      if (bytes.length > 0) {
        this.#begin(bytes)
        if (!this.#advance()) return this.#whenLoaded(false)
        this.#flush()
      }
      this.#state = 'ready'
    } catch (error) {
      throw this.#failure(error)
    }
  }

  /** Says that the body is complete. Gives a promise only when a key has to be loaded. */
  end(): void | Promise<void> {
    this.#start()
    try {
      if (!this.#finishDocument()) return this.#whenLoaded(true)
      this.#finish()
    } catch (error) {
      throw this.#failure(error)
    }
  }

  #start(): void {
    if (this.#state !== 'ready') throw new TypeError(`a JSON transform that is ${this.#state} takes nothing`)
    this.#state = 'busy'
  }

  #begin(bytes: Buffer): void {
    if (this.#base + bytes.length > this.#limits.bodyBytesMax) {
      const code = this.#opening ? 'store-response-invalid' : 'body-too-large'
      throw new PortcullisError(code, `The body is longer than ${this.#limits.bodyBytesMax} bytes.`)
    }
    if (!this.#opening) this.#checkUtf8(bytes)
    this.#chunk.set(bytes)
    this.#replacer.begin(bytes)
    this.#at = 0
    this.#lineEnd = -1
  }

  /** Reads to the end of the chunk; false when a key is missing. */
  #advance(): boolean {
    const bytes = this.#chunk.bytes
    const walker = this.#walker
    const replacer = this.#replacer
    for (;;) {
      const event = walker.run(this.#chunk, this.#at, this.#stop(bytes))
      this.#at = walker.position
      if (event === 'covered') {
        replacer.complete(walker, this.#at)
        if (!replacer.replace()) return false
        continue
      }
      if (walker.covering) replacer.checkLength(walker.valueStart, this.#at)
      if (this.#at === bytes.length) return true
      if (!this.#finishDocument()) return false
      walker.reset()
      this.#at++
    }
  }

  /** Where to stop reading: at the end of the line, if documents are lines, or of the chunk. */
  #stop(bytes: Buffer): number {
    if (!this.#lines) return bytes.length
    if (this.#lineEnd < this.#at) {
      const lineFeed = bytes.indexOf(LINE_FEED, this.#at)
      this.#lineEnd = lineFeed < 0 ? bytes.length : lineFeed
    }
    return this.#lineEnd
  }

  /** A document ends here, by line feed or with the body; false when a key is missing. */
  #finishDocument(): boolean {
    const walker = this.#walker
    if (walker.finish() === 'covered') {
      this.#replacer.complete(walker, this.#at)
      if (!this.#replacer.replace()) return false
    }
    if (walker.complete || (this.#lines && walker.blank)) return true
    throw new JsonSyntaxError(
      this.#lines ? 'line ends inside a document' : 'body ends inside the document',
      this.#at,
    )
  }

  /** Loads what is missing and goes on where reading stopped, as often as it takes. */
  async #whenLoaded(ending: boolean): Promise<void> {
    try {
      do {
        await this.#replaceLoaded()
      } while (!(ending ? this.#finishDocument() : this.#advance()))
      if (ending) {
        this.#finish()
      } else {
        this.#flush()
        this.#state = 'ready'
      }
    } catch (error) {
      throw this.#failure(error)
    }
  }

  /** A key may be evicted between its arrival and its use, when memory for keys is scarce; then it is loaded again. */
  async #replaceLoaded(): Promise<void> {
    for (let attempt = 0; attempt < LOAD_ATTEMPTS_MAX; attempt++) {
      await this.#replacer.load()
      if (this.#replacer.replace()) return
    }
    throw new PortcullisError('overloaded', 'A key did not stay in memory long enough to be used.', {
      retryAfterSeconds: 1,
    })
  }

  /** Gives out what has become of the chunk, and keeps of it what the next one needs. */
  #flush(): void {
    const bytes = this.#chunk.bytes
    const walker = this.#walker
    let end = bytes.length
    if (walker.covering) {
      end = Math.max(walker.valueStart, 0)
      this.#replacer.hold(end)
    }
    const output = this.#replacer.finish(end)
    walker.detach(bytes)
    this.#chunk.clear()
    this.#base += bytes.length
    this.#at = 0
    if (output === undefined) return
    if (this.#opening) this.#checkUtf8(output)
    this.#onOutput(output)
  }

  #finish(): void {
    this.#flush()
    if (!this.#utf8.end()) throw new JsonSyntaxError('body ends inside a character', 0)
    this.#state = 'ended'
  }

  /** Sealing checks what comes in; opening what goes out, which holds the opened values too. */
  #checkUtf8(bytes: Buffer): void {
    const invalid = this.#utf8.check(bytes)
    if (invalid >= 0) throw new JsonSyntaxError('invalid UTF-8', this.#opening ? 0 : invalid)
  }

  /** What becomes of a covered value that begins with this byte. */
  #taking(firstByte: number, insideArray: boolean): Taking {
    if (this.#keepNulls && firstByte === LOWER_N && !insideArray && this.#walker.depth > 0) return 'pass'
    if (!this.#opening) return 'take'
    if (this.#passClear) return firstByte === QUOTE ? 'take' : 'pass'
    // What is no envelope in every byte is refused when it is opened.
    if (firstByte === QUOTE) return 'take-unread'
    throw new PortcullisError('ciphertext-invalid', 'A stored value that must be an envelope is not one.')
  }

  #failure(error: unknown): PortcullisError {
    this.#state = 'failed'
    this.#chunk.clear()
    if (!(error instanceof JsonSyntaxError)) return asPortcullisError(error)
    return this.#opening ? error.asStoreFault(this.#base) : error.asMalformedRequest(this.#base)
  }
}
