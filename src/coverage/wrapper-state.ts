import type { FieldRule } from './field-rule.ts'
import { MemberTable } from './member-table.ts'
import { CLEAR_STATE, sealState } from './path-automaton.ts'
import type { PathStep } from './path-pattern.ts'
import type { PathState } from './path-state.ts'

/** Members beside a list in an answer that page through it. */
export const PAGING_MEMBERS: readonly string[] = [
  'startAt',
  'maxResults',
  'total',
  'totalCount',
  'isLast',
  'isLastPage',
  'next',
  'nextPage',
  'previousPage',
  'nextPageToken',
  'limit',
  'cursor',
  'start',
  'size',
  'offset',
  'self',
  'expand',
  '_links',
]

/**
 * A document that holds entities at one place, such as the list `{"issues":[…],"total":3}` at `issues[]`.
 * Along `steps` containers stay open; at their end `entity` takes over. In the document's root the members named
 * in `clear` pass; everything else is sealed under `fallback`.
 */
export function wrapState(
  steps: readonly PathStep[],
  entity: PathState,
  clear: readonly string[],
  fallback: FieldRule,
): PathState {
  const sealed = sealState(fallback)
  let state = entity
  for (const [index, step] of [...steps.entries()].toReversed()) {
    const members = new MemberTable<PathState>()
    const named = step.kind === 'name' ? step.name : undefined
    if (index === 0 && step.kind === 'name') {
      for (const name of new Set(clear)) {
        if (name !== named) members.add(Buffer.from(name), CLEAR_STATE)
      }
    }
    if (named !== undefined) members.add(Buffer.from(named), state)
    const inner = state
    state = {
      action: 'descend',
      rule: fallback,
      member: (bytes, start, end) =>
        members.find(bytes, start, end) ?? (step.kind === 'glob' ? inner : sealed),
      element: step.kind === 'element' ? inner : sealed,
    }
  }
  return state
}
