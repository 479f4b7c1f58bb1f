import type { Clock } from '../keyring/clock.ts'
import type { Suspension } from '../registry/suspension.ts'
import type { Mark } from './mark.ts'

/** A proof of another replica, in terms of this process's monotonic clock. */
export interface KnownProof {
  /** The proof did not begin before. */
  readonly startedAtMs: number
  readonly keyIds: readonly string[] | 'all'
}

/** How a verification of another replica ended; undefined when nothing was heard in time. */
export type Outcome = KnownProof | 'denied' | 'unanswered' | undefined

interface Entry {
  proof: KnownProof | undefined
  /** Mark of this replica's own claim, until it is used. */
  claimed: Mark | undefined
  /** Mark of this replica's own newest proof. */
  proven: Mark | undefined
  heardAtMs: number
  /** When each other replica last got no verdict; made when the first one does, as what follows. */
  witnesses: Map<string, number> | undefined
  /** Who waits for news. */
  waiting: Set<(outcome: Outcome) => void> | undefined
}

/** What was heard lately about authorities, and who waits to hear. */
export class News {
  readonly #clock: Clock
  readonly #keepMs: number
  readonly #entries = new Map<string, Entry>()
  #sweptAtMs: number

  constructor(clock: Clock, keepMs: number) {
    this.#clock = clock
    this.#keepMs = keepMs
    this.#sweptAtMs = clock.now()
  }

  proofOf(authorityId: string): KnownProof | undefined {
    return this.#entries.get(authorityId)?.proof
  }

  proven(authorityId: string, proof: KnownProof): void {
    const entry = this.#entry(authorityId)
    if (entry.proof === undefined || entry.proof.startedAtMs < proof.startedAtMs) entry.proof = proof
    entry.witnesses = undefined
    settle(entry, proof)
  }

  denied(authorityId: string): void {
    const entry = this.#entry(authorityId)
    entry.proof = undefined
    settle(entry, 'denied')
  }

  /** After a denial, what was proven before it says nothing any more. */
  forgetProof({ authorityId }: Suspension): void {
    const entry = this.#entries.get(authorityId)
    if (entry !== undefined) entry.proof = undefined
  }

  unanswered(authorityId: string, from: string): void {
    const entry = this.#entry(authorityId)
    entry.witnesses ??= new Map()
    entry.witnesses.set(from, this.#clock.now())
    settle(entry, 'unanswered')
  }

  /** How many other replicas got no verdict within the last `withinMs`. */
  witnesses(authorityId: string, withinMs: number): number {
    const now = this.#clock.now()
    let count = 0
    for (const atMs of this.#entries.get(authorityId)?.witnesses?.values() ?? []) {
      if (now - atMs < withinMs) count += 1
    }
    return count
  }

  noteMark(authorityId: string, mark: Mark): void {
    this.#entry(authorityId).claimed = mark
  }

  takeMark(authorityId: string): Mark | undefined {
    const entry = this.#entries.get(authorityId)
    const mark = entry?.claimed
    if (entry !== undefined) entry.claimed = undefined
    return mark
  }

  noteProven(authorityId: string, mark: Mark): void {
    this.#entry(authorityId).proven = mark
  }

  /** Mark of this replica's own newest proof. */
  markOf(authorityId: string): Mark | undefined {
    return this.#entries.get(authorityId)?.proven
  }

  /** The next thing that is heard about an authority, for at most `waitMs`. */
  next(authorityId: string, waitMs: number): { outcome: Promise<Outcome>; forget(): void } {
    const waiting = (this.#entry(authorityId).waiting ??= new Set())
    let end: (outcome: Outcome) => void = () => undefined
    const outcome = new Promise<Outcome>((resolve) => {
      end = resolve
    })
    waiting.add(end)
    const timer = this.#clock.setTimer(() => {
      waiting.delete(end)
      end(undefined)
    }, waitMs)
    return {
      outcome: outcome.finally(() => timer.cancel()),
      forget: () => {
        waiting.delete(end)
        end(undefined)
      },
    }
  }

  #entry(authorityId: string): Entry {
    const now = this.#clock.now()
    if (now - this.#sweptAtMs >= this.#keepMs) this.#sweep(now)
    let entry = this.#entries.get(authorityId)
    if (entry === undefined) {
      entry = {
        proof: undefined,
        claimed: undefined,
        proven: undefined,
        heardAtMs: now,
        witnesses: undefined,
        waiting: undefined,
      }
      this.#entries.set(authorityId, entry)
    }
    entry.heardAtMs = now
    return entry
  }

  /** Lets go of what was not heard of for long. Once in a while for all: a replica hears of every proof of its fleet. */
  #sweep(now: number): void {
    this.#sweptAtMs = now
    for (const [authorityId, { heardAtMs, waiting }] of this.#entries) {
      if (now - heardAtMs >= this.#keepMs && (waiting?.size ?? 0) === 0) this.#entries.delete(authorityId)
    }
  }
}

function settle({ waiting }: Entry, outcome: Outcome): void {
  if (waiting === undefined) return
  for (const end of waiting) end(outcome)
  waiting.clear()
}
