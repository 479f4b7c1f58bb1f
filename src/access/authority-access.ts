import { PortcullisError } from '../errors.ts'
import { timestamp } from '../keyring/clock.ts'
import type { KeyAccessDenied } from '../keyring/key-service.ts'
import type { Suspension } from '../registry/suspension.ts'
import type { KeyAuthority, TenantApp } from '../tenant/tenant.ts'
import type { AccessContext } from './access-context.ts'
import { AuthoritySuspensions } from './authority-suspensions.ts'
import { Cutter } from './cutter.ts'
import type { Judgement } from './judgement.ts'
import { firstDenied, judge, wholeJudgement, withDenials } from './judgement.ts'
import type { Lease } from './lease.ts'
import { Outage } from './outage.ts'
import type { AccessProof, AdoptedProof, ProofDemand } from './proof.ts'
import { Schedule } from './schedule.ts'
import { Tenures } from './tenures.ts'
import type { Verdict } from './verdict.ts'
import type { Verification } from './verification.ts'
import { runVerification } from './verification.ts'

/** Where an authority stands. `grace`: served without a fresh verdict, since the key service gives none. */
export type AccessState = 'unverified' | 'valid' | 'grace' | 'unavailable' | 'suspended'

const NEVER = Number.NEGATIVE_INFINITY

/**
 * The state machine of one authority. Tenures become servable in `#concludeProven` and stay so in
 * `#concludeUnavailable`; nowhere else.
 */
export class AuthorityAccess {
  authority: KeyAuthority
  readonly #context: AccessContext
  readonly #suspensions: AuthoritySuspensions
  readonly #tenures: Tenures
  readonly #schedule: Schedule
  /** Start of the newest successful verification. */
  #provenAtMs = NEVER
  /** Another replica made that proof and is expected to make the next. */
  #adopted = false
  /** When a denial was last learnt: a verification that started before says nothing about access since. */
  #deniedAtMs = NEVER
  /** Keys that were denied while it is open how far that reaches; nothing is served meanwhile. */
  readonly #suspicions = new Map<string, KeyAccessDenied>()
  /** False from a denial or a defect to the next success: only a success earns the outage grace. */
  #graceEarned = false
  readonly #outage: Outage
  readonly #cutter: Cutter
  /** When a request last asked, allowed or not. */
  #lastAskedAtMs = NEVER
  #verifying: Promise<void> | undefined
  #closed = false

