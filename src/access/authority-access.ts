import { PortcullisError } from '../errors.ts'
import type { Timer } from '../keyring/clock.ts'
import { timestamp } from '../keyring/clock.ts'
import type { KeyAccessDenied } from '../keyring/key-service.ts'
import type { Suspension } from '../registry/suspension.ts'
import type { KeyAuthority } from '../tenant/tenant.ts'
import type { AccessContext } from './access-context.ts'
import { AuthoritySuspensions } from './authority-suspensions.ts'
import type { Lease } from './lease.ts'
import { Pause } from './pause.ts'
import { TenantSuspended } from './tenant-suspended.ts'
import { Tenure } from './tenure.ts'
import type { Verdict } from './verdict.ts'
import type { Verification } from './verification.ts'
import { runVerification } from './verification.ts'

/** Where an authority stands. `grace`: served without a fresh verdict, since the key service gives none. */
export type AccessState = 'unverified' | 'valid' | 'grace' | 'unavailable' | 'suspended'

const NEVER = Number.NEGATIVE_INFINITY
const RETRY_AFTER_SECONDS_MAX = 30
/** After one denied key has unwrapped and another is still to be tried. */
const NEXT_KEY_PAUSE_MS = 20

/**
 * The state machine of one authority. A tenure becomes servable in `#concludeVerified` and stays so in
 * `#concludeUnavailable`; nowhere else.
 */
export class AuthorityAccess {
  authority: KeyAuthority
  readonly #context: AccessContext
  readonly #suspensions: AuthoritySuspensions
  #tenure: Tenure
  /** Start of the newest successful verification. */
  #provenAtMs = NEVER
  #provenAtWallMs: number | undefined
  /** When a denial was last learnt: a verification that started before says nothing about access since. */
  #deniedAtMs = NEVER
  /** False from a denial or a defect to the next success: only a success earns the outage grace. */
  #graceEarned = false
  #outage: 'none' | 'running' | 'grace-ended' | 'defect' = 'none'
  /** When a request last asked, allowed or not. */
  #lastAskedAtMs = NEVER
  #verifying: Promise<void> | undefined
  #timer: Timer | undefined
  /** When the next verification is due; until then requests during an outage are refused without asking. */
  #dueAtMs = 0
  readonly #probePause: Pause
  readonly #outagePause: Pause
  #closed = false

