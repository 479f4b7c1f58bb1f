import { parsePathPattern } from '../../../src/coverage/path-pattern.ts'
import { compilePaths } from '../../../src/coverage/path-automaton.ts'
import type { FieldRule } from '../../../src/coverage/field-rule.ts'
import type { PathState } from '../../../src/coverage/path-state.ts'

export const RANDOMIZED: FieldRule = { dataClass: 'issue', mode: 'randomized' }
export const SEARCHABLE: FieldRule = { dataClass: 'issue', mode: 'searchable' }
const OTHER_CLASS: FieldRule = { dataClass: 'comment', mode: 'randomized' }

/** Shape of an issue: identifiers and users clear, all else covered, a few fields searchable. */
export const ISSUE_STATE = state([
  'clear $',
  'open fields',
  'seal fields.*',
  'clear fields.status',
  'clear fields.project',
  'clear fields.reporter',
  'clear fields.created',
  'search fields.label',
  'seal **.body',
  'other comments[].text',
  'seal items[].title',
  'seal list[]',
  'clear fields.comment.comments[].id',
])

/** A coverage from lines such as `seal fields.summary`; the last one that names a value decides. */
export function state(lines: readonly string[]): PathState {
  const rules = lines.map((line) => {
    const [word, pattern] = line.split(' ') as [string, string]
    const outcomes = {
      clear: 'clear',
      open: 'open',
      seal: RANDOMIZED,
      search: SEARCHABLE,
      other: OTHER_CLASS,
    } as const
    return { steps: parsePathPattern(pattern), outcome: outcomes[word as keyof typeof outcomes] }
  })
  return compilePaths(rules, RANDOMIZED)
}
