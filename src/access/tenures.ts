import type { PortcullisError } from '../errors.ts'
import type { Clock } from '../keyring/clock.ts'
import type { TenantApp } from '../tenant/tenant.ts'
import type { TenureOwner } from './tenure.ts'
import { Tenure } from './tenure.ts'

const NEVER = Number.NEGATIVE_INFINITY

/** Names the tenure of an app within its authority; undefined is the one of all the authority. */
type AppName = string | undefined

/** The tenures of one authority: one per app that is asked for, and one for callers that name no app. */
export class Tenures {
  readonly #clock: Clock
  readonly #tenures = new Map<AppName, Tenure>()
  readonly #owner: (app: Pick<TenantApp, 'site' | 'app'> | undefined) => TenureOwner
  readonly #isRefused: (app: Pick<TenantApp, 'site' | 'app'> | undefined) => boolean
  /** Until when the proof carries whatever is not suspended. */
  #provenUntilMs = NEVER
  #held = false

  constructor(
    clock: Clock,
    owner: (app: Pick<TenantApp, 'site' | 'app'> | undefined) => TenureOwner,
    isRefused: (app: Pick<TenantApp, 'site' | 'app'> | undefined) => boolean,
  ) {
    this.#clock = clock
    this.#owner = owner
    this.#isRefused = isRefused
  }

  get provenUntilMs(): number {
    return this.#provenUntilMs
  }

  get valid(): boolean {
    return !this.#held && this.#clock.now() < this.#provenUntilMs
  }

  get transfers(): number {
    let transfers = 0
    for (const tenure of this.#tenures.values()) transfers += tenure.transfers
    return transfers
  }

  /** The running tenure of an app, begun when there is none. */
  of(app: TenantApp | undefined): Tenure {
    const name = app === undefined ? undefined : `${app.site}/${app.app}`
    const known = this.#tenures.get(name)
    if (known !== undefined && !known.ended) return known
    const subject = app === undefined ? undefined : { site: app.site, app: app.app }
    const tenure = new Tenure(this.#clock, this.#owner(subject), subject)
    this.#tenures.set(name, tenure)
    this.#carry(tenure)
    return tenure
  }

  /** Moves the end of the proof; tenures of what is suspended stay where they are. */
  carry(untilMs: number): void {
    this.#provenUntilMs = untilMs
    this.#held = false
    for (const tenure of this.#tenures.values()) this.#carry(tenure)
  }

  /** Allows nothing for the moment, until `carry` or `release`. */
  hold(): void {
    this.#held = true
    for (const tenure of this.#tenures.values()) tenure.servableUntilMs = NEVER
  }

  /** Ends a hold. */
  release(): void {
    if (this.#held) this.carry(this.#provenUntilMs)
  }

  /** Watches on after the proof was carried on; what waits in vain is told by its owner. */
  extended(): void {
    for (const tenure of this.#tenures.values()) if (!tenure.ended) tenure.extended()
  }

  /** Ends the tenures that may serve an app, or all; says what was cut. */
  end(app: Pick<TenantApp, 'site' | 'app'> | undefined, reason: PortcullisError): CutTenures {
    let transfersCut = 0
    let lastAllowedAtMs = NEVER
    for (const [name, tenure] of this.#tenures) {
      const { subject } = tenure
      const concerned =
        app === undefined || subject === undefined || (subject.site === app.site && subject.app === app.app)
      if (!concerned) continue
      lastAllowedAtMs = Math.max(lastAllowedAtMs, tenure.lastAllowedAtMs)
      transfersCut += tenure.end(reason)
      this.#tenures.delete(name)
    }
    if (app === undefined) this.#provenUntilMs = NEVER
    return { transfersCut, lastAllowedAtMs }
  }

  #carry(tenure: Tenure): void {
    if (tenure.ended) return
    tenure.servableUntilMs = this.#held || this.#isRefused(tenure.subject) ? NEVER : this.#provenUntilMs
  }
}

/** What the end of tenures did. */
export interface CutTenures {
  readonly transfersCut: number
  /** On the monotonic clock; minus infinity when nothing was ever allowed. */
  readonly lastAllowedAtMs: number
}
