import { type Loan, OWNED } from './loan.ts'

// Smaller pieces cost more to detach than the garbage collector needs for them.
const BYTES_MIN = 16 * 1024

/**
 * Gives the memory of a buffer back at once, for its one owner after its last use: waiting for the garbage collector
 * makes each transferred megabyte touch fresh pages and costs as much as its encryption. Views of anything bigger are
 * left alone. Afterwards the buffer is empty, so a mistake shows as missing bytes and never as another's.
 */
export function giveBack(spent: Buffer): void {
  const memory = spent.buffer
  if (spent.byteLength < BYTES_MIN || spent.byteLength !== memory.byteLength) return
  if (memory instanceof ArrayBuffer) memory.transfer(0)
}

/** Gives the memory of a buffer back when its last holder releases it. */
class SpentLoan implements Loan {
  readonly #chunk: Buffer
  #holders = 0

  constructor(chunk: Buffer) {
    this.#chunk = chunk
  }

  retain(): void {
    this.#holders += 1
  }

  release(): void {
    this.#holders -= 1
    if (this.#holders === 0) giveBack(this.#chunk)
  }
}

/** A copy of bytes, in memory that can be given back where that is worth it. */
export function ownedCopy(bytes: Buffer): Buffer {
  if (bytes.length < BYTES_MIN) return Buffer.from(bytes)
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}

/** The loan of a buffer of which nobody else has a view. */
export function loanOf(chunk: Buffer): Loan {
  return chunk.length < BYTES_MIN ? OWNED : new SpentLoan(chunk)
}
