import { TURN_BYTES_MAX, turnBytes } from './turns.ts'
import type { ReadBuffer } from './read-buffer.ts'
import { ReadBufferPool } from './read-buffer.ts'
import type { Loan } from './loan.ts'

/** What is left of a buffer is read into as long as it is at least this. */
const ROOM_BYTES_MIN = 64 * 1024

/** What all connections of a process read into. */
export interface ReadMemory {
  /** Each holds a small object and its head, so that they arrive by one system call. */
  readonly small: ReadBufferPool
  /** For the rest of what is bigger. */
  readonly big: ReadBufferPool
}

export function readMemory(bigBytes: number): ReadMemory {
  return { small: new ReadBufferPool(160 * 1024), big: new ReadBufferPool(bigBytes) }
}

/** One for the process: what one transfer gives back, the next one uses while it is in the processor's cache. */
export const sharedMemory: ReadMemory = readMemory(TURN_BYTES_MAX)

/**
 * Chooses what one connection reads into next. A small buffer serves heads, small bodies and whatever comes while it
 * idles; the rest of a big body goes into big ones. Where somebody holds what it has, a buffer is only read into behind
 * that, so what was read stays as it is until everybody has given it back.
 */
export class ConnectionMemory {
  readonly #memory: ReadMemory
  #current: ReadBuffer
  #isSmall = true
  #filledBytes = 0

  constructor(memory: ReadMemory) {
    this.#memory = memory
    this.#current = memory.small.take()
  }

  /** Of what the last read went into. */
  get loan(): Loan {
    return this.#current
  }

  /** Counts what was read into the place that `next` gave. */
  filled(bytes: number): void {
    this.#filledBytes += bytes
  }

  /** Where the next read goes to; `expecting` while a response is under way. */
  next(expecting: boolean): Buffer {
    // The connection itself is one holder.
    const isHeld = this.#current.holders > 1
    const isFull = this.#current.bytes.length - this.#filledBytes < ROOM_BYTES_MIN
    if (!expecting && (isHeld || !this.#isSmall)) this.#change(this.#memory.small, true)
    else if (expecting && isFull && (isHeld || this.#isSmall)) this.#change(this.#memory.big, false)
    else if (!isHeld) this.#filledBytes = 0
    return placeOf(this.#current.bytes, this.#filledBytes)
  }

  /** The connection reads nothing any more. */
  close(): void {
    this.#current.release()
  }

  #change(pool: ReadBufferPool, isSmall: boolean): void {
    this.#current.release()
    this.#current = pool.take()
    this.#isSmall = isSmall
    this.#filledBytes = 0
  }
}

/** What follows the first `filledBytes` of a buffer, as far as one read may go. */
function placeOf(bytes: Buffer, filledBytes: number): Buffer {
  const end = Math.min(bytes.length, filledBytes + turnBytes())
  return filledBytes === 0 && end === bytes.length ? bytes : bytes.subarray(filledBytes, end)
}
