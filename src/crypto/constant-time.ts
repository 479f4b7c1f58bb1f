import { timingSafeEqual } from 'node:crypto'

/** Compares secrets without telling by time where they differ. Different lengths are unequal. */
export function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
