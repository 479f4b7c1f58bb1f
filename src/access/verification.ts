import type { KeyAuthority } from '../tenant/tenant.ts'
import type { AccessContext } from './access-context.ts'
import type { ProofDemand } from './proof.ts'
import type { Verdict } from './verdict.ts'
import { verdictOfFailure, verdictOfProof } from './verdict.ts'

/** One verification: when it was asked for, and what it was to prove. */
export interface Verification {
  readonly startedAtMs: number
  readonly demand: ProofDemand
}

/**
 * Runs one proof and reports its verdict. Without an answer in time the verdict is `unavailable`; an answer that
 * comes later is still reported if it is one: it binds from the start of the proof.
 * Resolves at the first report.
 */
export function runVerification(
  authority: KeyAuthority,
  demand: ProofDemand,
  context: AccessContext,
  report: (verdict: Verdict, verification: Verification) => void,
): Promise<void> {
  const { clock, prover, observe } = context.options
  const verification = { startedAtMs: demand.askedAtMs, demand }
  return new Promise((resolve) => {
    const conclude = (verdict: Verdict): void => {
      observe?.verification?.(authority.id, verdict.kind, clock.now() - verification.startedAtMs)
      report(verdict, verification)
      resolve()
    }
    let late = false
    const timeout = clock.setTimer(() => {
      late = true
      conclude({ kind: 'unavailable' })
    }, context.times.verificationTimeoutMs)
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
