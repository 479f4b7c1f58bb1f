/** Bytes under the scanner, with an aligned view of the same memory so that strings are scanned four bytes at a time. */
export class Chunk {
  bytes: Buffer = EMPTY
  words: Int32Array = EMPTY_WORDS
  /** Bytes between the start of `words` and the start of `bytes`: 0 to 3. */
  shift = 0

  /** Looks at other bytes from now on. */
  set(bytes: Buffer): void {
    const shift = bytes.byteOffset & 3
    this.bytes = bytes
    this.shift = shift
    this.words = new Int32Array(bytes.buffer, bytes.byteOffset - shift, (bytes.length + shift) >> 2)
  }

  /** Lets go of the memory. */
  clear(): void {
    this.bytes = EMPTY
    this.words = EMPTY_WORDS
    this.shift = 0
  }
}

const EMPTY = Buffer.alloc(0)
const EMPTY_WORDS = new Int32Array(0)
