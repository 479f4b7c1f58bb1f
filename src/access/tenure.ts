import type { PortcullisError } from '../errors.ts'
import type { Clock, Timer } from '../keyring/clock.ts'
import { LiveList } from '../listener/live-list.ts'
import type { TenantApp } from '../tenant/tenant.ts'
import type { Lease } from './lease.ts'

const NEVER = Number.NEGATIVE_INFINITY

/** The app that a tenure is of; undefined for all of the authority. */
export type TenureSubject = Pick<TenantApp, 'site' | 'app'> | undefined

/** What tenures ask of the state machine that owns them. */
export interface TenureOwner {
  /** The refusal that holds for the subject at this instant. */
  refusal(subject: TenureSubject): PortcullisError
  /** The proof ran out while transfers wait: verify, then extend or end the tenure. */
  lapsed(): void
}

/**
 * One unbroken time of access to one app, or to all of an authority: the lease object that requests hold. The proof behind it may lapse and be renewed;
 * once ended it stays ended, and access regained later is another tenure.
 */
export class Tenure implements Lease {
  /** Uses are allowed strictly before this instant. Only the owner moves it. */
  servableUntilMs = NEVER
  /** When a use was last allowed. */
  lastAllowedAtMs = NEVER
  /** Only the owner replaces it, by one that names the same app. */
  subject: TenureSubject
  readonly #clock: Clock
  readonly #owner: TenureOwner
  /** Transfers under way, while there are any. */
  #cuts: LiveList<(reason: PortcullisError) => void> | undefined
  #ended: PortcullisError | undefined
  #watch: Timer | undefined

  constructor(clock: Clock, owner: TenureOwner, subject: TenureSubject) {
    this.subject = subject
    this.#clock = clock
    this.#owner = owner
  }

  get valid(): boolean {
    return this.#clock.now() < this.servableUntilMs
  }

  get ended(): boolean {
    return this.#ended !== undefined
  }

  get transfers(): number {
    return this.#cuts?.size ?? 0
  }

  assertValid(): void {
    const now = this.#clock.now()
    if (now >= this.servableUntilMs) throw this.#ended ?? this.#owner.refusal(this.subject)
    this.lastAllowedAtMs = now
  }

  onEnd(cut: (reason: PortcullisError) => void): () => void {
    if (this.#ended !== undefined) throw this.#ended
    const cuts = (this.#cuts ??= new LiveList())
    const place = cuts.add(cut)
    this.#watchProof()
    return () => {
      cuts.remove(place)
      if (this.#cuts !== cuts || cuts.size > 0) return
      this.#cuts = undefined
      this.#stopWatching()
    }
  }

  /** Ends the lease for good and cuts its transfers; says how many there were. */
  end(reason: PortcullisError): number {
    if (this.#ended !== undefined) return 0
    this.#ended = reason
    this.servableUntilMs = NEVER
    this.#stopWatching()
    const cuts = this.#cuts?.takeAll() ?? []
    this.#cuts = undefined
    for (const cut of cuts) {
      try {
        cut(reason)
      } catch {
        // A transfer that fails to be cut must not keep the others alive; its next use of the lease throws.
      }
    }
    return cuts.length
  }

  #watchProof(): void {
    this.#watch ??= this.#clock.setTimer(
      () => {
        this.#watch = undefined
        if (this.#cuts === undefined) return
        if (this.valid) this.#watchProof()
        else this.#owner.lapsed()
      },
      Math.max(0, this.servableUntilMs - this.#clock.now()),
    )
  }

  /** Watches on after the owner has extended the proof. */
  extended(): void {
    if (this.#cuts !== undefined) this.#watchProof()
  }

  #stopWatching(): void {
    this.#watch?.cancel()
    this.#watch = undefined
  }
}
