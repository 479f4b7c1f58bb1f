import { KeyAccessDenied } from '../keyring/key-service.ts'
import type { KeyAuthority } from '../tenant/tenant.ts'
import type { AccessContext } from './access-context.ts'
import type { AuthoritySuspensions } from './authority-suspensions.ts'
import type { Cutter } from './cutter.ts'
import type { Evidence } from './evidence.ts'
import type { Judgement } from './judgement.ts'
import { judge, wholeJudgement, withDenials } from './judgement.ts'
import type { AccessProof, KeyVerdict, ProofDemand } from './proof.ts'
import type { Schedule } from './schedule.ts'
import { emptyMap, withEntry } from './sparse-map.ts'
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

/**
 * What becomes of denials: suspicions while it is open how far they reach, then suspensions; and what they demand of the
 * next verification.
 */
export class Denials {
  readonly #context: AccessContext
  readonly #suspensions: AuthoritySuspensions
  readonly #tenures: Tenures
  readonly #schedule: Schedule
  readonly #evidence: Evidence
  readonly #cutter: Cutter
  /** Keys that were denied while it is open how far that reaches; nothing is served meanwhile. */
  #suspicions = emptyMap<string, KeyAccessDenied>()
  #suspectedAtMs = 0
  #unjudged = false

  constructor(parts: DenialParts) {
    this.#context = parts.context
    this.#suspensions = parts.suspensions
    this.#tenures = parts.tenures
    this.#schedule = parts.schedule
    this.#evidence = parts.evidence
    this.#cutter = parts.cutter
  }

  /** True while it is open how far a denial reaches. */
  get open(): boolean {
    return this.#suspicions.size > 0
  }

  /** True when a denial may concern less than the whole authority. */
  mayConcernPart(denied: KeyAccessDenied, keyId: string, authority: KeyAuthority): boolean {
    if (denied.concernsEverything || authority.kind === 'vendor') return false
    if (this.#suspensions.deniedWhole) return false
    return this.#context.options.prover.placeOf(authority.id, keyId) !== undefined
  }

  /** What the verification that is due is to prove; when `asked` for, everything, and nobody else's may stand in for it. */
  demand(reason: 'due' | 'asked', authorityId: string): Omit<ProofDemand, 'begun'> {
    const { options, times } = this.#context
    const { deniedWhole, denied, deniedKeys } = this.#suspensions
    const urgent = reason === 'asked' || this.open
    const judging = urgent || deniedWhole || (denied && this.#schedule.probeDue)
    return {
      purpose: judging ? 'judge' : 'renew',
      shareable: !urgent && (deniedWhole || !judging),
      askedAtMs: options.clock.now(),
      newerThanMs: Math.max(this.#evidence.provenAtMs, this.#evidence.deniedAtMs),
      inUse: options.keys.inUse(authorityId, times.idleAfterMs),
      denied: deniedKeys,
    }
  }

  /** Suspends everything. */
  denyWhole(judgement: Judgement): void {
    this.#suspicions = emptyMap()
    this.#evidence.denied()
    this.#evidence.forfeitGrace()
    const opened = this.#suspensions.deny(judgement)
    if (opened === undefined) return
    this.#schedule.resetProbePause()
    this.#cutter.cut(opened, true)
    this.#schedule.planProbe()
    this.#schedule.probe()
  }

  /** True once for each time that nobody said how far a denial reaches: a pause before asking again is due. */
  takeUnjudged(): boolean {
    const unjudged = this.#unjudged
    this.#unjudged = false
    return unjudged
  }

  /** True while it is worth asking again how far a denial reaches, since nobody has said. */
  get #patient(): boolean {
    const { options, times } = this.#context
    return !this.open || options.clock.now() - this.#suspectedAtMs < times.judgementWaitMs
  }

  /** Serves nothing until it is known how far a denial reaches: a verification of everything must follow. */
  suspect(denied: KeyAccessDenied, keyId: string): void {
    if (!this.open) {
      this.#evidence.denied()
      this.#suspectedAtMs = this.#context.options.clock.now()
    }
    this.#suspicions = withEntry(this.#suspicions, keyId, denied)
    this.#tenures.hold()
  }

  /** A verification did not say how far a denial reaches: it is asked again for a while, then it reaches as far as it may. */
  unjudged(): void {
    if (this.#patient) this.#unjudged = true
    else this.denySuspected()
  }

  /** How far a denial reaches cannot be known: as far as it may. */
  denySuspected(): void {
    const [first] = this.#suspicions
    if (first !== undefined) this.denyWhole(wholeJudgement(first[1], first[0]))
  }

  /**
   * Opens what a thorough proof found denied and lifts what it found allowed. The proof as far as it carries the rest;
   * a suspicion that began after it stays open. `unjudged` when keys without a verdict leave open how far a denial
   * reaches: one slow answer must not suspend more than the customer has withdrawn.
   */
  judged(found: AccessProof): AccessProof | 'unjudged' | undefined {
    const fresh = found.startedAtMs >= this.#evidence.deniedAtMs
    // One that began before the suspicion says nothing about it: another follows.
    if (!fresh && this.open) return undefined
    if (fresh && this.#patient && found.verdicts.some(isUnanswered)) {
      this.#suspectDenied(found)
      return 'unjudged'
    }
    // Denied a moment ago and allowed now: policies take time to settle, and a denial stands until it is disproved.
    const proof = withDenials(found, this.#suspicions)
    const judgements = judge(proof)
    const whole = judgements.find(({ scope }) => scope === 'organization')
    this.#suspicions = emptyMap()
    if (whole !== undefined) {
      this.denyWhole(whole)
      return undefined
    }
    for (const judgement of judgements) {
      const opened = this.#suspensions.deny(judgement)
      if (opened === undefined) continue
      this.#schedule.resetProbePause()
      this.#cutter.cut(opened, true)
    }
    if (!fresh) return undefined
    this.#evidence.denied(proof.startedAtMs)
    this.#cutter.reopen(this.#suspensions.lift(proof, judgements))
    return proof
  }

  /** Suspects what was denied and is not suspended yet. */
  #suspectDenied({ verdicts }: AccessProof): void {
    for (const { failure, keyId, ...place } of verdicts) {
      if (!(failure instanceof KeyAccessDenied)) continue
      if (this.#suspensions.covering(place) === undefined) this.suspect(failure, keyId)
    }
  }
}

/** True for a key that neither unwrapped nor was denied. */
function isUnanswered({ failure }: KeyVerdict): boolean {
  return failure !== undefined && !(failure instanceof KeyAccessDenied)
}
