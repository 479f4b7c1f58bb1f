import { isUtf8 } from 'node:buffer'

/** Checks that a sequence of chunks is valid UTF-8 (RFC 3629), characters cut by a chunk's end included. */
export class Utf8Checker {
  /** First bytes of a character that the last chunk's end cut: at most 3, then completed here. */
  readonly #cut = Buffer.alloc(4)
  #cutBytes = 0

  /** Index in `bytes` of the first character that is not valid, or -1. */
  check(bytes: Buffer): number {
    let from = 0
    if (this.#cutBytes > 0) {
      const length = sequenceBytes(this.#cut[0]!)
      while (this.#cutBytes < length && from < bytes.length) this.#cut[this.#cutBytes++] = bytes[from++]!
      if (this.#cutBytes < length) return -1
      if (!isUtf8(this.#cut.subarray(0, length))) return 0
      this.#cutBytes = 0
    }
    const to = bytes.length - cutBytesAtEnd(bytes, from)
    const whole = from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to)
    if (!isUtf8(whole)) return from + firstInvalid(whole)
    for (let at = to; at < bytes.length; at++) this.#cut[this.#cutBytes++] = bytes[at]!
    return -1
  }

  /** False when the input ended inside a character. */
  end(): boolean {
    return this.#cutBytes === 0
  }
}

/** Bytes of the character that a lead byte announces; 1 for everything that is no lead byte of a longer one. */
function sequenceBytes(lead: number): number {
  if (lead < 0xc0 || lead >= 0xf8) return 1
  if (lead < 0xe0) return 2
  return lead < 0xf0 ? 3 : 4
}

/** Bytes at the end that begin a character without completing it: 0 to 3. */
function cutBytesAtEnd(bytes: Buffer, from: number): number {
  for (let back = 1; back <= 3 && bytes.length - back >= from; back++) {
    const byte = bytes[bytes.length - back]!
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return sequenceBytes(byte) > back ? back : 0
  }
  return 0
}

/** Where the first character that is not valid begins, by bisection: only for the offset in an error. */
function firstInvalid(bytes: Buffer): number {
  let valid = 0
  let limit = bytes.length
  while (valid < limit) {
    const middle = (valid + limit + 1) >> 1
    const beginning = bytes.subarray(0, middle)
    if (isUtf8(beginning.subarray(0, middle - cutBytesAtEnd(beginning, 0)))) valid = middle
    else limit = middle - 1
  }
  return valid - cutBytesAtEnd(bytes.subarray(0, valid), 0)
}
