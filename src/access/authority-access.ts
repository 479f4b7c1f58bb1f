import { PortcullisError } from '../errors.ts'
import type { KeyAccessDenied } from '../keyring/key-service.ts'
import type { Suspension } from '../registry/suspension.ts'
import type { KeyAuthority, TenantApp } from '../tenant/tenant.ts'
import type { AccessContext } from './access-context.ts'
import { AuthoritySuspensions } from './authority-suspensions.ts'
import { Cutter } from './cutter.ts'
import { Denials } from './denials.ts'
import { Evidence } from './evidence.ts'
import { firstDenied, wholeJudgement } from './judgement.ts'
import type { Lease } from './lease.ts'
import type { AccessProof, AdoptedProof } from './proof.ts'
import { RenewalMargin } from './renewal-margin.ts'
import type { Verifier } from './schedule.ts'
import { Schedule } from './schedule.ts'
import type { TenureOwner, TenureSubject } from './tenure.ts'
import { Tenures } from './tenures.ts'
import type { Verdict } from './verdict.ts'
import type { Verification } from './verification.ts'
import { runVerification } from './verification.ts'

/** Where an authority stands. `grace`: served without a fresh verdict, since the key service gives none. */
export type AccessState = 'unverified' | 'valid' | 'grace' | 'unavailable' | 'suspended'

const NEVER = Number.NEGATIVE_INFINITY

/**
 * The state machine of one authority. Tenures become servable in `#carryProof` and stay so in
 * `#concludeUnavailable`; nowhere else.
 */
export class AuthorityAccess implements TenureOwner, Verifier {
  authority: KeyAuthority
  readonly #context: AccessContext
  readonly #suspensions: AuthoritySuspensions
  readonly #tenures: Tenures
  readonly #margin: RenewalMargin
  readonly #schedule: Schedule
  readonly #evidence: Evidence
  readonly #denials: Denials
  readonly #cutter: Cutter
  /** When a request last asked, allowed or not. */
  #lastAskedAtMs = NEVER
  /** When a request first asked in vain, before the first proof. */
  #firstAskedAtMs: number | undefined
  #verifying: Promise<void> | undefined
  #closed = false