  constructor(authority: KeyAuthority, context: AccessContext, open: readonly Suspension[]) {
    const { times, random } = context
    this.authority = authority
    this.#context = context
    this.#probePause = new Pause(times.probeIntervalMsMin, times.probeIntervalMsMax, random)
    this.#outagePause = new Pause(times.retryPauseMs, times.revocationBoundMs, random)
    this.#suspensions = new AuthoritySuspensions(authority.id, context, open)
    this.#tenure = this.#newTenure()
    if (this.#suspensions.current !== undefined) {
      context.options.keys.wipeAuthority(authority.id, () => this.#refusal())
      if (this.#suspensions.denied) this.#schedule(this.#probePause.next() * random())
    }
  }

  /** The lease at once while it is valid, a promise while a verification must be awaited; throws the refusal. */
  admit(): Lease | Promise<Lease> {
    const now = this.#context.options.clock.now()
    this.#lastAskedAtMs = now
    const tenure = this.#tenure
    if (now < tenure.servableUntilMs) {
      tenure.lastAllowedAtMs = now
      if (this.#timer === undefined && this.#verifying === undefined) this.#scheduleRenewal(now)
      return tenure
    }
    if (this.#suspensions.current !== undefined) throw this.#refusal()
    if (this.#verifying === undefined && this.#outage !== 'none' && now < this.#dueAtMs) throw this.#refusal()
    return this.#awaitLease()
  }

  get state(): AccessState {
    if (this.#suspensions.current !== undefined) return 'suspended'
    if (this.#tenure.valid) return this.#outage === 'none' ? 'valid' : 'grace'
    return this.#outage === 'none' ? 'unverified' : 'unavailable'
  }

  get suspension(): Suspension | undefined {
    return this.#suspensions.current
  }

  /** RFC 3339; start of the newest verification of this process that succeeded. */
  get verifiedAt(): string | undefined {
    return this.#provenAtWallMs === undefined ? undefined : timestamp(this.#provenAtWallMs)
  }

  /** Age in milliseconds of the proof that the lease rests on. */
  get leaseAgeMs(): number | undefined {
    return this.#provenAtMs === NEVER ? undefined : this.#context.options.clock.now() - this.#provenAtMs
  }

  get transfers(): number {
    return this.#tenure.transfers
  }

  /** A verification that starts now, or as soon as the running one has ended. Never rejects. */
  async verify(): Promise<void> {
    if (this.#verifying !== undefined) await this.#verifying
    await this.#startVerification()
  }

  /** Takes in a denial, from a verification or a key look-up, and returns the refusal for whoever met it. */
  deny(denied: KeyAccessDenied, keyId: string | undefined): PortcullisError {
    this.#deniedAtMs = this.#context.options.clock.now()
    this.#graceEarned = false
    if (this.#suspensions.deny(denied, keyId)) {
      this.#probePause.reset()
      this.#cut('denial')
      this.#schedule(this.#probePause.next())
    }
    return this.#refusal()
  }

  /** Places the operator's suspension; one that stands already stays as it is. */
  suspendByOperator(by: string): Suspension {
    if (this.#suspensions.placeByOperator(by)) this.#cut('operator')
    return this.#suspensions.current!
  }

  /** Lifts the operator's suspension; service resumes after a verification. False when there was none. */
  liftByOperator(by: string): boolean {
    const lifted = this.#suspensions.liftByOperator(by)
    if (lifted) this.#reopen()
    return lifted
  }

  /** Ends the lease and all timers. */
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#timer = undefined
    this.#tenure.end(new PortcullisError('draining', 'the gateway is shutting down'))
  }

  async #awaitLease(): Promise<Lease> {
    await (this.#verifying ?? this.#startVerification())
    // A proof can be over when its answer comes: the process slept in between. Then a new one is worth waiting for.
    if (!this.#tenure.valid && this.#suspensions.current === undefined && this.#outage === 'none') {
      await (this.#verifying ?? this.#startVerification())
    }
    this.#tenure.assertValid()
    return this.#tenure
  }

  #startVerification(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#verifying ??= runVerification(
      this.authority,
      this.#suspensions.keyToProve,
      this.#context,
      this.#report,
    ).finally(() => {
      this.#verifying = undefined
    })
    return this.#verifying
  }

  readonly #report = (verdict: Verdict, verification: Verification): void => {
    if (this.#closed) return
    switch (verdict.kind) {
      case 'verified':
        this.#concludeVerified(verification)
        break
      case 'denied':
        this.deny(verdict.denied, verification.keyId)
        break
      case 'unavailable':
        this.#concludeUnavailable(verification)
        break
      case 'defect':
        this.#graceEarned = false
        this.#enterOutage('defect')
        this.#context.options.observe?.defect?.(this.authority.id, verdict.error)
        break
    }
    this.#scheduleNext(verdict.kind)
    if (this.#tenure.valid) this.#tenure.extended()
    else if (verdict.kind !== 'verified') this.#endTenure()
  }

  #concludeVerified(verification: Verification): void {
    const { startedAtMs, startedAtWallMs, keyId } = verification
    if (startedAtMs <= this.#deniedAtMs || startedAtMs <= this.#provenAtMs) return
    if (this.#suspensions.denied) {
      if (!this.#suspensions.proven(keyId)) return
      this.#reopen()
    }
    this.#provenAtMs = startedAtMs
    this.#provenAtWallMs = startedAtWallMs
    this.#graceEarned = true
    this.#outagePause.reset()
    if (this.#outage !== 'none') {
      this.#outage = 'none'
      this.#recordAccess('access.verified')
    }
    if (this.#suspensions.current === undefined) {
      this.#tenure.servableUntilMs = startedAtMs + this.#context.times.revocationBoundMs
    }
  }

  /** Carries the lease on from the START of the unanswered verification, never beyond the grace. */
  #concludeUnavailable({ startedAtMs }: Verification): void {
    if (startedAtMs <= this.#provenAtMs) return
    const { options, times } = this.#context
    const graceEndsAtMs = this.#provenAtMs + times.outageGraceMs
    if (this.#graceEarned && this.#suspensions.current === undefined) {
      const untilMs = Math.min(startedAtMs + times.revocationBoundMs, graceEndsAtMs)
      if (untilMs > this.#tenure.servableUntilMs) this.#tenure.servableUntilMs = untilMs
    }
    const inGrace = this.#graceEarned && options.clock.now() < graceEndsAtMs
    this.#enterOutage(inGrace || this.#provenAtMs === NEVER ? 'running' : 'grace-ended')
  }

  /** Takes everything away at once: the lease, the keys, the transfers. Only then come records. */
  #cut(kind: 'denial' | 'operator'): void {
    const { clock, keys, observe } = this.#context.options
    const { lastAllowedAtMs } = this.#tenure
    const transfersCut = this.#endTenure()
    keys.wipeAuthority(this.authority.id, () => this.#refusal())
    const allowed = lastAllowedAtMs !== NEVER
    const lastAllowedAgeMs = allowed ? clock.now() - lastAllowedAtMs : 0
    const lastAllowedAt = allowed ? timestamp(clock.wallTimeMs() - lastAllowedAgeMs) : undefined
    const { reason } = this.#suspensions.started(kind, { transfersCut, lastAllowedAt })
    observe?.suspended?.(this.authority.id, reason, transfersCut, lastAllowedAgeMs)
  }

  #endTenure(): number {
    const ended = this.#tenure
    this.#tenure = this.#newTenure()
    return ended.end(this.#refusal())
  }

  #newTenure(): Tenure {
    return new Tenure(this.#context.options.clock, {
      refusal: () => this.#refusal(),
      lapsed: () => void this.#startVerification(),
    })
  }

  #reopen(): void {
    if (this.#suspensions.current === undefined) {
      this.#context.options.keys.reopenAuthority(this.authority.id)
    }
  }

  #enterOutage(outage: 'running' | 'grace-ended' | 'defect'): void {
    if (this.#outage === outage) return
    this.#outage = outage
    this.#recordAccess(
      (
        {
          running: 'access.unavailable',
          'grace-ended': 'access.grace-ended',
          defect: 'access.defect',
        } as const
      )[outage],
    )
  }

  #recordAccess(
    type: 'access.verified' | 'access.unavailable' | 'access.grace-ended' | 'access.defect',
  ): void {
    const { audit, clock } = this.#context.options
    audit.record({ type, at: timestamp(clock.wallTimeMs()), authority: this.authority.id })
  }

  #scheduleNext(verdict: Verdict['kind']): void {
    const { options, times, random } = this.#context
    const now = options.clock.now()
    if (this.#suspensions.denied) {
      this.#schedule(verdict === 'verified' ? NEXT_KEY_PAUSE_MS : this.#probePause.next())
    } else if (this.#suspensions.byOperator || !this.#isActive(now)) {
      this.#dueAtMs = now + times.retryPauseMs
    } else if (verdict === 'verified') {
      this.#scheduleRenewal(now)
    } else {
      const servable = now < this.#tenure.servableUntilMs
      this.#schedule(servable ? times.retryPauseMs * (1 - 0.5 * random()) : this.#outagePause.next())
    }
  }

  #scheduleRenewal(nowMs: number): void {
    const { times, random } = this.#context
    const dueAtMs = this.#provenAtMs + times.renewAfterMs * (1 - 0.1 * random())
    this.#schedule(Math.max(0, dueAtMs - nowMs))
  }

  #schedule(delayMs: number): void {
    if (this.#closed) return
    const { clock } = this.#context.options
    this.#timer?.cancel()
    this.#dueAtMs = clock.now() + delayMs
    this.#timer = clock.setTimer(() => {
      this.#timer = undefined
      if (this.#suspensions.denied || this.#isActive(clock.now())) void this.#startVerification()
    }, delayMs)
  }

  #isActive(nowMs: number): boolean {
    return this.#tenure.transfers > 0 || nowMs - this.#lastAskedAtMs < this.#context.times.idleAfterMs
  }

  #refusal(): PortcullisError {
    const { clock } = this.#context.options
    const dueSeconds = (this.#dueAtMs - clock.now()) / 1000
    const suspension = this.#suspensions.current
    if (suspension !== undefined) {
      const verificationSeconds = this.#context.times.verificationTimeoutMs / 1000
      const seconds = this.#suspensions.byOperator
        ? RETRY_AFTER_SECONDS_MAX
        : dueSeconds + verificationSeconds
      return new TenantSuspended(suspension, retryAfter(seconds))
    }
    return new PortcullisError(
      'key-service-unavailable',
      'access to the encryption key cannot be verified now',
      {
        retryAfterSeconds: retryAfter(dueSeconds),
      },
    )
  }
}

function retryAfter(seconds: number): number {
  return Math.min(RETRY_AFTER_SECONDS_MAX, Math.max(1, Math.ceil(seconds)))
}
