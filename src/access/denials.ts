import type { KeyAccessDenied } from '../keyring/key-service.ts'
import type { KeyAuthority } from '../tenant/tenant.ts'
import type { AccessContext } from './access-context.ts'
import type { AuthoritySuspensions } from './authority-suspensions.ts'
import type { Cutter } from './cutter.ts'
import type { Evidence } from './evidence.ts'
import type { Judgement } from './judgement.ts'
import { judge, wholeJudgement, withDenials } from './judgement.ts'
import type { AccessProof } from './proof.ts'
import type { Schedule } from './schedule.ts'
import type { Tenures } from './tenures.ts'

/** Parts of one authority's state that denials change. */
export interface DenialParts {
  readonly context: AccessContext
  readonly suspensions: AuthoritySuspensions
  readonly tenures: Tenures
  readonly schedule: Schedule
  readonly evidence: Evidence
  readonly cutter: Cutter
}

/** What becomes of denials: suspicions while it is open how far they reach, then suspensions. */
export class Denials {
  readonly #parts: DenialParts
  /** Keys that were denied while it is open how far that reaches; nothing is served meanwhile. */
  readonly #suspicions = new Map<string, KeyAccessDenied>()

  constructor(parts: DenialParts) {
    this.#parts = parts
  }

  /** True while it is open how far a denial reaches. */
  get open(): boolean {
    return this.#suspicions.size > 0
  }

  /** True when a denial may concern less than the whole authority. */
  mayConcernPart(denied: KeyAccessDenied, keyId: string, authority: KeyAuthority): boolean {
    const { context, suspensions } = this.#parts
    if (denied.concernsEverything || authority.kind === 'vendor') return false
    if (suspensions.deniedWhole) return false
    return context.options.prover.placeOf(authority.id, keyId) !== undefined
  }

  /** Suspends everything. */
  denyWhole(judgement: Judgement): void {
    const { suspensions, schedule, evidence, cutter } = this.#parts
    this.#suspicions.clear()
    evidence.denied()
    evidence.forfeitGrace()
    const opened = suspensions.deny(judgement)
    if (opened === undefined) return
    schedule.resetProbePause()
    cutter.cut(opened, true)
    schedule.planProbe()
    schedule.probe()
  }

  /** Serves nothing until it is known how far a denial reaches: a verification of everything must follow. */
  suspect(denied: KeyAccessDenied, keyId: string): void {
    if (!this.open) this.#parts.evidence.denied()
    this.#suspicions.set(keyId, denied)
    this.#parts.tenures.hold()
  }

  /** How far a denial reaches cannot be known: as far as it may. */
  denySuspected(): void {
    for (const [keyId, denied] of this.#suspicions) this.denyWhole(wholeJudgement(denied, keyId))
  }

  /**
   * Opens what a thorough proof found denied and lifts what it found allowed. The proof as far as it carries the rest;
   * a suspicion that began after it stays open.
   */
  judged(found: AccessProof): AccessProof | undefined {
    const { suspensions, schedule, evidence, cutter } = this.#parts
    const fresh = found.startedAtMs >= evidence.deniedAtMs
    // One that began before the suspicion says nothing about it: another follows.
    if (!fresh && this.open) return undefined
    // Denied a moment ago and allowed now: policies take time to settle, and a denial stands until it is disproved.
    const proof = withDenials(found, this.#suspicions)
    const judgements = judge(proof)
    const whole = judgements.find(({ scope }) => scope === 'organization')
    this.#suspicions.clear()
    if (whole !== undefined) {
      this.denyWhole(whole)
      return undefined
    }
    for (const judgement of judgements) {
      const opened = suspensions.deny(judgement)
      if (opened === undefined) continue
      schedule.resetProbePause()
      cutter.cut(opened, true)
    }
    if (!fresh) return undefined
    evidence.denied(proof.startedAtMs)
    cutter.reopen(suspensions.lift(proof, judgements))
    return proof
  }
}
