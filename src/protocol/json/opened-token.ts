import { Chunk } from './chunk.ts'
import { JsonSyntaxError } from './syntax-error.ts'
import { ValueSkipper } from './value-skipper.ts'

/**
 * Checks that opened plaintext is one JSON value and nothing else, so that what another holder of the key has
 * sealed cannot break out of its place in the document.
 */
export class OpenedToken {
  readonly #skipper: ValueSkipper
  readonly #chunk = new Chunk()

  constructor(depthMax: number) {
    this.#skipper = new ValueSkipper(depthMax)
  }

  /** True when `bytes[start, end)` is one JSON value without whitespace around it. */
  isValue(bytes: Buffer, start: number, end: number, baseDepth: number): boolean {
    if (start >= end || bytes[start]! <= 0x20) return false
    if (this.#chunk.bytes !== bytes) this.#chunk.set(bytes)
    const skipper = this.#skipper
    skipper.begin(baseDepth)
    try {
      const at = skipper.run(this.#chunk, start, end)
      skipper.endOfInput()
      if (skipper.done && at === end) return true
    } catch (error) {
      if (!(error instanceof JsonSyntaxError)) throw error
    }
    skipper.tokens.reset()
    return false
  }

  /** Lets go of the memory. */
  release(): void {
    this.#chunk.clear()
  }
}
