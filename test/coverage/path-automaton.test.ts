import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fieldRule } from '../../src/coverage/entity-rules.ts'
import { compilePaths } from '../../src/coverage/path-automaton.ts'
import type { PathOutcome } from '../../src/coverage/path-automaton.ts'
import { parsePathPattern } from '../../src/coverage/path-pattern.ts'
import type { PathState } from '../../src/coverage/path-state.ts'
import { clearPaths, dotted, judge, leaves, memberOf, sealedPaths } from './judge.ts'
import { lastMatch, matches } from './naive-rules.ts'

const ISSUE = fieldRule('issue', 'randomized')
const COMMENT = fieldRule('comment', 'randomized')
const SEARCHABLE = fieldRule('issue', 'searchable')

function compile(...rules: [string, PathOutcome][]): PathState {
  return compilePaths(
    rules.map(([pattern, outcome]) => ({ steps: parsePathPattern(pattern), outcome })),
    ISSUE,
  )
}

describe('rules', () => {
  it('seal everything that no rule names, each member of the document on its own', () => {
    const state = compile()
    expect(sealedPaths(state, { a: { b: 1 }, c: null, d: [] })).toEqual(['a: issue', 'c: issue', 'd: issue'])
    expect(sealedPaths(state, [1, { a: 2 }])).toEqual(['[]: issue'])
    expect(sealedPaths(state, 'text')).toEqual([': issue'])
  })

  it('name a value and everything below it', () => {
    const state = compile(['fields.status', 'clear'])
    expect(clearPaths(state, { fields: { status: { name: 'x' }, summary: 'y' } })).toEqual(['fields.status'])
    expect(memberOf(memberOf(state, 'fields'), 'status').action).toBe('clear')
    expect(memberOf(memberOf(state, 'fields'), 'summary').action).toBe('seal')
  })

  it('descend into a covered value only as far as another rule can matter, and seal a scalar there', () => {
    const state = compile(['a.b.c', 'clear'])
    expect(memberOf(state, 'a')).toMatchObject({ action: 'descend', rule: ISSUE })
    expect(sealedPaths(state, { a: 'x' })).toEqual(['a: issue'])
    expect(sealedPaths(state, { a: [{ b: 1 }] })).toEqual(['a[]: issue'])
    expect(sealedPaths(state, { a: { b: { c: 1, d: { e: 2 } }, f: {} } })).toEqual([
      'a.b.d: issue',
      'a.f: issue',
    ])
  })

  it('let the last one win, whichever is deeper', () => {
    expect(clearPaths(compile(['a.b', 'clear'], ['a', COMMENT]), { a: { b: 1 } })).toEqual([])
    expect(clearPaths(compile(['a', COMMENT], ['a.b', 'clear']), { a: { b: 1, c: 2 } })).toEqual(['a.b'])
    const reopened = compile(['a', 'clear'], ['a.b', SEARCHABLE], ['a.b.c', 'clear'])
    expect(clearPaths(reopened, { a: { b: { c: 1, d: 2 }, e: 3 } })).toEqual(['a.b.c', 'a.e'])
  })

  it('keep data classes apart', () => {
    const state = compile(['comment', COMMENT], ['comment.id', 'clear'])
    expect(sealedPaths(state, { comment: { id: 1, body: 'x' }, summary: 'y' })).toEqual([
      'comment.body: comment',
      'summary: issue',
    ])
  })

  it('open a container without making any of it readable', () => {
    const state = compile(['update.*[]', 'open'])
    const document = { update: { labels: [{ add: { x: 1 }, set: 2 }, 'scalar'], summary: 'scalar' } }
    expect(clearPaths(state, document)).toEqual([])
    expect(sealedPaths(state, document)).toEqual([
      'update.labels[].add: issue',
      'update.labels[].set: issue',
      'update.labels[]: issue',
      'update.summary: issue',
    ])
  })

  it('match globs on whole names and any depth through objects and arrays', () => {
    const globs = compile(['customfield_*', 'clear'], ['*_x_*y', 'clear'])
    const names = ['customfield_', 'customfield_1', 'Customfield_1', 'a_x_y', '_x_y', '_x_', 'xcustomfield_1']
    const document = Object.fromEntries(names.map((name) => [name, 1]))
    expect(clearPaths(globs, document)).toEqual(['customfield_', 'customfield_1', 'a_x_y', '_x_y'])
    const deep = compile(['**.id', 'clear'])
    expect(clearPaths(deep, { id: 1, a: [[{ id: 2, b: { id: 3, c: 4 } }]] })).toEqual([
      'id',
      'a[][].id',
      'a[][].b.id',
    ])
  })

  it('treat an array element and a member called 0 as different things', () => {
    const state = compile(['list[]', 'clear'])
    expect(clearPaths(state, { list: ['x'] })).toEqual(['list[]'])
    expect(clearPaths(state, { list: { 0: 'x', '[]': 'y' } })).toEqual([])
  })
})

