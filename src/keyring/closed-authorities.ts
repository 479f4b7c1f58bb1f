import { PortcullisError } from '../errors.ts'

interface Closing {
  /** Counts the wipes: an unwrap that began in an earlier epoch must not bring its key back. */
  epoch: number
  /** Makes the refusal while the authority is closed; undefined once it is open again. */
  refusal: (() => Error) | undefined
}

/** Which authorities were wiped, and which of them are still closed. */
export class ClosedAuthorities {
  readonly #closings = new Map<string, Closing>()

  close(authorityId: string, refusal: () => Error): void {
    this.#closings.set(authorityId, { epoch: this.epoch(authorityId) + 1, refusal })
  }

  reopen(authorityId: string): void {
    const closing = this.#closings.get(authorityId)
    if (closing !== undefined) closing.refusal = undefined
  }

  epoch(authorityId: string): number {
    return this.#closings.get(authorityId)?.epoch ?? 0
  }

  /** True when nothing was wiped since `epoch` and the authority is open. */
  isOpenSince(authorityId: string, epoch: number): boolean {
    const closing = this.#closings.get(authorityId)
    return closing === undefined || (closing.epoch === epoch && closing.refusal === undefined)
  }

  /** Throws the refusal of a closed authority. */
  assertOpen(authorityId: string): void {
    const refusal = this.#closings.get(authorityId)?.refusal
    if (refusal !== undefined) throw refusal()
  }

  /** Throws unless nothing was wiped since `epoch`. */
  assertOpenSince(authorityId: string, epoch: number): void {
    this.assertOpen(authorityId)
    if (this.epoch(authorityId) === epoch) return
    throw new PortcullisError('key-service-unavailable', 'access was withdrawn while the key was loading', {
      retryAfterSeconds: 1,
    })
  }
}
