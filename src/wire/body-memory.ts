import { placeOf, type ReadMemory, ROOM_BYTES_MIN } from './connection-memory.ts'
import type { Loan } from './loan.ts'
import type { ReadBuffer } from './read-buffer.ts'

// Shared by every connection that expects no body: an idle one so costs no memory, and what lands here is copied out.
const landing = Buffer.allocUnsafeSlow(64 * 1024)

/**
 * Chooses what a client's connection reads into next. Heads land in a place that all connections share; bodies are lent
 * out of pooled buffers, big ones once the client has filled a small one. Where somebody holds what it has, a buffer is
 * only read into behind that.
 */
export class BodyMemory {
  readonly #memory: ReadMemory
  #current: ReadBuffer | undefined
  #isSmall = true
  #filledBytes = 0

  constructor(memory: ReadMemory) {
    this.#memory = memory
  }

  /** Of what the last read went into; undefined where its bytes must be copied to outlive the read. */
  get loan(): Loan | undefined {
    return this.#current
  }

  /** Counts what was read into the place that `next` gave. */
  filled(bytes: number): void {
    this.#filledBytes += bytes
  }

  /** Where the next read goes to; `expecting` while a body is under way. */
  next(expecting: boolean): Buffer {
    if (!expecting) {
      this.close()
      return landing
    }
    const current = this.#current
    if (current === undefined) return this.#take(true)
    // The connection itself is one holder.
    const isHeld = current.holders > 1
    const isFull = current.bytes.length - this.#filledBytes < ROOM_BYTES_MIN
    if (isFull && (isHeld || this.#isSmall)) return this.#take(false)
    if (!isHeld) this.#filledBytes = 0
    return placeOf(current.bytes, this.#filledBytes)
  }

  /** Nothing of a body is read any more. */
  close(): void {
    this.#current?.release()
    this.#current = undefined
    this.#filledBytes = 0
  }

  #take(isSmall: boolean): Buffer {
    this.close()
    this.#isSmall = isSmall
    this.#current = (isSmall ? this.#memory.small : this.#memory.big).take()
    return placeOf(this.#current.bytes, 0)
  }
}
