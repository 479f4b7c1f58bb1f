import type { KeyAuthority } from '../tenant/tenant.ts'
import type { AccessContext } from './access-context.ts'
import type { ProofDemand } from './proof.ts'
import type { Verdict } from './verdict.ts'
import { verdictOfFailure, verdictOfProof } from './verdict.ts'

/** One verification: when the key service was asked, and what it was to prove. */
export interface Verification {
  readonly startedAtMs: number
  readonly demand: ProofDemand
}

/**
 * Runs one proof and reports its verdict. Without an answer of the key service in time the verdict is `unavailable`; an
 * answer that comes later is still reported if it is one: it binds from the start of the proof.
 * Resolves at the first report.
 */
export function runVerification(
  authority: KeyAuthority,
  asked: Omit<ProofDemand, 'begun'>,
  context: AccessContext,
  report: (verdict: Verdict, verification: Verification) => void,
): Promise<void> {
  const { options, times } = context
  const { clock, prover, observe } = options
  return new Promise((resolve) => {
    let startedAtMs: number | undefined
    let late = false
    const conclude = (verdict: Verdict): void => {
      const now = clock.now()
      if (
        verdict.kind === 'unavailable' &&
        now - (startedAtMs ?? asked.askedAtMs) >= times.revocationBoundMs
      ) {
        // A process that stood still all the while learns nothing from silence: it asks anew.
        resolve(runVerification(authority, { ...asked, askedAtMs: now }, context, report))
        return
      }
      if (verdict.kind !== 'nothing-new') {
        observe?.verification?.(authority.id, verdict.kind, now - asked.askedAtMs)
      }
      report(verdict, { startedAtMs: startedAtMs ?? asked.askedAtMs, demand })
      resolve()
    }
    const giveUp = (): void => {
      late = true
      conclude({ kind: startedAtMs === undefined ? 'nothing-new' : 'unavailable' })
    }
    let timeout = clock.setTimer(giveUp, times.verificationTimeoutMs)
    const demand: ProofDemand = {
      ...asked,
      begun: () => {
        startedAtMs = clock.now()
        timeout.cancel()
        if (!late) timeout = clock.setTimer(giveUp, times.verificationTimeoutMs)
      },
    }
    const answered = (verdict: Verdict): void => {
      timeout.cancel()
      if (!late || verdict.kind !== 'unavailable') conclude(verdict)
    }
    prover.prove(authority, demand).then(
      (proof) => answered(verdictOfProof(proof)),
      (thrown: unknown) => answered(verdictOfFailure(thrown)),
    )
  })
}