describe('the automaton', () => {
  const name = fc.constantFrom('a', 'b', 'ab', 'abc', '', 'c')
  const pattern = fc
    .array(
      fc.oneof(
        name.map((text) => `"${text}"`),
        fc.constantFrom('[]', '*', '**', 'a*', '*b', 'a*c'),
      ),
      {
        minLength: 1,
        maxLength: 4,
      },
    )
    .map((steps) => steps.join('.').replaceAll('.[]', '[]'))
  const outcomes = { clear: 'clear', open: 'open', encrypt: COMMENT, searchable: SEARCHABLE } as const
  const rule = fc.record({ pattern, action: fc.constantFrom('clear', 'open', 'encrypt', 'searchable') })
  const { document } = fc.letrec((tie) => ({
    document: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(1, null, 'x'),
      fc.dictionary(name, tie('document')),
      fc.array(tie('document'), { maxLength: 2 }),
    ),
  }))

  it('decides about every leaf of any document as a plain reading of the rules does', () => {
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 6 }), document, (list, value) => {
        const rules = list.map((entry) => ({ ...entry, steps: parsePathPattern(entry.pattern) }))
        const state = compilePaths(
          rules.map(({ steps, action }) => ({ steps, outcome: outcomes[action] })),
          ISSUE,
        )
        for (const verdict of judge(state, value)) {
          for (const leaf of leaves(verdict.value, verdict.path)) {
            const winner = lastMatch(rules, leaf.path)
            const expected = winner === undefined ? ISSUE : outcomes[winner.action]
            expect(verdict.rule ?? 'clear', dotted(leaf.path)).toBe(expected)
          }
          const opened = rules.findLastIndex(
            ({ steps, action }) => action === 'open' && matches(steps, verdict.path),
          )
          const decided = rules.indexOf(lastMatch(rules, verdict.path)!)
          const container = typeof verdict.value === 'object' && verdict.value !== null
          if (verdict.rule !== undefined && container) expect(opened).toBeLessThanOrEqual(decided)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('gives the same state for ever new names, so that documents cannot make it grow', () => {
    const state = compile(['fields.customfield_*', COMMENT], ['fields.id', 'clear'])
    const fields = memberOf(state, 'fields')
    const states = new Set(
      Array.from({ length: 10_000 }, (_, index) => memberOf(fields, `customfield_${index}`)),
    )
    for (let index = 0; index < 10_000; index++) states.add(memberOf(fields, `other${index}`))
    expect(states.size).toBe(2)
    let deep = compile(['**.a', 'clear'])
    const visited = new Set<PathState>()
    for (let depth = 0; depth < 10_000; depth++) visited.add((deep = memberOf(deep, `b${depth % 7}`)))
    expect(visited.size).toBeLessThan(3)
  })

  it('refuses patterns that combine to too many positions', () => {
    const explosive = Array.from({ length: 16 }, (_, index): [string, PathOutcome] => [
      `**.a${'.*'.repeat(index + 1)}.b`,
      index % 2 === 0 ? 'clear' : COMMENT,
    ])
    expect(() => compile(...explosive)).toThrow(/too many positions/)
    const globs = Array.from({ length: 9 }, (_, index): [string, PathOutcome] => [`x${index}*`, 'clear'])
    expect(() => compile(...globs)).toThrow(/compete/)
  })
})
