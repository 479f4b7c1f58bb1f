import type { FieldRule } from '../../coverage/field-rule.ts'
import { PortcullisError } from '../../errors.ts'
import { type CoveredValue, type FieldCodec, KEY_NOT_LOADED } from './codec.ts'
import type { DocumentWalker } from './document-walker.ts'
import type { JsonLimits } from './limits.ts'
import { OpenedToken } from './opened-token.ts'
import type { JsonTransformOptions } from './options.ts'
import { Output } from './output.ts'
import { unescapeString } from './unescape.ts'

const QUOTE = 0x22
const QUOTES = 2
/** Prefix, suite, key identifier, nonce and tag, in base64url, with room to spare. */
const ENVELOPE_OVERHEAD_BYTES_MAX = 256

/** Replaces one covered value after the other while the bytes between them are copied to the output. */
export class ValueReplacer {
  readonly output = new Output()
  /** Index in the chunk up to which its bytes are in the output, or replaced. */
  copied = 0
  readonly #opening: boolean
  readonly #passClear: boolean
  readonly #codec: FieldCodec
  readonly #limits: JsonLimits
  readonly #tokenBytesMax: number
  readonly #onHeld: JsonTransformOptions['onHeld']
  readonly #value = new CurrentValue()
  /** The covered value's bytes from chunks that have gone. */
  readonly #held = new Output()
  /** Bytes of it that `onHeld` was told of. */
  #heldBytes = 0
  #chunk: Buffer = EMPTY
  #valueEnd = 0
  #depth = 0
  #unescaped: Buffer = EMPTY
  #openedToken: OpenedToken | undefined

  constructor(options: JsonTransformOptions, limits: JsonLimits) {
    this.#opening = options.direction === 'open'
    this.#passClear = options.clearValues === 'pass'
    this.#codec = options.codec
    this.#limits = limits
    this.#onHeld = options.onHeld
    this.#tokenBytesMax = this.#opening
      ? Math.ceil(limits.valueBytesMax / 3) * 4 + ENVELOPE_OVERHEAD_BYTES_MAX
      : limits.valueBytesMax
  }

  /** A new chunk is being read. */
  begin(chunk: Buffer): void {
    this.#chunk = chunk
    this.copied = 0
  }

