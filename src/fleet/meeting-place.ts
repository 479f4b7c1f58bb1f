import type { Clock } from '../keyring/clock.ts'
import type { Claim } from './exchange.ts'
import type { Mark } from './mark.ts'

/** Grants claims and gives out marks to the replicas that meet in one process. */
export class MeetingPlace {
  readonly #clock: Pick<Clock, 'now'>
  readonly #claims = new Map<string, { readonly by: string; readonly atMs: number }>()
  #epoch: string
  #count = 0

  /** `epoch`: another one whenever counting begins anew. */
  constructor(clock: Pick<Clock, 'now'>, epoch: string) {
    this.#clock = clock
    this.#epoch = epoch
  }

  /** Begins another epoch, as a server does that was restarted; claims are forgotten. */
  restart(epoch: string): void {
    this.#epoch = epoch
    this.#count = 0
    this.#claims.clear()
  }

  /** Decides whether `by` is to verify an authority; see `FleetExchange.claim`. */
  grant(authorityId: string, by: string, holdMs: number): Claim {
    const now = this.#clock.now()
    const claim = this.#claims.get(authorityId)
    const granted = claim === undefined || claim.by === by || now - claim.atMs >= holdMs
    if (granted) this.#claims.set(authorityId, { by, atMs: now })
    return { granted, mark: this.mark() }
  }

  mark(): Mark {
    this.#count += 1
    return { epoch: this.#epoch, count: this.#count }
  }
}
