import { KeyAccessDenied, KeyServiceUnavailable } from '../keyring/key-service.ts'
import { PortcullisError } from '../errors.ts'
import type { Judgement } from './judgement.ts'
import { wholeJudgement } from './judgement.ts'
import type { AccessProof } from './proof.ts'
import { NothingNew } from './proof.ts'

/** What one verification found out. */
export type Verdict =
  | { readonly kind: 'verified'; readonly proof: AccessProof }
  | {
      readonly kind: 'denied'
      readonly proof: AccessProof | undefined
      readonly whole: Judgement | undefined
    }
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'defect'; readonly error: unknown }
  | { readonly kind: 'nothing-new' }

/** The verdict in a proof: verified when some key unwrapped and none was denied. */
export function verdictOfProof(proof: AccessProof): Verdict {
  const failures = proof.verdicts.map(({ failure }) => failure)
  if (failures.some((failure) => failure instanceof KeyAccessDenied)) {
    return { kind: 'denied', proof, whole: undefined }
  }
  if (failures.includes(undefined)) return { kind: 'verified', proof }
  const defect = failures.find((failure) => !(failure instanceof KeyServiceUnavailable))
  return defect === undefined ? { kind: 'unavailable' } : { kind: 'defect', error: defect }
}

/** The verdict in what a verification rejected with. */
export function verdictOfFailure(thrown: unknown): Verdict {
  if (thrown instanceof KeyAccessDenied) {
    return { kind: 'denied', proof: undefined, whole: wholeJudgement(thrown, undefined) }
  }
  if (thrown instanceof NothingNew) return { kind: 'nothing-new' }
  if (thrown instanceof KeyServiceUnavailable) return { kind: 'unavailable' }
  if (thrown instanceof PortcullisError && thrown.code === 'key-service-unavailable')
    return { kind: 'unavailable' }
  return { kind: 'defect', error: thrown }
}
