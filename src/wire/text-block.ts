const EMPTY: Buffer = Buffer.alloc(0)

/** Ends a head, and the fields of trailers. */
export const HEAD_END: Buffer = Buffer.from('\r\n\r\n')
export const LINE_END: Buffer = Buffer.from('\r\n')

/** Text up to a mark; it may arrive in pieces, of which only the unfinished ones are copied. */
export class TextBlock {
  /** Where the block that `take` returned ended in its chunk, behind the mark. */
  end = 0
  #kept = EMPTY

  /** What arrived of an unfinished block. */
  get kept(): Buffer {
    return this.#kept
  }

  /**
   * The block as latin1, without its mark; undefined while the mark has not arrived.
   *
   * @throws RangeError when it has more than `bytesMax` bytes
   */
  take(chunk: Buffer, at: number, mark: Buffer, bytesMax: number): string | undefined {
    const keptBytes = this.#kept.length
    const rest = at === 0 ? chunk : chunk.subarray(at)
    const bytes =
      keptBytes === 0 ? rest : Buffer.concat([this.#kept, rest.subarray(0, bytesMax + mark.length)])
    const found = bytes.indexOf(mark)
    if (found > bytesMax || (found === -1 && bytes.length >= bytesMax + mark.length)) {
      throw new RangeError(`more than ${bytesMax} bytes`)
    }
    if (found === -1) {
      this.#kept = keptBytes === 0 ? Buffer.from(rest) : bytes
      return undefined
    }
    this.#kept = EMPTY
    this.end = at + found + mark.length - keptBytes
    return bytes.toString('latin1', 0, found)
  }

  /** Forgets what arrived of an unfinished block. */
  clear(): void {
    this.#kept = EMPTY
  }
}
