import type { PortcullisError } from '../errors.ts'
import type { TenantApp } from '../tenant/tenant.ts'
import type { AccessContext } from './access-context.ts'
import type { AuthoritySuspensions } from './authority-suspensions.ts'
import type { TenureOwner, TenureSubject } from './tenure.ts'
import { Tenure } from './tenure.ts'

const NEVER = Number.NEGATIVE_INFINITY

/** The tenures of one authority: one per app that is asked for, and one for callers that name no app. */
export class Tenures {
  readonly #context: AccessContext
  readonly #owner: TenureOwner
  readonly #suspensions: AuthoritySuspensions
  #tenures: Tenure[] = []
  /** Until when the proof carries whatever is not suspended. */
  #provenUntilMs = NEVER
  #held = false

  constructor(context: AccessContext, owner: TenureOwner, suspensions: AuthoritySuspensions) {
    this.#context = context
    this.#owner = owner
    this.#suspensions = suspensions
  }

  get provenUntilMs(): number {
    return this.#provenUntilMs
  }

  get valid(): boolean {
    return !this.#held && this.#context.options.clock.now() < this.#provenUntilMs
  }

  get transfers(): number {
    let transfers = 0
    for (const tenure of this.#tenures) transfers += tenure.transfers
    return transfers
  }

  /** The running tenure of an app, begun when there is none. */
  of(app: TenantApp | undefined): Tenure {
    const known = app === undefined ? undefined : this.#context.tenureByApp.get(app)
    if (known !== undefined && !known.ended) return known
    const tenure = this.#tenures.find(({ subject }) => isSame(subject, app)) ?? this.#begin(app)
    if (app !== undefined) this.#context.tenureByApp.set(app, tenure)
    // Or it would keep the app object of a directory that is no longer in force.
    tenure.subject = app
    return tenure
  }

  #begin(app: TenantApp | undefined): Tenure {
    const tenure = new Tenure(this.#context.options.clock, this.#owner, app)
    // Not `push`, which makes room for sixteen more.
    this.#tenures = this.#tenures.concat(tenure)
    this.#carry(tenure)
    return tenure
  }

  /** Moves the end of the proof; tenures of what is suspended stay where they are. */
  carry(untilMs: number): void {
    this.#provenUntilMs = untilMs
    this.#held = false
    for (const tenure of this.#tenures) this.#carry(tenure)
  }

  /** Allows nothing for the moment, until `carry` or `release`. */
  hold(): void {
    this.#held = true
    for (const tenure of this.#tenures) tenure.servableUntilMs = NEVER
  }

  /** Ends a hold. */
  release(): void {
    if (this.#held) this.carry(this.#provenUntilMs)
  }

  /** Watches on after the proof was carried on; what waits in vain is told by its owner. */
  extended(): void {
    for (const tenure of this.#tenures) if (!tenure.ended) tenure.extended()
  }

  /** Ends the tenures that may serve an app, or all; says what was cut. */
  end(app: TenureSubject, reason: PortcullisError): CutTenures {
    let transfersCut = 0
    let lastAllowedAtMs = NEVER
    const concerned = this.#tenures.filter(
      ({ subject }) => app === undefined || subject === undefined || isSame(subject, app),
    )
    this.#tenures = this.#tenures.filter((tenure) => !concerned.includes(tenure))
    for (const tenure of concerned) {
      lastAllowedAtMs = Math.max(lastAllowedAtMs, tenure.lastAllowedAtMs)
      transfersCut += tenure.end(reason)
    }
    if (app === undefined) this.#provenUntilMs = NEVER
    return { transfersCut, lastAllowedAtMs }
  }

  #carry(tenure: Tenure): void {
    if (tenure.ended) return
    tenure.servableUntilMs =
      this.#held || this.#suspensions.refusing(tenure.subject) !== undefined ? NEVER : this.#provenUntilMs
  }
}

function isSame(one: TenureSubject, other: TenureSubject): boolean {
  return one?.site === other?.site && one?.app === other?.app
}

/** What the end of tenures did. */
export interface CutTenures {
  readonly transfersCut: number
  /** On the monotonic clock; minus infinity when nothing was ever allowed. */
  readonly lastAllowedAtMs: number
}
