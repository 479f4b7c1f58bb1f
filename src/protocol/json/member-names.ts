import { JsonSyntaxError } from './syntax-error.ts'
import { unescapeString } from './unescape.ts'

const SCRATCH_BYTES = 256

/**
 * The name that the current value goes by: that of the innermost object member around it, unescaped; empty
 * at the top. Points into the chunk where it can; keeps the names of open arrays, whose elements go by them.
 */
export class MemberNames {
  bytes: Buffer = EMPTY
  start = 0
  end = 0
  readonly #root: Buffer
  readonly #nameBytesMax: number
  /** Raw bytes of a name that the end of a chunk cut. */
  #cut: Buffer = EMPTY
  #cutBytes = 0
  /** Unescaped or detached current name. */
  #scratch: Buffer = EMPTY
  /** Names of open arrays, one behind the other. */
  #kept: Buffer = EMPTY
  #keptBytes = 0
  /** Per open array: start and end of its name in `kept`, and `keptBytes` before it. */
  readonly #arrays: number[] = []

  /** `root` is the name at the top. */
  constructor(nameBytesMax: number, root: string) {
    this.#nameBytesMax = nameBytesMax
    this.#root = root === '' ? EMPTY : Buffer.from(root)
    this.reset()
  }

  /** The end of a chunk cut a name: keeps its raw bytes so far. */
  cut(bytes: Buffer, start: number, end: number): void {
    const length = this.#cutBytes + end - start
    this.#limit(length, end)
    this.#cut = grown(this.#cut, length, this.#cutBytes)
    bytes.copy(this.#cut, this.#cutBytes, start, end)
    this.#cutBytes = length
  }

  /** A name's raw bytes end at `end`; `start` is where they begin in this chunk. */
  complete(bytes: Buffer, start: number, end: number, escaped: boolean): void {
    let source = bytes
    let from = start
    let to = end
    if (this.#cutBytes > 0) {
      this.cut(bytes, start, end)
      source = this.#cut
      from = 0
      to = this.#cutBytes
      this.#cutBytes = 0
    } else {
      this.#limit(end - start, end)
    }
    if (escaped) {
      this.#scratch = grown(this.#scratch, to - from, 0)
      to = unescapeString(source, from, to, this.#scratch)
      source = this.#scratch
      from = 0
    }
    this.bytes = source
    this.start = from
    this.end = to
  }

  /** The chunk's memory is about to go: keeps the current name if it lies there. */
  detach(chunk: Buffer): void {
    if (this.bytes !== chunk) return
    const length = this.end - this.start
    this.#scratch = grown(this.#scratch, length, 0)
    chunk.copy(this.#scratch, 0, this.start, this.end)
    this.bytes = this.#scratch
    this.start = 0
    this.end = length
  }

  /** An array begins whose elements go by the current name. */
  enterArray(): void {
    const before = this.#keptBytes
    if (this.bytes !== this.#kept || before === 0) {
      const length = this.end - this.start
      const kept = grown(this.#kept, before + length, before)
      this.bytes.copy(kept, before, this.start, this.end)
      this.#kept = kept
      this.#keptBytes = before + length
      this.bytes = kept
      this.start = before
      this.end = before + length
    }
    this.#arrays.push(this.start, this.end, before)
  }

  /** The innermost array ends. */
  leaveArray(): void {
    this.#keptBytes = this.#arrays.pop()!
    this.#arrays.length -= 2
  }

  /** Inside an array again, after an element that had names of its own. */
  backInArray(): void {
    const top = this.#arrays.length
    this.bytes = this.#kept
    this.start = this.#arrays[top - 3]!
    this.end = this.#arrays[top - 2]!
  }

  /** Back to the top of a document. */
  reset(): void {
    this.bytes = this.#root
    this.start = 0
    this.end = this.#root.length
    this.#cutBytes = 0
    this.#keptBytes = 0
    this.#arrays.length = 0
  }

  #limit(length: number, offset: number): void {
    if (length > this.#nameBytesMax) {
      throw new JsonSyntaxError(`member name longer than ${this.#nameBytesMax} bytes`, offset)
    }
  }
}

const EMPTY = Buffer.alloc(0)

/** The buffer, or a larger one with the first `used` bytes of it. */
function grown(buffer: Buffer, needed: number, used: number): Buffer {
  if (needed <= buffer.length) return buffer
  const larger = Buffer.allocUnsafe(Math.max(needed, buffer.length * 2, SCRATCH_BYTES))
  buffer.copy(larger, 0, 0, used)
  return larger
}
