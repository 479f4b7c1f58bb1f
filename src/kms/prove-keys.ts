import type { KeyProof, KeyToProve } from '../keyring/key-service.ts'
import { KeyAccessDenied, KeyServiceDefect, KeyServiceUnavailable } from '../keyring/key-service.ts'

/** Unwraps that one proof has under way at a time. */
const PARALLEL_MAX = 32

/** Unwraps key `index` in a region and forgets it; false when the key has no copy there. Rejects as a key service does. */
type Unwrap = (index: number, region: string) => Promise<boolean>

/**
 * Proves each key in the regions that the plan has for it. A region that gives no verdict is replaced by the others,
 * a denial never is. Ends at once when a denial concerns everything or, on demand, at any denial.
 */
export async function proveKeys(
  keys: readonly KeyToProve[],
  plan: readonly (readonly string[])[],
  untilDenied: boolean,
  unwrap: Unwrap,
): Promise<KeyProof[]> {
  const regions = [...new Set(plan.flat())]
  const failures = new Map<number, KeyProof['failure']>()
  let next = 0
  let end: (denied: KeyAccessDenied) => void = () => undefined
  const ended = new Promise<KeyAccessDenied>((resolve) => {
    end = resolve
  })
  const work = async (): Promise<undefined> => {
    while (next < keys.length) {
      const index = next++
      const failure = await proveKey(index, plan[index]!, regions, unwrap)
      failures.set(index, failure)
      if (!(failure instanceof KeyAccessDenied) || !(untilDenied || failure.concernsEverything)) continue
      next = keys.length
      end(failure)
    }
    return undefined
  }
  const all = Promise.all(Array.from({ length: Math.min(PARALLEL_MAX, keys.length) }, work))
  const denied = await Promise.race([ended, all.then(() => undefined)])
  const rest =
    denied?.concernsEverything === true
      ? denied
      : new KeyServiceUnavailable('the proof ended before this key')
  return keys.map(({ keyId }, index) => ({
    keyId,
    failure: failures.has(index) ? failures.get(index) : rest,
  }))
}

/** Asks the planned regions at once; where none of them unwraps or denies, the others in turn. */
async function proveKey(
  index: number,
  planned: readonly string[],
  regions: readonly string[],
  unwrap: Unwrap,
): Promise<KeyProof['failure']> {
  const failures = await untilDenial(planned.map((region) => failureIn(index, region, unwrap)))
  if (failures instanceof KeyAccessDenied) return failures
  const defect = failures.find((failure) => failure instanceof KeyServiceDefect)
  if (defect !== undefined) return defect
  if (failures.includes(undefined)) return undefined
  let failure = failures[0]
  for (const region of regions) {
    if (planned.includes(region)) continue
    failure = await failureIn(index, region, unwrap)
    if (!(failure instanceof KeyServiceUnavailable)) return failure
  }
  return failure
}

/** All of them, or the first denial without waiting for the rest. */
async function untilDenial(
  work: readonly Promise<KeyProof['failure']>[],
): Promise<KeyProof['failure'][] | KeyAccessDenied> {
  try {
    return await Promise.all(
      work.map(async (one) => {
        const failure = await one
        if (failure instanceof KeyAccessDenied) throw failure
        return failure
      }),
    )
  } catch (thrown) {
    if (thrown instanceof KeyAccessDenied) return thrown
    throw thrown
  }
}

async function failureIn(index: number, region: string, unwrap: Unwrap): Promise<KeyProof['failure']> {
  try {
    return (await unwrap(index, region))
      ? undefined
      : new KeyServiceUnavailable(`the key has no copy in ${region}`)
  } catch (thrown) {
    if (
      thrown instanceof KeyAccessDenied ||
      thrown instanceof KeyServiceUnavailable ||
      thrown instanceof KeyServiceDefect
    ) {
      return thrown
    }
    throw thrown
  }
}
