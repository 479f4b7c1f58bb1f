import type { KeyAuthority } from '../tenant/tenant.ts'

/** The regions of an authority, beginning with one that is always the same for it, and another for other authorities. */
export function regionsInTurn({ id, keys }: Pick<KeyAuthority, 'id' | 'keys'>): string[] {
  const regions = keys.map(({ region }) => region)
  let sum = 0
  for (let index = 0; index < id.length; index += 1) sum = (31 * sum + id.charCodeAt(index)) >>> 0
  const first = sum % Math.max(1, regions.length)
  return [...regions.slice(first), ...regions.slice(0, first)]
}
