import { existsSync, readFileSync } from 'node:fs'
import type { TestContext } from 'vitest'

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
function wycheproof(file: string): readonly WycheproofGroup[] | undefined {
  const url = new URL(`../../../shared/data/wycheproof/${file}`, import.meta.url)
  if (!existsSync(url)) return undefined
  return (JSON.parse(readFileSync(url, 'utf8')) as { testGroups: WycheproofGroup[] }).testGroups
}

const ABSENT = 'skipped: ../shared/data/wycheproof is not on this machine'

/** Ends the test that it is called in, as skipped, when the file is not there. */
export function wycheproofOrSkip(file: string, context: TestContext): readonly WycheproofGroup[] {
  return wycheproof(file) ?? context.skip(ABSENT)
}

/** The bytes of a hexadecimal member of a case. */
export function hexOf(vector: WycheproofCase, name: string): Buffer {
  return Buffer.from(vector[name] as string, 'hex')
}
