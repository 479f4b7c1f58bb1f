import { KeyAccessDenied } from '../keyring/key-service.ts'
import type { SuspensionScope } from '../registry/suspension.ts'
import type { AccessProof, KeyVerdict } from './proof.ts'
import { appScope, dataClassScope } from './scope.ts'

/** A denial and how far it reaches. */
export interface Judgement {
  readonly scope: SuspensionScope
  readonly denied: KeyAccessDenied
  /** The key that was denied; undefined when the role was. */
  readonly keyId: string | undefined
}

/**
 * What a proof says is denied: the whole organization when no key unwrapped, an app when none of its keys did, else
 * single kinds of content. Once something is denied, keys without a verdict share its fate.
 */
export function judge({ verdicts, speaksForAll }: AccessProof): Judgement[] {
  const first = verdicts.find(({ failure }) => failure instanceof KeyAccessDenied)
  if (first === undefined) return []
  const whole = verdicts.find(({ failure }) => deniesEverything(failure)) ?? first
  if (
    speaksForAll ||
    deniesEverything(whole.failure) ||
    verdicts.every(({ failure }) => failure !== undefined)
  ) {
    return [judgementOf('organization', [whole], first)]
  }
  const judgements: Judgement[] = []
  for (const ofApp of groups(verdicts, appScope)) {
    const kinds = groups(ofApp.keys, dataClassScope)
    const denied = kinds.filter(({ keys }) => keys.some(({ failure }) => failure !== undefined))
    if (denied.length === kinds.length) {
      judgements.push(judgementOf(ofApp.scope, ofApp.keys, first))
    } else {
      for (const { scope, keys } of denied) judgements.push(judgementOf(scope, keys, first))
    }
  }
  return judgements
}

/** The first denied key of a proof. */
export function firstDenied({
  verdicts,
}: AccessProof): { denied: KeyAccessDenied; keyId: string } | undefined {
  for (const { failure, keyId } of verdicts) {
    if (failure instanceof KeyAccessDenied) return { denied: failure, keyId }
  }
  return undefined
}

/** A proof in which keys denied before it count as denied although it found them allowed. */
export function withDenials(proof: AccessProof, denials: ReadonlyMap<string, KeyAccessDenied>): AccessProof {
  if (denials.size === 0) return proof
  const verdicts = proof.verdicts.map((verdict) => ({
    ...verdict,
    failure: verdict.failure ?? denials.get(verdict.keyId),
  }))
  return { ...proof, verdicts }
}

/** The judgement about a role, or about a key whose denial concerns everything. */
export function wholeJudgement(denied: KeyAccessDenied, keyId: string | undefined): Judgement {
  return { scope: 'organization', denied, keyId }
}

function judgementOf(scope: SuspensionScope, keys: readonly KeyVerdict[], otherwise: KeyVerdict): Judgement {
  const key = keys.find(({ failure }) => failure instanceof KeyAccessDenied) ?? otherwise
  return { scope, denied: key.failure as KeyAccessDenied, keyId: key.keyId }
}

function deniesEverything(failure: KeyVerdict['failure']): boolean {
  return failure instanceof KeyAccessDenied && failure.concernsEverything
}

function groups(
  verdicts: readonly KeyVerdict[],
  scopeOf: (verdict: KeyVerdict) => SuspensionScope,
): { scope: SuspensionScope; keys: KeyVerdict[] }[] {
  const byScope = new Map<SuspensionScope, KeyVerdict[]>()
  for (const verdict of verdicts) {
    const scope = scopeOf(verdict)
    const keys = byScope.get(scope)
    if (keys === undefined) byScope.set(scope, [verdict])
    else keys.push(verdict)
  }
  return [...byScope].map(([scope, keys]) => ({ scope, keys }))
}