  constructor(authority: KeyAuthority, context: AccessContext, open: readonly Suspension[]) {
    this.authority = authority
    this.#context = context
    this.#suspensions = new AuthoritySuspensions(authority.id, context, open)
    this.#evidence = new Evidence(authority.id, context)
    this.#margin = new RenewalMargin(context.times.revocationBoundMs, context.roundTripOf(authority.location))
    this.#schedule = new Schedule(context, this.#margin, this)
    this.#tenures = new Tenures(context, this, this.#suspensions)
    this.#cutter = new Cutter(authority.id, context, this.#suspensions, this.#tenures, this.#schedule)
    this.#denials = new Denials({
      context,
      suspensions: this.#suspensions,
      tenures: this.#tenures,
      schedule: this.#schedule,
      evidence: this.#evidence,
      cutter: this.#cutter,
    })
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
    if (!this.#mayWait(now) && this.#verifying === undefined && this.#refusing(now)) {
      throw this.#schedule.refusal(undefined)
    }
    return this.#awaitLease(app)
  }

  get state(): AccessState {
    if (this.#suspensions.whole !== undefined) return 'suspended'
    if (this.#tenures.valid) return this.#evidence.outage ? 'grace' : 'valid'
    return this.#evidence.outage ? 'unavailable' : 'unverified'
  }

  /** Every open suspension, the widest first. */
  get suspensions(): readonly Suspension[] {
    return this.#suspensions.open
  }

  /** RFC 3339; start of the newest verification that succeeded, as this process knows it. */
  get verifiedAt(): string | undefined {
    return this.#evidence.verifiedAt
  }

  /** Age in milliseconds of the proof that the lease rests on. */
  get leaseAgeMs(): number | undefined {
    return this.#evidence.leaseAgeMs
  }

  get transfers(): number {
    return this.#tenures.transfers
  }

  refusal(subject: TenureSubject): PortcullisError {
    return this.#schedule.refusal(this.#suspensions.refusing(subject))
  }

  lapsed(): void {
    void this.#startVerification()
  }

  verificationDue(): void {
    if (this.#suspensions.denied || this.#denials.open || this.#isActive()) void this.#startVerification()
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
    if (!this.#denials.mayConcernPart(denied, keyId, this.authority)) {
      this.#denials.denyWhole(wholeJudgement(denied, keyId))
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
    if (this.#closed || !this.#isActive() || this.#denials.open) return false
    const { deniedAtMs, provenAtMs } = this.#evidence
    if (startedAtMs <= deniedAtMs || startedAtMs <= provenAtMs) return false
    if (this.#suspensions.whole !== undefined) return false
    this.#carryProof(startedAtMs, (keyId) => proof.isProven(keyId), true)
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
    this.#evidence.denied()
    if (suspension.scope === 'organization') this.#evidence.forfeitGrace()
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
    if (provenAtMs <= this.#evidence.deniedAtMs) return
    const scope = this.#suspensions.adoptLift(suspension)
    if (scope !== undefined) this.#cutter.reopen([scope])
  }

  /** Ends the lease and all timers. */
  close(): void {
    this.#closed = true
    this.#schedule.close()
    this.#tenures.end(undefined, new PortcullisError('draining', 'the gateway is shutting down'))
  }

  async #awaitLease(app: TenantApp | undefined): Promise<Lease> {
    const { clock } = this.#context.options
    if (!this.#evidence.everProven) this.#firstAskedAtMs ??= clock.now()
    if (this.#verifying !== undefined || !this.#refusing(clock.now())) await this.#verdict()
    // A proof can be over when its answer comes, and a denial can leave open how far it reaches: one more is worth it.
    if (this.#isUndecided(app) && !this.#evidence.outage) await this.#verdict()
    while (this.#isUndecided(app) && !this.#closed && this.#mayWait(clock.now())) {
      await (this.#verifying ?? this.#schedule.untilDue())
    }
    const tenure = this.#tenures.of(app)
    tenure.assertValid()
    return tenure
  }

  /** The verification under way or due; one that starts now unless the next is planned, to judge a denial once more. */
  #verdict(): Promise<void> {
    if (this.#verifying !== undefined) return this.#verifying
    return this.#denials.open ? this.#schedule.untilDue() : this.#startVerification()
  }

  /** True while an app is neither served nor suspended. */
  #isUndecided(app: TenantApp | undefined): boolean {
    return !this.#tenures.of(app).valid && this.#suspensions.refusing(app) === undefined
  }

  /** True while requests wait: for a first proof, since what asks AWS for the first time is slow, not broken, or to know how far a denial reaches. */
  #mayWait(now: number): boolean {
    if (this.#denials.open) return true
    const { everProven } = this.#evidence
    const sinceMs = this.#firstAskedAtMs ?? now
    return !everProven && now - sinceMs < this.#context.times.firstProofWaitMs
  }

  /** True while requests are refused without asking, since there was no verdict a moment ago. */
  #refusing(now: number): boolean {
    return this.#evidence.outage && now < this.#schedule.dueAtMs
  }

  async #denyPart(denied: KeyAccessDenied, keyId: string): Promise<PortcullisError> {
    this.#suspect(denied, keyId)
    while (this.#denials.open && !this.#closed) await this.#verdict()
    const place = this.#context.options.prover.placeOf(this.authority.id, keyId)
    return this.#schedule.refusal(
      place === undefined ? this.#suspensions.whole : this.#suspensions.covering(place),
    )
  }

  /** Starts the verification that is due, or one of everything that nobody else's may stand in for. */
  #startVerification(reason: 'due' | 'asked' = 'due'): Promise<void> {
    this.#schedule.cancel()
    this.#verifying ??= runVerification(
      this.authority,
      this.#denials.demand(reason, this.authority.id),
      this.#context,
      (verdict, verification) => this.#report(verdict, verification),
    ).finally(() => {
      this.#verifying = undefined
      if (!this.#denials.open || this.#closed) return
      if (this.#denials.takeUnjudged()) this.#schedule.retry('awaited')
      else void this.#startVerification()
    })
    return this.#verifying
  }

  #report(verdict: Verdict, verification: Verification): void {
    if (this.#closed) return
    switch (verdict.kind) {
      case 'verified':
        this.#concludeVerified(verdict.proof, verification)
        break
      case 'denied':
        this.#concludeDenied(verdict, verification)
        break
      case 'unavailable':
        this.#concludeUnavailable(verification)
        break
      case 'defect':
        this.#denials.denySuspected()
        this.#evidence.defect()
        this.#context.options.observe?.defect?.(this.authority.id, verdict.error)
        break
      case 'nothing-new':
        break
    }
    if (this.#denials.open) return
    this.#tenures.release()
    if (this.#suspensions.denied && verification.demand.purpose === 'judge') this.#schedule.planProbe()
    this.#scheduleNext(verdict.kind)
    if (this.#tenures.valid) this.#tenures.extended()
    else if (verdict.kind !== 'verified' && verdict.kind !== 'nothing-new') {
      this.#tenures.end(undefined, this.#schedule.refusal(this.#suspensions.whole))
    }
  }

  #concludeVerified(proof: AccessProof, verification: Verification): void {
    if (this.#denials.open) {
      this.#concludeJudged(proof, verification)
      return
    }
    const { purpose, askedAtMs } = verification.demand
    if (purpose === 'renew' && proof.adopted !== true) {
      this.#margin.answered(this.#context.options.clock.now() - askedAtMs)
    }
    if (proof.startedAtMs <= this.#evidence.deniedAtMs) return
    if (purpose === 'judge') this.#cutter.reopen(this.#suspensions.lift(proof, []))
    this.#concludeProof(proof)
  }

  #concludeDenied({ proof, whole }: Verdict & { kind: 'denied' }, verification: Verification): void {
    if (proof === undefined) {
      this.#denials.denyWhole(whole!)
    } else if (verification.demand.purpose === 'judge') {
      this.#concludeJudged(proof, verification)
    } else {
      const { denied, keyId } = firstDenied(proof)!
      if (this.#denials.mayConcernPart(denied, keyId, this.authority)) this.#suspect(denied, keyId)
      else this.#denials.denyWhole(wholeJudgement(denied, keyId))
    }
  }

  #concludeJudged(proof: AccessProof, verification: Verification): void {
    const judged = this.#denials.judged(proof)
    if (judged === 'unjudged') this.#concludeUnavailable(verification)
    else this.#concludeProof(judged)
  }

  /** Serves what is proven and not suspended. */
  #concludeProof(proof: AccessProof | undefined): void {
    if (proof === undefined || proof.startedAtMs <= this.#evidence.provenAtMs) return
    const { startedAtMs, verdicts, speaksForAll, adopted } = proof
    const proven = new Set(verdicts.flatMap(({ keyId, failure }) => (failure === undefined ? keyId : [])))
    this.#carryProof(startedAtMs, (keyId) => speaksForAll || proven.has(keyId), adopted === true)
  }

  #carryProof(startedAtMs: number, isProven: (keyId: string) => boolean, adopted: boolean): void {
    const { options, times } = this.#context
    this.#evidence.proven(startedAtMs, adopted)
    this.#schedule.resetOutagePauses()
    options.keys.proven(this.authority.id, startedAtMs, isProven)
    if (this.#suspensions.whole === undefined) this.#tenures.carry(startedAtMs + times.revocationBoundMs)
  }

  #concludeUnavailable({ startedAtMs }: Verification): void {
    this.#margin.unanswered()
    if (this.#denials.open) {
      // Something was denied, and nobody says that the rest is not.
      if (startedAtMs >= this.#evidence.deniedAtMs) this.#denials.unjudged()
      return
    }
    if (startedAtMs <= this.#evidence.provenAtMs) return
    const untilMs = this.#evidence.unanswered(startedAtMs)
    if (untilMs === undefined || this.#suspensions.whole !== undefined) return
    if (untilMs > this.#tenures.provenUntilMs) this.#tenures.carry(untilMs)
  }

  #suspect(denied: KeyAccessDenied, keyId: string): void {
    this.#denials.suspect(denied, keyId)
    if (this.#verifying === undefined) void this.#startVerification()
  }

  #scheduleNext(verdict: Verdict['kind']): void {
    if (this.#suspensions.whole !== undefined || !this.#isActive()) {
      if (this.#suspensions.denied) this.#schedule.probe()
      else this.#schedule.rest()
    } else if (verdict === 'verified' || (verdict === 'denied' && this.#tenures.valid)) {
      this.#scheduleRenewal()
    } else {
      const awaited =
        verdict === 'nothing-new' ||
        (this.#firstAskedAtMs !== undefined && this.#mayWait(this.#context.options.clock.now()))
      this.#schedule.retry(awaited ? 'awaited' : this.#tenures.valid ? 'serving' : 'refusing')
    }
  }

  #scheduleRenewal(): void {
    const { provenAtMs, adopted } = this.#evidence
    this.#schedule.renewal(provenAtMs, adopted, this.#suspensions.denied)
  }

  #isActive(): boolean {
    const now = this.#context.options.clock.now()
    return this.#tenures.transfers > 0 || now - this.#lastAskedAtMs < this.#context.times.idleAfterMs
  }
}
