import { expect, it } from 'vitest'
import { parsePathPattern } from '../../src/coverage/path-pattern.ts'

it('reads names, globs, elements, any depth and quoted names', () => {
  expect(parsePathPattern('$')).toEqual([])
  expect(parsePathPattern('issues[].fields.customfield_*')).toEqual([
    { kind: 'name', name: 'issues' },
    { kind: 'element' },
    { kind: 'name', name: 'fields' },
    { kind: 'glob', parts: ['customfield_', ''] },
  ])
  expect(parsePathPattern('**.body.storage')[0]).toEqual({ kind: 'any-depth' })
  expect(parsePathPattern('[][].a')).toHaveLength(3)
  expect(parsePathPattern('"a.b*[]\\"".c')[0]).toEqual({ kind: 'name', name: 'a.b*[]"' })
  expect(parsePathPattern('""')).toEqual([{ kind: 'name', name: '' }])
  expect(parsePathPattern('sub-tasks.16x16')).toHaveLength(2)
})

it('refuses what could be read in two ways', () => {
  for (const pattern of [
    '',
    '.a',
    'a.',
    'a..b',
    'a[0]',
    'a[',
    'a]b',
    'a.[]',
    'a**',
    '***',
    '"a',
    '"a"b',
    'a b',
    '$.a',
  ]) {
    expect(() => parsePathPattern(pattern), pattern).toThrow()
  }
  expect(() => parsePathPattern('"\\x"')).toThrow(/JSON string/)
  expect(() => parsePathPattern(Array.from({ length: 40 }, () => 'a').join('.'))).toThrow(/at most/)
  expect(() => parsePathPattern('a'.repeat(2_000))).toThrow(/too long/)
})
