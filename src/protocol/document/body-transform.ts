/** Applies one direction of one route's coverage to one body. */
export interface BodyTransform {
  /** A whole body at once; a promise only when a key has to be loaded first. */
  whole(body: Buffer): Buffer | Promise<Buffer>
  /**
   * The same in pieces of any size; output is complete values only, so nothing unverified leaves. `onHeld` is told of
   * the bytes that are kept from one piece to the next.
   */
  stream(output: (chunk: Buffer) => void, onHeld: (bytes: number) => void): BodyTransformStream
}

/** A body under way. A returned promise must settle before the next call. */
export interface BodyTransformStream {
  write(chunk: Buffer): void | Promise<void>
  end(): void | Promise<void>
}
