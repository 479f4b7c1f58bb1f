import { describe, expect, test } from 'vitest'

// Modules of the console are for browsers and not part of this program's types.
const format = (await import(
  new URL('../../src/admin/console/assets/format.js', import.meta.url).href
)) as Record<'duration' | 'scopeName' | 'counted' | 'words', (...values: unknown[]) => string>

describe('the words of the console', () => {
  test.each([
    [0, '0 ms'],
    [999.4, '999 ms'],
    [1_000, '1 s'],
    [2_340, '2.3 s'],
    [59_400, '59 s'],
    [95_000, '1 min 35 s'],
    [3_600_000, '1 h'],
    [2 * 86_400_000 + 3 * 3_600_000, '2 d 3 h'],
  ])('%d ms is %s', (ms, text) => {
    expect(format.duration(ms)).toBe(text)
  })

  test.each([
    ['organization', 'All BYOK apps'],
    ['app:acme/jira-service-management', 'Jira Service Management on acme'],
    ['data-class:acme/confluence/comment', 'Confluence on acme, comment data'],
  ])('a suspension of %s is of %s', (scope, text) => {
    expect(format.scopeName(scope)).toBe(text)
  })

  test('counts one and many', () => {
    expect(format.counted(1, 'app')).toBe('1 app')
    expect(format.counted(0, 'app')).toBe('0 apps')
  })

  test('makes words of identifiers', () => {
    expect(format.words('key-service.called')).toBe('Key service called')
  })
})
