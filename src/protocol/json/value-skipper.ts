import type { Chunk } from './chunk.ts'
import {
  ACTIONS,
  CLOSE,
  END,
  FIRST_ELEMENT,
  FIRST_NAME,
  FOLLOW,
  LITERAL,
  NUMBER,
  OPEN_ARRAY,
  OPEN_OBJECT,
  SHIFT,
  STRING,
  VALUE_ALONE,
} from './grammar.ts'
import { JsonSyntaxError } from './syntax-error.ts'
import { TokenScanner } from './token-scanner.ts'

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
      const action = ACTIONS[(expect << 8) | bytes[at]!]!
      if (action >= SHIFT) {
        expect = action - SHIFT
        at++
        continue
      }
      if (action === STRING) at = tokens.string(chunk, at + 1, to)
      else if (action === CLOSE) {
        expect = this.#after[--this.#depth]!
        at++
        continue
      } else if (action === OPEN_OBJECT || action === OPEN_ARRAY) {
        this.#open(FOLLOW[expect]!, at)
        expect = action === OPEN_OBJECT ? FIRST_NAME : FIRST_ELEMENT
        at++
        continue
      } else if (action === NUMBER) at = tokens.number(chunk, at, to)
      else if (action === LITERAL) at = tokens.literal(chunk, at, to)
      else throw new JsonSyntaxError('unexpected byte', at)
      if (tokens.cut) {
        this.#expect = expect
        return to
      }
      expect = FOLLOW[expect]!
    }
    this.done = true
    this.#expect = END
    return at
  }

  #open(after: number, at: number): void {
    if (this.#baseDepth + this.#depth >= this.#depthMax) {
      throw new JsonSyntaxError(`nested deeper than ${this.#depthMax} levels`, at)
    }
    this.#after[this.#depth++] = after
  }
}
