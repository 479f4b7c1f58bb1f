const BYTES_MAX = 4 * 1024 * 1024
const TIME_MS_MAX = 5_000

/**
 * What of a connection nobody reads any more: taken up to here and so long, so that the client sees the answer and not
 * the reset that unread bytes would cause (RFC 9112 section 9.6).
 */
export class Discard {
  readonly #exceeded: () => void
  #deadline: NodeJS.Timeout | undefined
  #bytes = 0

  constructor(exceeded: () => void) {
    this.#exceeded = exceeded
  }

  begin(): void {
    this.#deadline ??= setTimeout(this.#exceeded, TIME_MS_MAX).unref()
  }

  /** Counts bytes, while there is something to discard. */
  count(bytes: number): void {
    if (this.#deadline === undefined) return
    this.#bytes += bytes
    if (this.#bytes > BYTES_MAX) this.#exceeded()
  }

  end(): void {
    clearTimeout(this.#deadline)
    this.#deadline = undefined
    this.#bytes = 0
  }
}
