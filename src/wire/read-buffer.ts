import type { Loan } from './loan.ts'

/** Big buffers that wait for the next transfer; more are left to the garbage collector. */
const SPARE_MAX = 32

/** Memory that a connection reads into. Who retained it last and releases it gives it back. */
export class ReadBuffer implements Loan {
  readonly bytes: Buffer
  readonly #free: (buffer: ReadBuffer) => void
  #holders = 0

  constructor(bytes: number, free: (buffer: ReadBuffer) => void) {
    this.bytes = Buffer.allocUnsafeSlow(bytes)
    this.#free = free
  }

  get holders(): number {
    return this.#holders
  }

  retain(): void {
    this.#holders += 1
  }

  release(): void {
    if (this.#holders === 0) throw new Error('a read buffer was released twice')
    this.#holders -= 1
    if (this.#holders === 0) this.#free(this)
  }
}

/** Buffers of one size that connections take in turns: touching fresh pages costs as much as encryption. */
export class ReadBufferPool {
  readonly #bytes: number
  readonly #spare: ReadBuffer[] = []

  constructor(bytes: number) {
    this.#bytes = bytes
  }

  /** One that nobody else holds, retained for the caller. */
  take(): ReadBuffer {
    const buffer = this.#spare.pop() ?? new ReadBuffer(this.#bytes, (free) => this.#put(free))
    buffer.retain()
    return buffer
  }

  #put(buffer: ReadBuffer): void {
    if (this.#spare.length < SPARE_MAX) this.#spare.push(buffer)
  }
}
