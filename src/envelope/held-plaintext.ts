/** Pieces up to this size are gathered, so that a frame fed byte by byte does not become 65,536 buffers, */
const SMALL_BYTES = 1024
/** but not the first few. */
const PIECES_MIN = 16

const NOTHING: Buffer = Buffer.alloc(0)

/**
 * Plaintext of one frame that was deciphered where it lay and waits for its tag. Nothing comes out before `release`, and
 * `discard` overwrites it.
 */
export class HeldPlaintext {
  #pieces: Buffer[] = []
  #gathered = NOTHING
  #gatheredBytes = 0

  get isEmpty(): boolean {
    return this.#pieces.length === 0 && this.#gatheredBytes === 0
  }

  hold(piece: Buffer): void {
    if (piece.length > SMALL_BYTES || this.#pieces.length < PIECES_MIN) {
      this.#flush()
      this.#pieces.push(piece)
      return
    }
    if (this.#gatheredBytes + piece.length > this.#gathered.length) {
      this.#flush()
      this.#gathered = Buffer.allocUnsafeSlow(4 * SMALL_BYTES)
    }
    piece.copy(this.#gathered, this.#gatheredBytes)
    this.#gatheredBytes += piece.length
  }

  /** Appends what is held to `output`, without its first `skipBytes`, at most `takeBytes`; returns bytes appended. */
  release(output: Buffer[], skipBytes: number, takeBytes: number): number {
    this.#flush()
    let skip = skipBytes
    let taken = 0
    for (const piece of this.#pieces) {
      const left = takeBytes - taken
      const wanted = skip === 0 && piece.length <= left ? piece : piece.subarray(skip, skip + left)
      skip = Math.max(0, skip - piece.length)
      if (wanted.length > 0) output.push(wanted)
      taken += wanted.length
    }
    this.#pieces = []
    return taken
  }

  /** Overwrites what is held: it did not verify, or is not wanted any more. */
  discard(): void {
    this.#flush()
    for (const piece of this.#pieces) piece.fill(0)
    this.#pieces = []
  }

  #flush(): void {
    if (this.#gatheredBytes === 0) return
    this.#pieces.push(this.#gathered.subarray(0, this.#gatheredBytes))
    this.#gathered = this.#gathered.subarray(this.#gatheredBytes)
    this.#gatheredBytes = 0
  }
}