  constructor(authority: KeyAuthority, context: AccessContext, open: readonly Suspension[]) {
    this.authority = authority
    this.#context = context
    this.#suspensions = new AuthoritySuspensions(authority.id, context, open)
    this.#outage = new Outage(authority.id, context)
    this.#schedule = new Schedule(context, () => {
      if (this.#suspensions.denied || this.#isActive()) void this.#startVerification()
    })
    this.#tenures = new Tenures(
      context.options.clock,
      (app) => ({
        refusal: () => this.#schedule.refusal(this.#suspensions.refusing(app)),
        lapsed: () => void this.#startVerification(),
      }),
      (app) => this.#suspensions.refusing(app) !== undefined,
    )
    this.#cutter = new Cutter(authority.id, context, this.#suspensions, this.#tenures, this.#schedule)
    for (const suspension of open) this.#cutter.wipe(suspension)
    if (!this.#suspensions.denied) return
    this.#schedule.planProbe(context.random())
    this.#schedule.probe()
  }

  /** The lease at once while it is valid, a promise while a verification must be awaited; throws the refusal. */
  admit(app: TenantApp | undefined): Lease | Promise<Lease> {
    const now = this.#context.options.clock.now()
    this.#lastAskedAtMs = now
    const tenure = this.#tenures.of(app)
    if (now < tenure.servableUntilMs) {
      tenure.lastAllowedAtMs = now
      if (!this.#schedule.pending && this.#verifying === undefined) this.#scheduleRenewal()
      return tenure
    }
    const suspension = this.#suspensions.refusing(app)
    if (suspension !== undefined) throw this.#schedule.refusal(suspension)
    if (this.#verifying === undefined && this.#outage.running && now < this.#schedule.dueAtMs) {
      throw this.#schedule.refusal(undefined)
    }
    return this.#awaitLease(app)
  }

  get state(): AccessState {
    if (this.#suspensions.whole !== undefined) return 'suspended'
    if (this.#tenures.valid) return this.#outage.running ? 'grace' : 'valid'
    return this.#outage.running ? 'unavailable' : 'unverified'
  }

  /** Every open suspension, the widest first. */
  get suspensions(): readonly Suspension[] {
    return this.#suspensions.open
  }

  /** RFC 3339; start of the newest verification that succeeded, as this process knows it. */
  get verifiedAt(): string | undefined {
    const ageMs = this.leaseAgeMs
    return ageMs === undefined ? undefined : timestamp(this.#context.options.clock.wallTimeMs() - ageMs)
  }

  /** Age in milliseconds of the proof that the lease rests on. */
  get leaseAgeMs(): number | undefined {
    return this.#provenAtMs === NEVER ? undefined : this.#context.options.clock.now() - this.#provenAtMs
  }

  get transfers(): number {
    return this.#tenures.transfers
  }

  /** A verification of everything that starts now, or as soon as the running one has ended. Never rejects. */
  async verify(): Promise<void> {
    if (this.#verifying !== undefined) await this.#verifying
    await this.#startVerification('asked')
  }

  /**
   * Takes in a denial that a key look-up met, and returns the refusal for whoever met it: at once when it concerns
   * everything, else a promise while nothing is served and other keys are asked for, to know how far it reaches.
   */
  deny(denied: KeyAccessDenied, keyId: string): PortcullisError | Promise<PortcullisError> {
    if (!this.#mayConcernPart(denied, keyId)) {
      this.#denyWhole(wholeJudgement(denied, keyId))
      return this.#schedule.refusal(this.#suspensions.whole)
    }
    return this.#denyPart(denied, keyId)
  }

  /** Places the operator's suspension; one that stands already stays as it is. */
  suspendByOperator(by: string): Suspension {
    const placed = this.#suspensions.placeByOperator(by)
    if (placed !== undefined) this.#cutter.cut(placed, true)
    return this.#suspensions.operator!
  }

  /** Lifts the operator's suspension; service resumes after a verification. False when there was none. */
  liftByOperator(by: string): boolean {
    const lifted = this.#suspensions.liftByOperator(by)
    if (lifted) this.#cutter.reopen(['organization'])
    return lifted
  }

  /** Takes over a proof that another replica published, and says whether the lease rests on it now. */
  adoptProof(proof: AdoptedProof): boolean {
    const { startedAtMs } = proof
    // Where nobody asks, the next request looks for a proof itself.
    if (this.#closed || !this.#isActive() || this.#suspicions.size > 0) return false
    if (startedAtMs <= this.#deniedAtMs || startedAtMs <= this.#provenAtMs) return false
    if (this.#suspensions.whole !== undefined) return false
    this.#concludeProven(startedAtMs, (keyId) => proof.isProven(keyId))
    this.#adopted = true
    if (this.#verifying === undefined) this.#scheduleRenewal()
    this.#tenures.extended()
    return true
  }

  /** Takes in that another replica was denied just now: the next probe can wait. */
  adoptDenied(): void {
    if (this.#closed || !this.#suspensions.denied) return
    this.#schedule.planProbe()
    if (this.#verifying === undefined && this.#suspensions.whole !== undefined) this.#schedule.probe()
  }

  /** Takes over another replica's suspension, new or changed. */
  adoptSuspension(suspension: Suspension): void {
    if (this.#closed) return
    if (suspension.reason === 'operator') {
      const placed = this.#suspensions.placeByOperator(suspension.by ?? '', suspension)
      if (placed !== undefined) this.#cutter.cut(placed, false)
      return
    }
    this.#deniedAtMs = this.#context.options.clock.now()
    if (suspension.scope === 'organization') this.#graceEarned = false
    const opened = this.#suspensions.adopt(suspension)
    this.#schedule.resetProbePause()
    if (opened !== undefined) this.#cutter.cut(opened, false)
    this.#schedule.planProbe()
    if (this.#verifying === undefined) this.#scheduleNext('denied')
  }

  /** Takes over the end of a suspension; that of a denial only by a proof that began after it was learnt here. */
  adoptLift(suspension: Suspension, provenAtMs: number): void {
    if (this.#closed) return
    if (suspension.reason === 'operator') {
      if (this.#suspensions.liftByOperator(suspension.by ?? '', false)) this.#cutter.reopen(['organization'])
      return
    }
    if (provenAtMs <= this.#deniedAtMs) return
    const scope = this.#suspensions.adoptLift(suspension.id)
    if (scope !== undefined) this.#cutter.reopen([scope])
  }

  /** Ends the lease and all timers. */
  close(): void {
    this.#closed = true
    this.#schedule.close()
    this.#tenures.end(undefined, new PortcullisError('draining', 'the gateway is shutting down'))
  }

  async #awaitLease(app: TenantApp | undefined): Promise<Lease> {
    await (this.#verifying ?? this.#startVerification())
    // A proof can be over when its answer comes, and a denial can leave open how far it reaches: one more is worth it.
    if (
      !this.#tenures.of(app).valid &&
      this.#suspensions.refusing(app) === undefined &&
      !this.#outage.running
    ) {
      await (this.#verifying ?? this.#startVerification())
    }
    const tenure = this.#tenures.of(app)
    tenure.assertValid()
    return tenure
  }

  async #denyPart(denied: KeyAccessDenied, keyId: string): Promise<PortcullisError> {
    this.#suspect(denied, keyId)
    while (this.#suspicions.size > 0 && !this.#closed) {
      await (this.#verifying ?? this.#startVerification())
    }
    const place = this.#context.options.prover.placeOf(this.authority.id, keyId)
    return this.#schedule.refusal(
      place === undefined ? this.#suspensions.whole : this.#suspensions.covering(place),
    )
  }

  #mayConcernPart(denied: KeyAccessDenied, keyId: string): boolean {
    if (denied.concernsEverything || this.authority.kind === 'vendor') return false
    if (this.#suspensions.deniedWhole) return false
    return this.#context.options.prover.placeOf(this.authority.id, keyId) !== undefined
  }

  /** Starts the verification that is due, or one of everything that nobody else's may stand in for. */
  #startVerification(reason: 'due' | 'asked' = 'due'): Promise<void> {
    this.#schedule.cancel()
    this.#verifying ??= runVerification(
      this.authority,
      this.#demand(reason),
      this.#context,
      this.#report,
    ).finally(() => {
      this.#verifying = undefined
      if (this.#suspicions.size > 0 && !this.#closed) void this.#startVerification()
    })
    return this.#verifying
  }

  #demand(reason: 'due' | 'asked'): Omit<ProofDemand, 'begun'> {
    const { options, times } = this.#context
    const urgent = reason === 'asked' || this.#suspicions.size > 0
    const { deniedWhole, denied } = this.#suspensions
    const judging = urgent || deniedWhole || (denied && this.#schedule.probeDue)
    return {
      purpose: judging ? 'judge' : 'renew',
      shareable: !urgent && (deniedWhole || !judging),
      askedAtMs: options.clock.now(),
      newerThanMs: Math.max(this.#provenAtMs, this.#deniedAtMs),
      inUse: options.keys.inUse(this.authority.id, times.idleAfterMs),
      denied: this.#suspensions.deniedKeys,
    }
  }

  readonly #report = (verdict: Verdict, verification: Verification): void => {
    if (this.#closed) return
    switch (verdict.kind) {
      case 'verified':
        this.#concludeVerified(verdict.proof, verification.demand)
        break
      case 'denied':
        this.#concludeDenied(verdict, verification.demand)
        break
      case 'unavailable':
        this.#concludeUnavailable(verification)
        break
      case 'defect':
        this.#denySuspected()
        this.#graceEarned = false
        this.#outage.become('defect')
        this.#context.options.observe?.defect?.(this.authority.id, verdict.error)
        break
      case 'nothing-new':
        break
    }
    if (this.#suspicions.size > 0) return
    this.#tenures.release()
    if (this.#suspensions.denied && verification.demand.purpose === 'judge') this.#schedule.planProbe()
    this.#scheduleNext(verdict.kind)
    if (this.#tenures.valid) this.#tenures.extended()
    else if (verdict.kind !== 'verified') {
      this.#tenures.end(undefined, this.#schedule.refusal(this.#suspensions.whole))
    }
  }

  #concludeVerified(proof: AccessProof, demand: ProofDemand): void {
    if (this.#suspicions.size > 0) {
      this.#concludeJudgement(proof)
      return
    }
    if (proof.startedAtMs <= this.#deniedAtMs) return
    if (demand.purpose === 'judge') this.#cutter.reopen(this.#suspensions.lift(proof, []))
    if (proof.startedAtMs > this.#provenAtMs) this.#concludeProof(proof)
  }

  #concludeDenied({ proof, whole }: Verdict & { kind: 'denied' }, demand: ProofDemand): void {
    if (proof === undefined) {
      this.#denyWhole(whole!)
    } else if (demand.purpose === 'judge') {
      this.#concludeJudgement(proof)
    } else {
      const { denied, keyId } = firstDenied(proof)!
      if (this.#mayConcernPart(denied, keyId)) this.#suspect(denied, keyId)
      else this.#denyWhole(wholeJudgement(denied, keyId))
    }
  }

  /** Opens what a thorough proof found denied, lifts what it found allowed, and serves the rest. */
  #concludeJudgement(found: AccessProof): void {
    const fresh = found.startedAtMs >= this.#deniedAtMs
    // One that began before the suspicion says nothing about it: another follows.
    if (!fresh && this.#suspicions.size > 0) return
    // Denied a moment ago and allowed now: policies take time to settle, and a denial stands until it is disproved.
    const proof = withDenials(found, this.#suspicions)
    const judgements = judge(proof)
    const whole = judgements.find(({ scope }) => scope === 'organization')
    this.#suspicions.clear()
    if (whole !== undefined) {
      this.#denyWhole(whole)
      return
    }
    for (const judgement of judgements) {
      const opened = this.#suspensions.deny(judgement)
      if (opened === undefined) continue
      this.#schedule.resetProbePause()
      this.#cutter.cut(opened, true)
    }
    if (fresh) {
      this.#cutter.reopen(this.#suspensions.lift(proof, judgements))
      if (proof.startedAtMs > this.#provenAtMs) this.#concludeProof(proof)
    }
    this.#deniedAtMs = Math.max(this.#deniedAtMs, proof.startedAtMs)
  }

  #concludeProof({ startedAtMs, verdicts, speaksForAll, adopted }: AccessProof): void {
    const proven = new Set(verdicts.flatMap(({ keyId, failure }) => (failure === undefined ? keyId : [])))
    this.#concludeProven(startedAtMs, (keyId) => speaksForAll || proven.has(keyId))
    this.#adopted = adopted === true
  }

  #concludeProven(startedAtMs: number, isProven: (keyId: string) => boolean): void {
    const { options, times } = this.#context
    this.#provenAtMs = startedAtMs
    this.#graceEarned = true
    this.#schedule.resetOutagePause()
    this.#outage.become('none')
    options.keys.proven(this.authority.id, startedAtMs, isProven)
    if (this.#suspensions.whole === undefined) this.#tenures.carry(startedAtMs + times.revocationBoundMs)
  }

  /** Carries the lease on from the START of the unanswered verification, never beyond the grace. */
  #concludeUnavailable({ startedAtMs }: Verification): void {
    if (this.#suspicions.size > 0) {
      // Something was denied, and nobody says that the rest is not.
      if (startedAtMs >= this.#deniedAtMs) this.#denySuspected()
      return
    }
    if (startedAtMs <= this.#provenAtMs) return
    const { options, times } = this.#context
    const graceEndsAtMs = this.#provenAtMs + times.outageGraceMs
    if (this.#graceEarned && this.#suspensions.whole === undefined) {
      const untilMs = Math.min(startedAtMs + times.revocationBoundMs, graceEndsAtMs)
      if (untilMs > this.#tenures.provenUntilMs) this.#tenures.carry(untilMs)
    }
    const inGrace = this.#graceEarned && options.clock.now() < graceEndsAtMs
    this.#outage.become(inGrace || this.#provenAtMs === NEVER ? 'running' : 'grace-ended')
  }

  #denyWhole(judgement: Judgement): void {
    this.#suspicions.clear()
    this.#deniedAtMs = this.#context.options.clock.now()
    this.#graceEarned = false
    const opened = this.#suspensions.deny(judgement)
    if (opened === undefined) return
    this.#schedule.resetProbePause()
    this.#cutter.cut(opened, true)
    this.#schedule.planProbe()
    this.#schedule.probe()
  }

  /** Serves nothing until it is known how far a denial reaches. */
  #suspect(denied: KeyAccessDenied, keyId: string): void {
    if (this.#suspicions.size === 0) this.#deniedAtMs = this.#context.options.clock.now()
    this.#suspicions.set(keyId, denied)
    this.#tenures.hold()
    if (this.#verifying === undefined) void this.#startVerification()
  }

  /** How far a denial reaches cannot be known: as far as it may. */
  #denySuspected(): void {
    for (const [keyId, denied] of this.#suspicions) this.#denyWhole(wholeJudgement(denied, keyId))
  }

  #scheduleNext(verdict: Verdict['kind']): void {
    if (this.#suspensions.whole !== undefined || !this.#isActive()) {
      if (this.#suspensions.denied) this.#schedule.probe()
      else this.#schedule.rest()
    } else if (verdict === 'verified' || (verdict === 'denied' && this.#tenures.valid)) {
      this.#scheduleRenewal()
    } else {
      this.#schedule.retry(this.#tenures.valid)
    }
  }

  #scheduleRenewal(): void {
    this.#schedule.renewal(this.#provenAtMs, this.#adopted, this.#suspensions.denied)
  }

  #isActive(): boolean {
    const now = this.#context.options.clock.now()
    return this.#tenures.transfers > 0 || now - this.#lastAskedAtMs < this.#context.times.idleAfterMs
  }
}
