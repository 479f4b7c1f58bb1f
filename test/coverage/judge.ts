import type { FieldRule } from '../../src/coverage/field-rule.ts'
import type { PathState } from '../../src/coverage/path-state.ts'

/** A value that a coverage decided about: a member name or `[]` per level. */
export interface Verdict {
  readonly path: readonly string[]
  readonly value: unknown
  /** Undefined where the value passes readable. */
  readonly rule: FieldRule | undefined
}

/** Walks a parsed document the way a transform does; one verdict per value that is sealed or passed. */
export function judge(state: PathState, value: unknown, path: readonly string[] = []): Verdict[] {
  if (state.action === 'clear') return [{ path, value, rule: undefined }]
  if (state.action === 'seal') return [{ path, value, rule: state.rule }]
  if (Array.isArray(value)) return value.flatMap((element) => judge(state.element, element, [...path, '[]']))
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([name, member]) =>
      judge(memberOf(state, name), member, [...path, name]),
    )
  }
  return [{ path, value, rule: state.rule }]
}

/** The state of a member by its name. */
export function memberOf(state: PathState, name: string): PathState {
  // inside a larger buffer, as names are met in a document
  const bytes = Buffer.from(`"${name}"`)
  return state.member(bytes, 1, bytes.byteLength - 1)
}

/** Paths of the sealed values, dotted, with their data class: `fields.summary: issue`. */
export function sealedPaths(state: PathState, value: unknown): string[] {
  const sealed = judge(state, value).filter(({ rule }) => rule !== undefined)
  return [...new Set(sealed.map(({ path, rule }) => `${dotted(path)}: ${rule!.dataClass}`))]
}

/** Paths of the values that pass readable, dotted. */
export function clearPaths(state: PathState, value: unknown): string[] {
  const clear = judge(state, value).filter(({ rule }) => rule === undefined)
  return [...new Set(clear.map(({ path }) => dotted(path)))]
}

/** `a.b[].c` */
export function dotted(path: readonly string[]): string {
  return path.join('.').replaceAll('.[]', '[]')
}

/** Every scalar, empty object and empty array of a document. */
export function leaves(
  value: unknown,
  path: readonly string[] = [],
): { path: readonly string[]; value: unknown }[] {
  if (typeof value !== 'object' || value === null) return [{ path, value }]
  const children = Array.isArray(value)
    ? value.map((element) => ['[]', element] as const)
    : Object.entries(value).map(([name, member]) => [name, member] as const)
  return children.flatMap(([name, child]) => leaves(child, [...path, name]))
}