  /** A covered value of which `start` is the first byte, or -1 if it began in an earlier chunk, goes on at `at`. */
  checkLength(start: number, at: number): void {
    const tokenBytes = this.#held.length + at - Math.max(start, 0)
    if (tokenBytes <= this.#tokenBytesMax) return
    throw this.#opening
      ? new PortcullisError('store-response-invalid', 'A stored value is longer than any envelope may be.')
      : new PortcullisError('body-too-large', `A covered value is longer than ${this.#tokenBytesMax} bytes.`)
  }

  /** The chunk ends inside a covered value that began at `start`: keeps its bytes. */
  hold(start: number): void {
    const from = Math.max(start, 0)
    this.#onHeld?.(this.#chunk.length - from)
    this.#held.append(this.#chunk, from, this.#chunk.length)
    this.#heldBytes += this.#chunk.length - from
  }

  /** A covered value is complete and ends at `end`. To be followed by `replace` until that is true. */
  complete(walker: DocumentWalker, end: number): void {
    const value = this.#value
    const start = walker.valueStart
    this.checkLength(start, end)
    value.rule = walker.rule!
    value.name = walker.names.bytes
    value.nameStart = walker.names.start
    value.nameEnd = walker.names.end
    if (this.#held.length > 0) {
      this.#held.append(this.#chunk, 0, end)
      value.set(this.#held.bytes, 0, this.#held.length)
    } else {
      value.set(this.#chunk, start, end)
      this.#copyUpTo(start)
    }
    this.#valueEnd = end
    this.#depth = walker.depth
    if (this.#opening) this.#takeEnvelopeText(walker.escaped)
  }

  /** Puts the replacement into the output; false when its key must be loaded first. */
  replace(): boolean {
    const written = this.#opening ? this.#open() : this.#seal()
    if (written === KEY_NOT_LOADED) return false
    this.output.length += written
    this.copied = this.#valueEnd
    if (this.#held.length > 0) {
      this.#held.clear()
      this.#onHeld?.(-this.#heldBytes)
      this.#heldBytes = 0
    }
    return true
  }

  /** Brings the key that `replace` was missing into memory. */
  load(): Promise<void> {
    return this.#codec.load(this.#value)
  }

  /** The chunk has been read; gives what is to be released for it up to `end`, if anything. */
  finish(end: number): Buffer | undefined {
    const chunk = this.#chunk
    const copied = this.copied
    this.begin(EMPTY)
    if (this.output.length === 0) {
      if (copied === end) return undefined
      return copied === 0 && end === chunk.length ? chunk : chunk.subarray(copied, end)
    }
    this.output.append(chunk, copied, end)
    this.#openedToken?.release()
    return this.output.take()
  }

  #seal(): number {
    const value = this.#value
    const output = this.output
    output.reserve(this.#codec.sealedBytesMax(value.rule, value.end - value.start) + QUOTES, this.#sizeHint())
    const at = output.length
    const length = this.#codec.seal(value, output.bytes, at + 1)
    if (length === KEY_NOT_LOADED) return KEY_NOT_LOADED
    output.bytes[at] = QUOTE
    output.bytes[at + 1 + length] = QUOTE
    return length + QUOTES
  }

  #open(): number {
    const value = this.#value
    const output = this.output
    if (this.#passClear && !this.#codec.isEnvelope(value.bytes, value.start, value.end)) return this.#pass()
    output.reserve(this.#codec.openedBytesMax(value.end - value.start), this.#sizeHint())
    const at = output.length
    const length = this.#codec.open(value, output.bytes, at)
    if (length === KEY_NOT_LOADED) return KEY_NOT_LOADED
    this.#openedToken ??= new OpenedToken(this.#limits.depthMax)
    if (!this.#openedToken.isValue(output.bytes, at, at + length, this.#depth)) {
      throw new PortcullisError(
        'ciphertext-invalid',
        'A stored value opens to something that is not one JSON value.',
      )
    }
    return length
  }

  /** Lets the value through as it was written. */
  #pass(): number {
    const output = this.output
    if (this.#held.length > 0) output.append(this.#held.bytes, 0, this.#held.length)
    else this.#copyUpTo(this.#valueEnd)
    return 0
  }

  /** From the raw string token to what it says. */
  #takeEnvelopeText(escaped: boolean): void {
    const value = this.#value
    value.set(value.bytes, value.start + 1, value.end - 1)
    if (!escaped) return
    const room = value.end - value.start
    if (this.#unescaped.length < room) this.#unescaped = Buffer.allocUnsafeSlow(room)
    value.set(this.#unescaped, 0, unescapeString(value.bytes, value.start, value.end, this.#unescaped))
  }

  #copyUpTo(end: number): void {
    const output = this.output
    const count = end - this.copied
    if (count === 0) return
    output.reserve(count, this.#sizeHint())
    output.append(this.#chunk, this.copied, end)
    this.copied = end
  }

  /** What the chunk may come to: opening shrinks, sealing adds a third to what is covered. */
  #sizeHint(): number {
    const length = this.#chunk.length
    return this.#opening ? length : length + (length >> 1)
  }
}

const EMPTY = Buffer.alloc(0)
const NO_RULE: FieldRule = { dataClass: 'issue', mode: 'randomized' }

/** The one value under the hands of a transform; reused so that a value costs no allocation. */
class CurrentValue implements CoveredValue {
  rule = NO_RULE
  name: Buffer = EMPTY
  nameStart = 0
  nameEnd = 0
  bytes: Buffer = EMPTY
  start = 0
  end = 0

  /** Points at other bytes. */
  set(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes
    this.start = start
    this.end = end
  }
}
