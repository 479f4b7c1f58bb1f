import type { AccessContext } from './access-context.ts'
import type { AuthoritySuspensions } from './authority-suspensions.ts'
import type { Denials } from './denials.ts'
import type { Evidence } from './evidence.ts'
import type { ProofDemand } from './proof.ts'
import type { Schedule } from './schedule.ts'

/** Parts of one authority's state that say what its next verification is to prove. */
export interface DemandParts {
  readonly context: AccessContext
  readonly suspensions: AuthoritySuspensions
  readonly schedule: Schedule
  readonly evidence: Evidence
  readonly denials: Denials
}

/** What the verification that is due is to prove; when `asked` for, everything, and nobody else's may stand in for it. */
export function demandOf(
  reason: 'due' | 'asked',
  authorityId: string,
  { context, suspensions, schedule, evidence, denials }: DemandParts,
): Omit<ProofDemand, 'begun'> {
  const { options, times } = context
  const urgent = reason === 'asked' || denials.open
  const { deniedWhole, denied, deniedKeys } = suspensions
  const judging = urgent || deniedWhole || (denied && schedule.probeDue)
  return {
    purpose: judging ? 'judge' : 'renew',
    shareable: !urgent && (deniedWhole || !judging),
    askedAtMs: options.clock.now(),
    newerThanMs: Math.max(evidence.provenAtMs, evidence.deniedAtMs),
    inUse: options.keys.inUse(authorityId, times.idleAfterMs),
    denied: deniedKeys,
  }
}
