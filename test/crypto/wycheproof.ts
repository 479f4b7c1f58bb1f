import { existsSync, readFileSync } from 'node:fs'

export interface WycheproofCase {
  readonly tcId: number
  readonly comment: string
  readonly result: 'valid' | 'invalid' | 'acceptable'
  readonly [hex: string]: string | number | readonly string[]
}
export interface WycheproofGroup {
  readonly keySize: number
  readonly ivSize?: number
  readonly tagSize?: number
  readonly tests: readonly WycheproofCase[]
}

/** Groups of a Wycheproof file of the data beside the checkout, or undefined where there is none. */
export function wycheproof(file: string): readonly WycheproofGroup[] | undefined {
  const url = new URL(`../../../shared/data/wycheproof/${file}`, import.meta.url)
  if (!existsSync(url)) return undefined
  return (JSON.parse(readFileSync(url, 'utf8')) as { testGroups: WycheproofGroup[] }).testGroups
}

export const ABSENT = 'skipped: ../shared/data/wycheproof is not on this machine'

/** The bytes of a hexadecimal member of a case. */
export function hexOf(vector: WycheproofCase, name: string): Buffer {
  return Buffer.from(vector[name] as string, 'hex')
}
