/** Bytes that are taken at most. */
export const DISCARDED_BYTES_MAX: number = 4 * 1024 * 1024
const TIME_MS_MAX = 5_000

/**
 * What of a connection nobody reads any more: taken up to here and so long, so that the client sees the answer and not
 * the reset that unread bytes would cause (RFC 9112 section 9.6).
 */
export class Discard {
  readonly #giveUp: () => void
  #deadline: NodeJS.Timeout | undefined
  #bytes = 0

  constructor(giveUp: () => void) {
    this.#giveUp = giveUp
  }

  begin(): void {
    this.#deadline ??= setTimeout(this.#giveUp, TIME_MS_MAX).unref()
  }

  /** True while there is something to discard. */
  get active(): boolean {
    return this.#deadline !== undefined
  }

  /** Counts bytes, while there is something to discard; true when no more is to be taken before the client has reacted. */
  count(bytes: number): boolean {
    if (this.#deadline === undefined) return false
    this.#bytes += bytes
    return this.#bytes > DISCARDED_BYTES_MAX
  }

  end(): void {
    clearTimeout(this.#deadline)
    this.#deadline = undefined
    this.#bytes = 0
  }
}
