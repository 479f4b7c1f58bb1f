import type { Chunk } from './chunk.ts'
import { isNumberComplete, NUMBER_START, NUMBER_STEPS, NUMBER_STOP } from './number-grammar.ts'
import { JsonSyntaxError } from './syntax-error.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const LOWER_U = 0x75

/** Which token the end of a chunk cut, if any. */
const CUT_NONE = 0
const CUT_STRING = 1
const CUT_ESCAPE = 2
const CUT_HEX = 3
const CUT_NUMBER = 4
const CUT_LITERAL = 5

const LITERALS: Readonly<Record<number, Uint8Array>> = {
  0x74: Buffer.from('true'),
  0x66: Buffer.from('false'),
  0x6e: Buffer.from('null'),
}

/** 1 for a byte that stands for itself inside a string. */
const PLAIN = new Uint8Array(256).fill(1, 0x20)
PLAIN[QUOTE] = 0
PLAIN[BACKSLASH] = 0

/** 1 for a byte that may follow a backslash, 2 for `u`. */
const ESCAPABLE = new Uint8Array(256)
for (const character of '"\\/bfnrt') ESCAPABLE[character.charCodeAt(0)] = 1
ESCAPABLE[LOWER_U] = 2

const HEX = new Uint8Array(256)
for (const character of '0123456789abcdefABCDEF') HEX[character.charCodeAt(0)] = 1

/**
 * Reads past one string, number or literal of RFC 8259 and checks its form; a token cut by the end of a chunk
 * goes on in the next. UTF-8 is not checked here but for whole chunks at a time.
 */
export class TokenScanner {
  /** True once a string read since `begin` had a backslash in it. */
  escaped = false
  #cut = CUT_NONE
  #hexLeft = 0
  #numberState = NUMBER_START
  #literal: Uint8Array = PLAIN
  #literalAt = 0

  /** True while a token waits for more bytes. */
  get cut(): boolean {
    return this.#cut !== CUT_NONE
  }

  /** Reads on from `at`, just behind an opening quote, to just behind the closing one, or to `to`. */
  string(chunk: Chunk, from: number, to: number): number {
    const bytes = chunk.bytes
    let at = from
    for (;;) {
      at = skipPlain(chunk, at, to)
      if (at >= to) {
        this.#cut = CUT_STRING
        return to
      }
      const byte = bytes[at]!
      if (byte === QUOTE) {
        this.#cut = CUT_NONE
        return at + 1
      }
      if (byte !== BACKSLASH) throw new JsonSyntaxError('control character in a string', at)
      this.escaped = true
      at = this.#escape(bytes, at + 1, to)
      if (this.#cut !== CUT_NONE) return to
    }
  }

  /** Reads a number that begins at `from`; ends on the first byte that is not part of it. */
  number(chunk: Chunk, from: number, to: number): number {
    this.#numberState = NUMBER_START
    return this.#number(chunk.bytes, from, to)
  }

  /** Reads `true`, `false` or `null`, whose first byte stands at `from`. */
  literal(chunk: Chunk, from: number, to: number): number {
    this.#literal = LITERALS[chunk.bytes[from]!]!
    this.#literalAt = 0
    return this.#literalRest(chunk.bytes, from, to)
  }

  /** Goes on with the token that was cut. */
  resume(chunk: Chunk, from: number, to: number): number {
    const cut = this.#cut
    this.#cut = CUT_NONE
    if (cut === CUT_NUMBER) return this.#number(chunk.bytes, from, to)
    if (cut === CUT_LITERAL) return this.#literalRest(chunk.bytes, from, to)
    let at = from
    if (cut === CUT_ESCAPE) at = this.#escape(chunk.bytes, from, to)
    else if (cut === CUT_HEX) at = this.#hex(chunk.bytes, from, to)
    return this.cut ? to : this.string(chunk, at, to)
  }

  /** The input has ended. True when that completes the cut token, which only a number can be; else it stays cut. */
  endOfInput(): boolean {
    if (this.#cut !== CUT_NUMBER || !isNumberComplete(this.#numberState)) return false
    this.#cut = CUT_NONE
    return true
  }

  /** Forgets a cut token. */
  reset(): void {
    this.#cut = CUT_NONE
    this.escaped = false
  }

  #number(bytes: Buffer, from: number, to: number): number {
    let state = this.#numberState
    for (let at = from; at < to; at++) {
      const next = NUMBER_STEPS[(state << 8) | bytes[at]!]!
      if (next === NUMBER_STOP) {
        if (!isNumberComplete(state)) throw new JsonSyntaxError('malformed number', at)
        return at
      }
      state = next
    }
    this.#numberState = state
    this.#cut = CUT_NUMBER
    return to
  }

  #literalRest(bytes: Buffer, from: number, to: number): number {
    const literal = this.#literal
    let at = from
    let index = this.#literalAt
    while (index < literal.length) {
      if (at >= to) {
        this.#literalAt = index
        this.#cut = CUT_LITERAL
        return to
      }
      if (bytes[at] !== literal[index]) throw new JsonSyntaxError('malformed literal', at)
      at++
      index++
    }
    return at
  }

  #escape(bytes: Buffer, at: number, to: number): number {
    if (at >= to) {
      this.#cut = CUT_ESCAPE
      return to
    }
    const kind = ESCAPABLE[bytes[at]!]!
    if (kind === 0) throw new JsonSyntaxError('malformed escape in a string', at)
    if (kind === 1) return at + 1
    this.#hexLeft = 4
    return this.#hex(bytes, at + 1, to)
  }

  #hex(bytes: Buffer, from: number, to: number): number {
    let at = from
    for (let left = this.#hexLeft; left > 0; left--) {
      if (at >= to) {
        this.#hexLeft = left
        this.#cut = CUT_HEX
        return to
      }
      if (HEX[bytes[at]!] === 0) throw new JsonSyntaxError('malformed escape in a string', at)
      at++
    }
    return at
  }
}

/**
 * Index of the first byte in [from, to) that is a quote, a backslash or a control character; `to` if none is.
 * Takes four bytes at a time: "has a byte below n" and "has a zero byte" as bit tricks, whose lowest hit is exact.
 */
function skipPlain(chunk: Chunk, from: number, to: number): number {
  const { words, shift } = chunk
  const wordEnd = (to + shift) >> 2
  let index = (from + shift) >> 2
  if (index < wordEnd) {
    // Bytes of the first word that lie before `from` are taken for plain ones.
    const keep = -1 << (((from + shift) & 3) << 3)
    let hits = hitsIn((words[index]! & keep) | (0x61616161 & ~keep))
    while (hits === 0 && ++index < wordEnd) hits = hitsIn(words[index]!)
    if (hits !== 0) return (index << 2) - shift + ((31 - Math.clz32(hits & -hits)) >> 3)
  }
  const bytes = chunk.bytes
  let at = Math.max(from, (index << 2) - shift)
  while (at < to && PLAIN[bytes[at]!] === 1) at++
  return at
}

/** Highest bit of each byte that stops a string; above the lowest such byte, bits may be set in vain. */
function hitsIn(word: number): number {
  // Swapping 0x20 and 0x22 brings the quote next to the control characters: one comparison finds both.
  const swapped = word ^ 0x02020202
  const backslash = word ^ 0x5c5c5c5c
  return (((swapped - 0x21212121) & ~swapped) | ((backslash - 0x01010101) & ~backslash)) & 0x80808080
}
