/** A buffer that grows as bytes are appended. */
export class Output {
  bytes: Buffer = EMPTY
  length = 0

  /** Makes room for `count` more bytes; `sizeHint` is what the whole may come to. */
  reserve(count: number, sizeHint: number): void {
    const needed = this.length + count
    if (needed <= this.bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, sizeHint, this.bytes.length * 2))
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
  }

  /** Appends `source[start, end)`. */
  append(source: Buffer, start: number, end: number): void {
    this.reserve(end - start, 0)
    this.length += source.copy(this.bytes, this.length, start, end)
  }

  /** Hands the bytes over and starts anew. */
  take(): Buffer {
    const taken = this.bytes.subarray(0, this.length)
    this.clear()
    return taken
  }

  /** Lets go of the memory. */
  clear(): void {
    this.bytes = EMPTY
    this.length = 0
  }
}

const EMPTY = Buffer.alloc(0)
