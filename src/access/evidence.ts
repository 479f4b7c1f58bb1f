import { timestamp } from '../keyring/clock.ts'
import type { AccessContext } from './access-context.ts'
import { type Outage, recordOutage } from './outage.ts'

const NEVER = Number.NEGATIVE_INFINITY

/** What is known of an authority's access, and since when; instants are of the monotonic clock. */
export class Evidence {
  readonly #authorityId: string
  readonly #context: AccessContext
  #outage: Outage = 'none'
  #provenAtMs = NEVER
  #adopted = false
  #deniedAtMs = NEVER
  /** False from a denial or a defect to the next success: only a success earns the outage grace. */
  #graceEarned = false

  constructor(authorityId: string, context: AccessContext) {
    this.#authorityId = authorityId
    this.#context = context
  }

  /** Start of the newest successful verification; minus infinity before the first. */
  get provenAtMs(): number {
    return this.#provenAtMs
  }

  get everProven(): boolean {
    return this.#provenAtMs !== NEVER
  }

  /** True when another replica made that proof and is expected to make the next. */
  get adopted(): boolean {
    return this.#adopted
  }

  /** When a denial was last learnt: a verification that started before says nothing about access since. */
  get deniedAtMs(): number {
    return this.#deniedAtMs
  }

  /** True while verifications give no verdict. */
  get outage(): boolean {
    return this.#outage !== 'none'
  }

  /** Age in milliseconds of the proof that the lease rests on. */
  get leaseAgeMs(): number | undefined {
    return this.everProven ? this.#context.options.clock.now() - this.#provenAtMs : undefined
  }

  /** RFC 3339; start of the newest verification that succeeded, as this process knows it. */
  get verifiedAt(): string | undefined {
    const ageMs = this.leaseAgeMs
    return ageMs === undefined ? undefined : timestamp(this.#context.options.clock.wallTimeMs() - ageMs)
  }

  proven(startedAtMs: number, adopted: boolean): void {
    this.#provenAtMs = startedAtMs
    this.#adopted = adopted
    this.#graceEarned = true
    this.#become('none')
  }

  /** A denial was learnt, now unless an instant is given. */
  denied(atMs = this.#context.options.clock.now()): void {
    this.#deniedAtMs = Math.max(this.#deniedAtMs, atMs)
  }

  /** Nothing is served through an outage until the next success. */
  forfeitGrace(): void {
    this.#graceEarned = false
  }

  defect(): void {
    this.forfeitGrace()
    this.#become('defect')
  }

  /**
   * A verification got no verdict. Until when it carries the lease: from its START, never beyond the grace; undefined
   * when it does not.
   */
  unanswered(startedAtMs: number): number | undefined {
    const { options, times } = this.#context
    const graceEndsAtMs = this.#provenAtMs + times.outageGraceMs
    const inGrace = this.#graceEarned && options.clock.now() < graceEndsAtMs
    this.#become(inGrace || !this.everProven ? 'running' : 'grace-ended')
    return this.#graceEarned ? Math.min(startedAtMs + times.revocationBoundMs, graceEndsAtMs) : undefined
  }

  #become(outage: Outage): void {
    if (this.#outage === outage) return
    this.#outage = outage
    recordOutage(outage, this.#authorityId, this.#context)
  }
}
