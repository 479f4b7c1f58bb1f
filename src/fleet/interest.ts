import type { Clock } from '../keyring/clock.ts'

/**
 * Keys that other replicas use and that this one's proofs should include, and what this one has told others of its own.
 * An interest lasts as long as a key counts as in use, and is announced again at half of that.
 */
export class Interest {
  readonly #clock: Clock
  readonly #lastsMs: number
  readonly #others: Terms
  readonly #announced: Terms

  constructor(clock: Clock, lastsMs: number) {
    this.#clock = clock
    this.#lastsMs = lastsMs
    this.#others = new Terms(clock, lastsMs)
    this.#announced = new Terms(clock, lastsMs)
  }

  /** Takes in another replica's interest. */
  note(authorityId: string, keyIds: readonly string[]): void {
    this.#others.put(authorityId, keyIds, this.#clock.now() + this.#lastsMs)
  }

  /** Keys of an authority that others are interested in. */
  of(authorityId: string): string[] {
    return this.#others.live(authorityId)
  }

  /** Keys in use here that another replica's proof left out, or will unless it hears of them again. */
  toAnnounce(authorityId: string, inUse: readonly string[], proven: ReadonlySet<string>): string[] {
    const announced = new Set(this.#announced.live(authorityId))
    const wanted = inUse.filter((keyId) => !proven.has(keyId) || !announced.has(keyId))
    if (wanted.length > 0) this.#announced.put(authorityId, wanted, this.#clock.now() + this.#lastsMs / 2)
    return wanted
  }
}

/** Keys of authorities, each until an instant. Few per authority, of very many authorities. */
class Terms {
  readonly #clock: Clock
  readonly #sweepEveryMs: number
  readonly #ofAuthority = new Map<string, { readonly keyId: string; untilMs: number }[]>()
  #sweptAtMs: number

  constructor(clock: Clock, sweepEveryMs: number) {
    this.#clock = clock
    this.#sweepEveryMs = sweepEveryMs
    this.#sweptAtMs = clock.now()
  }

  put(authorityId: string, keyIds: readonly string[], untilMs: number): void {
    this.#sweep()
    const terms = this.#ofAuthority.get(authorityId)
    if (terms === undefined) {
      this.#ofAuthority.set(
        authorityId,
        keyIds.map((keyId) => ({ keyId, untilMs })),
      )
      return
    }
    for (const keyId of keyIds) {
      const known = terms.find((term) => term.keyId === keyId)
      if (known === undefined) terms.push({ keyId, untilMs })
      else known.untilMs = untilMs
    }
  }

  /** Keys whose term has not ended. */
  live(authorityId: string): string[] {
    const now = this.#clock.now()
    return (this.#ofAuthority.get(authorityId) ?? []).flatMap(({ keyId, untilMs }) =>
      untilMs > now ? keyId : [],
    )
  }

  #sweep(): void {
    const now = this.#clock.now()
    if (now - this.#sweptAtMs < this.#sweepEveryMs) return
    this.#sweptAtMs = now
    for (const [authorityId, terms] of this.#ofAuthority) {
      const left = terms.filter(({ untilMs }) => untilMs > now)
      if (left.length === 0) this.#ofAuthority.delete(authorityId)
      else if (left.length < terms.length) this.#ofAuthority.set(authorityId, left)
    }
  }
}
