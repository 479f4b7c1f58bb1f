import type { KeyAuthority } from '../tenant/tenant.ts'
import type { AccessContext } from './access-context.ts'
import type { Verdict } from './verdict.ts'
import { verdictOf } from './verdict.ts'

/** One verification: when it began, on both clocks, and with which tenant key. */
export interface Verification {
  readonly startedAtMs: number
  readonly startedAtWallMs: number
  /** Undefined when the authority had no key yet. */
  readonly keyId: string | undefined
}

/**
 * Runs one proof and reports its verdict. Without an answer in time the verdict is `unavailable`; an answer that
 * comes later is still reported if it is one: it binds from the start of the verification.
 * Resolves at the first report.
 */
export function runVerification(
  authority: KeyAuthority,
  preferredKeyId: string | undefined,
  context: AccessContext,
  report: (verdict: Verdict, verification: Verification) => void,
): Promise<void> {
  const { clock, prover, observe } = context.options
  const verification = {
    startedAtMs: clock.now(),
    startedAtWallMs: clock.wallTimeMs(),
    keyId: prover.choose(authority.id, preferredKeyId),
  }
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
    prover.prove(authority, verification.keyId).then(
      () => answered({ kind: 'verified' }),
      (thrown: unknown) => answered(verdictOf(thrown)),
    )
  })
}
