import type { Chunk } from './chunk.ts'
import {
  ACTIONS,
  AFTER_IN_OBJECT,
  CLOSE,
  COLON,
  END,
  FIRST_ELEMENT,
  FIRST_NAME,
  FOLLOW,
  LITERAL,
  NUMBER,
  OPEN_OBJECT,
  REFUSE,
  SHIFT,
  STRING,
  VALUE_ALONE,
  VALUE_IN_OBJECT,
} from './grammar.ts'
import { JsonSyntaxError } from './syntax-error.ts'
import { TokenScanner } from './token-scanner.ts'

const SPACE = 0x20

/** Reads past exactly one JSON value of any type, checking its grammar, without looking at names. Never recurses. */
export class ValueSkipper {
  readonly tokens: TokenScanner
  /** True once the whole value has been read. */
  done = false
  readonly #depthMax: number
  /** What is expected after each open container closes. */
  readonly #after: number[] = []
  #expect = VALUE_ALONE
  #depth = 0
  #baseDepth = 0

  constructor(depthMax: number, tokens = new TokenScanner()) {
    this.#depthMax = depthMax
    this.tokens = tokens
  }

  /** Starts on a value that lies `baseDepth` containers deep. */
  begin(baseDepth: number): void {
    this.tokens.escaped = false
    this.done = false
    this.#expect = VALUE_ALONE
    this.#depth = 0
    this.#baseDepth = baseDepth
  }

  /** Reads on; returns just behind the value once `done`, else `to`. */
  run(chunk: Chunk, from: number, to: number): number {
    let at = from
    const tokens = this.tokens
    if (tokens.cut) {
      at = tokens.resume(chunk, at, to)
      if (tokens.cut) return to
      this.#expect = FOLLOW[this.#expect]!
    }
    return this.#structure(chunk, at, to)
  }

  /** The input has ended: a number at the top is complete only now. */
  endOfInput(): void {
    if (this.#depth === 0 && this.tokens.endOfInput()) this.done = true
  }

  #structure(chunk: Chunk, from: number, to: number): number {
    const bytes = chunk.bytes
    const tokens = this.tokens
    let at = from
    let expect = this.#expect
    while (expect !== END) {
      if (at >= to) {
        this.#expect = expect
        return to
      }
      const byte = bytes[at]!
      const action = ACTIONS[(expect << 8) | byte]!
      if (byte <= SPACE && action !== REFUSE) {
        do at++
        while (at < to && bytes[at] === SPACE)
        continue
      }
      if (action >= SHIFT) {
        expect = action - SHIFT
        at++
        continue
      }
      if (action > LITERAL) {
        if (action === CLOSE) expect = this.#after[--this.#depth]!
        else expect = this.#open(action, FOLLOW[expect]!, at)
        at++
        continue
      }
      if (action === STRING) at = tokens.string(chunk, at + 1, to)
      else if (action === NUMBER) at = tokens.number(chunk, at, to)
      else if (action === LITERAL) at = tokens.literal(chunk, at, to)
      else throw new JsonSyntaxError('unexpected byte', at)
      if (tokens.cut) {
        this.#expect = expect
        return to
      }
      // A constant that the processor can speculate on, where a look-up would make each byte wait for the last.
      if (expect === VALUE_IN_OBJECT) expect = AFTER_IN_OBJECT
      else expect = expect >= FIRST_NAME ? COLON : FOLLOW[expect]!
    }
    this.done = true
    this.#expect = END
    return at
  }

  /** Enters a container; returns what is expected in it. */
  #open(action: number, after: number, at: number): number {
    if (this.#baseDepth + this.#depth >= this.#depthMax) {
      throw new JsonSyntaxError(`nested deeper than ${this.#depthMax} levels`, at)
    }
    this.#after[this.#depth++] = after
    return action === OPEN_OBJECT ? FIRST_NAME : FIRST_ELEMENT
  }
}
