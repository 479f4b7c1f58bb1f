import { ConnectionMemory, type ReadMemory } from './connection-memory.ts'
import type { Loan } from './loan.ts'

// Shared by every connection that expects no body: an idle one so costs no memory, and what lands here is copied out.
const landing = Buffer.allocUnsafeSlow(64 * 1024)

/**
 * Chooses what a client's connection reads into next. Heads land in a place that all connections share; bodies go into
 * lent memory of the connection's own, as long as they last.
 */
export class BodyMemory {
  readonly #memory: ReadMemory
  #own: ConnectionMemory | undefined

  constructor(memory: ReadMemory) {
    this.#memory = memory
  }

  /** Of what the last read went into; undefined where its bytes must be copied to outlive the read. */
  get loan(): Loan | undefined {
    return this.#own?.loan
  }

  /** Counts what was read into the place that `next` gave. */
  filled(bytes: number): void {
    this.#own?.filled(bytes)
  }

  /** Where the next read goes to; `expecting` while a body is under way. */
  next(expecting: boolean): Buffer {
    if (expecting) {
      this.#own ??= new ConnectionMemory(this.#memory)
      return this.#own.next(true)
    }
    this.close()
    return landing
  }

  /** Nothing of a body is read any more. */
  close(): void {
    this.#own?.close()
    this.#own = undefined
  }
}
