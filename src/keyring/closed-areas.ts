import { PortcullisError } from '../errors.ts'
import type { KeyArea, KeyPlace } from './key-area.ts'
import { areaName } from './key-area.ts'

interface Closing {
  /** Counts the wipes: an unwrap that began in an earlier epoch must not bring its key back. */
  epoch: number
  /** Makes the refusal while the area is closed; undefined once it is open again. */
  refusal: (() => Error) | undefined
}

/** Which authorities, apps and data classes were wiped, and which of them are still closed. */
export class ClosedAreas {
  readonly #closings = new Map<string, Closing>()

  close(authorityId: string, area: KeyArea | undefined, refusal: () => Error): void {
    const name = areaName(authorityId, area)
    this.#closings.set(name, { epoch: (this.#closings.get(name)?.epoch ?? 0) + 1, refusal })
  }

  reopen(authorityId: string, area: KeyArea | undefined): void {
    const closing = this.#closings.get(areaName(authorityId, area))
    if (closing !== undefined) closing.refusal = undefined
  }

  /** Wipes so far of everything that a key lies in. */
  epoch(place: KeyPlace): number {
    let epoch = 0
    for (const closing of this.#around(place)) epoch += closing.epoch
    return epoch
  }

  /** True when nothing around a key was wiped since `epoch` and all of it is open. */
  isOpenSince(place: KeyPlace, epoch: number): boolean {
    return (
      this.epoch(place) === epoch && this.#around(place).every((closing) => closing.refusal === undefined)
    )
  }

  /** Throws the refusal of a closed area that a key lies in; of the widest one. */
  assertOpen(place: KeyPlace): void {
    for (const { refusal } of this.#around(place)) if (refusal !== undefined) throw refusal()
  }

  /** Throws unless nothing around a key was wiped since `epoch`. */
  assertOpenSince(place: KeyPlace, epoch: number): void {
    this.assertOpen(place)
    if (this.epoch(place) === epoch) return
    throw new PortcullisError('key-service-unavailable', 'access was withdrawn while the key was loading', {
      retryAfterSeconds: 1,
    })
  }

  #around(place: KeyPlace): Closing[] {
    if (this.#closings.size === 0) return []
    const { authorityId, site, app } = place
    const names = [authorityId, areaName(authorityId, { site, app }), areaName(authorityId, place)]
    return names.flatMap((name) => this.#closings.get(name) ?? [])
  }
}
