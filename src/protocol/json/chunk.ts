import { endianness } from 'node:os'

/** Larger chunks would not fit the 32-bit arithmetic on their indexes. */
const CHUNK_BYTES_MAX = 2 ** 30

if (endianness() !== 'LE') throw new Error('the JSON scanner needs a little-endian processor')

/** Bytes under the scanner, with an aligned view of the same memory so that strings are scanned four bytes at a time. */
export class Chunk {
  bytes: Buffer = EMPTY
  words: Int32Array = EMPTY_WORDS
  /** Bytes between the start of `words` and the start of `bytes`: 0 to 3. */
  shift = 0
  /** Index of a backslash before which there is none back to where it was looked for; -1 when not looked for. */
  #backslash = -1

  /** Looks at other bytes from now on. */
  set(bytes: Buffer): void {
    if (bytes.length > CHUNK_BYTES_MAX) throw new RangeError('a chunk has at most 1 GiB')
    const shift = bytes.byteOffset & 3
    this.bytes = bytes
    this.shift = shift
    this.#backslash = -1
    this.words = new Int32Array(bytes.buffer, bytes.byteOffset - shift, (bytes.length + shift) >> 2)
  }

  /**
   * Index of the quote that ends a string without escapes whose content begins at `from`; -1 if it does not end
   * before `to` or has an escape. The content is not looked at, which makes this many times faster than reading it.
   */
  plainStringEnd(from: number, to: number): number {
    const quote = this.bytes.indexOf(QUOTE, from)
    if (quote < 0 || quote >= to) return -1
    if (this.#backslash < from) {
      const backslash = this.bytes.indexOf(BACKSLASH, from)
      this.#backslash = backslash < 0 ? this.bytes.length : backslash
    }
    return this.#backslash < quote ? -1 : quote
  }

  /** Lets go of the memory. */
  clear(): void {
    this.bytes = EMPTY
    this.words = EMPTY_WORDS
    this.shift = 0
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const EMPTY = Buffer.alloc(0)
const EMPTY_WORDS = new Int32Array(0)
