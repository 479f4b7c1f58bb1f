import type { Clock } from '../keyring/clock.ts'

/**
 * Keys that other replicas use and that this one's proofs should include, and what this one has told others of its own.
 * An interest lasts as long as a key counts as in use, and is announced again at half of that.
 */
export class Interest {
  readonly #clock: Clock
  readonly #lastsMs: number
  readonly #others = new Map<string, Map<string, number>>()
  readonly #announced = new Map<string, Map<string, number>>()

  constructor(clock: Clock, lastsMs: number) {
    this.#clock = clock
    this.#lastsMs = lastsMs
  }

  /** Takes in another replica's interest. */
  note(authorityId: string, keyIds: readonly string[]): void {
    put(this.#others, authorityId, keyIds, this.#clock.now() + this.#lastsMs)
  }

  /** Keys of an authority that others are interested in. */
  of(authorityId: string): string[] {
    return live(this.#others, authorityId, this.#clock.now())
  }

  /** Keys in use here that another replica's proof left out, or will unless it hears of them again. */
  toAnnounce(authorityId: string, inUse: readonly string[], proven: ReadonlySet<string>): string[] {
    const now = this.#clock.now()
    const announced = new Set(live(this.#announced, authorityId, now))
    const wanted = inUse.filter((keyId) => !proven.has(keyId) || !announced.has(keyId))
    if (wanted.length > 0) put(this.#announced, authorityId, wanted, now + this.#lastsMs / 2)
    return wanted
  }
}

type Until = Map<string, Map<string, number>>

function put(all: Until, authorityId: string, keyIds: readonly string[], untilMs: number): void {
  let keys = all.get(authorityId)
  if (keys === undefined) all.set(authorityId, (keys = new Map()))
  for (const keyId of keyIds) keys.set(keyId, untilMs)
}

/** Keys that have not ended; what has is let go of. */
function live(all: Until, authorityId: string, nowMs: number): string[] {
  const keys = all.get(authorityId)
  if (keys === undefined) return []
  for (const [keyId, untilMs] of keys) if (untilMs <= nowMs) keys.delete(keyId)
  if (keys.size === 0) all.delete(authorityId)
  return [...keys.keys()]
}
