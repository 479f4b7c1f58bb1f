import { PortcullisError } from '../../errors.ts'

/**
 * The bytes are not one well-formed JSON text, or break a limit of form (depth, name length).
 * Internal to this folder: leaves it as a `PortcullisError`.
 */
export class JsonSyntaxError extends Error {
  /** Offset in the bytes of the current chunk. */
  readonly offset: number

  /** `problem` is a fixed phrase and never holds content. */
  constructor(problem: string, offset: number) {
    super(problem)
    this.name = 'JsonSyntaxError'
    this.offset = offset
  }

  /** The refusal of a request; `base` is the offset of the chunk in the body. */
  asMalformedRequest(base: number): PortcullisError {
    return new PortcullisError('json-malformed', `The body is not well-formed JSON: ${this.#where(base)}.`)
  }

  /** The refusal of a store's answer. */
  asStoreFault(base: number): PortcullisError {
    const detail = `The store's answer cannot be released: ${this.#where(base)}.`
    return new PortcullisError('store-response-invalid', detail)
  }

  #where(base: number): string {
    return `${this.message} at byte ${base + this.offset}`
  }
}
