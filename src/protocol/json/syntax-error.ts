/**
 * The bytes are not one well-formed JSON text, or break a limit of form (depth, name length).
 * Internal to this folder: the transform turns it into a `PortcullisError` of its direction.
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
}
