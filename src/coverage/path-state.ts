import type { FieldRule } from './field-rule.ts'

/**
 * One position in a JSON document as a compiled coverage sees it. Immutable and shared between documents.
 *
 * - `clear`: nothing here or below is covered; skip the value.
 * - `seal`: the whole value, of whatever type, is one covered value under `rule`.
 * - `descend`: enter objects and arrays; a scalar is sealed under `rule` if there is one, else clear.
 */
export interface PathState {
  readonly action: 'clear' | 'seal' | 'descend'
  readonly rule: FieldRule | undefined
  /** State of the member whose unescaped UTF-8 name is `bytes[start, end)`. */
  member(bytes: Uint8Array, start: number, end: number): PathState
  /** State of every element, when the value is an array. */
  readonly element: PathState
}
