import type { ProofManner } from '../keyring/key-service.ts'

/**
 * Which regions are asked to unwrap each of `keys` keys: `result[key]`. With `alternating` each region is asked for some key in every proof, and the same key
 * meets another region at the next turn; with fewer keys than regions a key is asked for in several.
 */
export function planProof(
  keys: number,
  regions: readonly string[],
  { regions: manner, turn }: Pick<ProofManner, 'regions' | 'turn'>,
): readonly (readonly string[])[] {
  return Array.from({ length: keys }, (_, key) => {
    if (manner === 'every-region') return regions
    return regions.filter((_region, index) => {
      const offset = (index + turn) % regions.length
      return keys >= regions.length ? key % regions.length === offset : offset % keys === key
    })
  })
}
