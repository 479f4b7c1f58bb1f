import { PortcullisError } from '../errors.ts'
import type { Suspension } from '../registry/suspension.ts'
import type { AccessContext } from './access-context.ts'
import type { AgendaItem } from './agenda.ts'
import type { RenewalMargin } from './renewal-margin.ts'
import { TenantSuspended } from './tenant-suspended.ts'

const RETRY_AFTER_SECONDS_MAX = 30
/** So that a proof that proves nothing new never makes a tight loop. */
const RENEWAL_PAUSE_MS_MIN = 20
/** Share of the margin by which renewals come earlier at most, so that leases begun together part company. */
const JITTER = 0.25

/** Whom a schedule tells that a verification is due. */
export interface Verifier {
  verificationDue(): void
}

/** When an authority is verified next, and what refused callers are told of it. */
export class Schedule implements AgendaItem {
  agendaPlace: number | undefined = undefined
  readonly #context: AccessContext
  readonly #verifier: Verifier
  #dueAtMs = 0
  #probeDueAtMs = 0
  readonly #margin: RenewalMargin
  /** Pauses in a row. */
  #servingPauses = 0
  #refusingPauses = 0
  #probingPauses = 0
  #closed = false

  constructor(context: AccessContext, margin: RenewalMargin, verifier: Verifier) {
    this.#context = context
    this.#margin = margin
    this.#verifier = verifier
  }

  get pending(): boolean {
    return this.agendaPlace !== undefined
  }

  /** Until then requests during an outage are refused without asking. */
  get dueAtMs(): number {
    return this.#dueAtMs
  }

  /** True when the denied are to be asked for again. */
  get probeDue(): boolean {
    return this.#context.options.clock.now() >= this.#probeDueAtMs
  }

  /**
   * Renews a proof shortly before its end; one that another replica made (`adopted`) at its end, since that one should
   * have renewed it by then.
   */
  renewal(provenAtMs: number, adopted: boolean, probing: boolean): void {
    const { times, random, options } = this.#context
    const leadMs = options.share?.leadMs ?? 0
    const earlyMs = adopted ? 0 : leadMs + this.#margin.ms * (1 + JITTER * random())
    const renewalAtMs = provenAtMs + times.revocationBoundMs - earlyMs
    const dueAtMs = probing ? Math.min(renewalAtMs, this.#probeDueAtMs) : renewalAtMs
    this.#set(Math.max(RENEWAL_PAUSE_MS_MIN, dueAtMs - options.clock.now()))
  }

  /**
   * Verifies again after one without a verdict: soon while somebody waits for it, later each time while the lease it
   * carries serves meanwhile, later still while everybody is refused.
   */
  retry(state: 'awaited' | 'serving' | 'refusing'): void {
    const { times, random, backoff } = this.#context
    if (state === 'awaited') this.#set(times.retryPauseMs * (1 - 0.5 * random()))
    else if (state === 'serving') this.#set(backoff.serving.pauseMs(this.#servingPauses++))
    else this.#set(backoff.refusing.pauseMs(this.#refusingPauses++))
  }

  /** Plans the next probe of what is denied, later each time; `share` (0 to 1) shortens the pause. */
  planProbe(share = 1): void {
    this.#probeDueAtMs =
      this.#context.options.clock.now() + this.#context.backoff.probing.pauseMs(this.#probingPauses++) * share
  }

  /** Waits for the next probe. */
  probe(): void {
    this.#set(Math.max(0, this.#probeDueAtMs - this.#context.options.clock.now()))
  }

  due(): void {
    this.#verifier.verificationDue()
  }

  /** Resolves once the next verification is due. */
  untilDue(): Promise<void> {
    const { clock } = this.#context.options
    const delayMs = Math.max(RENEWAL_PAUSE_MS_MIN, this.#dueAtMs - clock.now())
    return new Promise((resolve) => {
      clock.setTimer(resolve, delayMs)
    })
  }

  /** Waits for nobody: the next request verifies. */
  rest(): void {
    const { times, options } = this.#context
    this.cancel()
    this.#dueAtMs = options.clock.now() + times.retryPauseMs
  }

  resetProbePause(): void {
    this.#probingPauses = 0
  }

  resetOutagePauses(): void {
    this.#servingPauses = 0
    this.#refusingPauses = 0
  }

  cancel(): void {
    this.#context.agenda.remove(this)
  }

  close(): void {
    this.#closed = true
    this.cancel()
  }

  /** The refusal under a suspension, or while access cannot be verified. */
  refusal(suspension: Suspension | undefined): PortcullisError {
    const now = this.#context.options.clock.now()
    if (suspension !== undefined) {
      const verificationMs = this.#context.times.verificationTimeoutMs
      const seconds =
        suspension.reason === 'operator'
          ? RETRY_AFTER_SECONDS_MAX
          : (this.#probeDueAtMs - now + verificationMs) / 1000
      return new TenantSuspended(suspension, retryAfter(seconds))
    }
    return new PortcullisError(
      'key-service-unavailable',
      'access to the encryption key cannot be verified now',
      { retryAfterSeconds: retryAfter((this.#dueAtMs - now) / 1000) },
    )
  }

  #set(delayMs: number): void {
    if (this.#closed) return
    this.cancel()
    this.#dueAtMs = this.#context.options.clock.now() + delayMs
    this.#context.agenda.add(this)
  }
}

function retryAfter(seconds: number): number {
  return Math.min(RETRY_AFTER_SECONDS_MAX, Math.max(1, Math.ceil(seconds)))
}
