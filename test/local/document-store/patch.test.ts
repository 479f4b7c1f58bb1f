import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyJsonPatch } from '../../../src/local/document-store/json-patch.ts'
import { applyMergePatch } from '../../../src/local/document-store/merge-patch.ts'

function merged(target: string | undefined, patch: string): string {
  return applyMergePatch(
    target === undefined ? undefined : Buffer.from(target),
    Buffer.from(patch),
  ).toString()
}

function patched(target: string, operations: unknown): string {
  return applyJsonPatch(Buffer.from(target), Buffer.from(JSON.stringify(operations))).toString()
}

/** The algorithm of RFC 7396 section 2, on values. */
function mergeValues(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const isObject = typeof target === 'object' && target !== null && !Array.isArray(target)
  const result = new Map(isObject ? Object.entries(target) : [])
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name)
    else result.set(name, mergeValues(result.get(name), value))
  }
  return Object.fromEntries(result)
}

describe('merge patch', () => {
  it('follows every example of RFC 7396 appendix A', () => {
    const cases: [string, string, string][] = [
      ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
      ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
      ['{"a":"b"}', '{"a":null}', '{}'],
      ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
      ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
      ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
      ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
      ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
      ['["a","b"]', '["c","d"]', '["c","d"]'],
      ['{"a":"b"}', '["c"]', '["c"]'],
      ['{"a":"foo"}', 'null', 'null'],
      ['{"a":"foo"}', '"bar"', '"bar"'],
      ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
      ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
      ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
    ]
    for (const [target, patch, result] of cases) expect(merged(target, patch)).toBe(result)
  })

  it('keeps the exact bytes, order and spacing of members it does not name', () => {
    const target =
      '{ "n" : 12345678901234567890 ,\n\t"s":"\\u00e9\\/" , "o": { "x" :1.0 , "y":[ ] }, "z":1e400 }'
    expect(merged(target, '{"o":{"x": 2.50}, "new" : "v"}')).toBe(
      '{ "n" : 12345678901234567890 ,\n\t"s":"\\u00e9\\/" , "o": { "x" :2.50 , "y":[ ] }, "z":1e400 ,"new" : "v"}',
    )
  })

  it('treats differently escaped names as the same and patches the last of duplicates', () => {
    expect(merged('{"\\u0061":1,"a":2,"b":3}', '{"\\u0061":9}')).toBe('{"a":9,"b":3}')
  })

  it('agrees with the algorithm of the RFC on any two values', () => {
    const value = fc.jsonValue({ maxDepth: 4 })
    const near = fc.dictionary(
      fc.constantFrom('a', 'b', 'c'),
      fc.oneof(value, fc.dictionary(fc.constantFrom('a', 'b'), value)),
    )
    fc.assert(
      fc.property(fc.oneof(value, near), fc.oneof(value, near), (target, patch) => {
        const [targetJson, patchJson] = [JSON.stringify(target), JSON.stringify(patch)]
        const expected = mergeValues(JSON.parse(targetJson), JSON.parse(patchJson))
        expect(JSON.parse(merged(targetJson, patchJson))).toEqual(expected)
      }),
    )
  })

  it('refuses a patch nested beyond its limit', () => {
    const deep = `${'{"a":'.repeat(2_000)}1${'}'.repeat(2_000)}`
    expect(() => merged('{}', deep)).toThrow(/levels/)
  })
})

describe('JSON patch', () => {
  it('follows the examples of RFC 6902 appendix A', () => {
    expect(patched('{"foo":"bar"}', [{ op: 'add', path: '/baz', value: 'qux' }])).toBe(
      '{"foo":"bar","baz":"qux"}',
    )
    expect(patched('{"foo":["bar","baz"]}', [{ op: 'add', path: '/foo/1', value: 'qux' }])).toBe(
      '{"foo":["bar","qux","baz"]}',
    )
    expect(patched('{"baz":"qux","foo":"bar"}', [{ op: 'remove', path: '/baz' }])).toBe('{"foo":"bar"}')
    expect(patched('{"foo":["bar","qux","baz"]}', [{ op: 'remove', path: '/foo/1' }])).toBe(
      '{"foo":["bar","baz"]}',
    )
    expect(patched('{"baz":"qux"}', [{ op: 'replace', path: '/baz', value: 'boo' }])).toBe('{"baz":"boo"}')
    const move = [{ op: 'move', from: '/foo/waldo', path: '/qux/thud' }]
    expect(patched('{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}', move)).toBe(
      '{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}',
    )
    const moveInArray = [{ op: 'move', from: '/foo/1', path: '/foo/3' }]
    expect(patched('{"foo":["all","grass","cows","eat"]}', moveInArray)).toBe(
      '{"foo":["all","cows","eat","grass"]}',
    )
    expect(patched('{"baz":"qux"}', [{ op: 'test', path: '/baz', value: 'qux' }])).toBe('{"baz":"qux"}')
    expect(patched('{"foo":["bar"]}', [{ op: 'add', path: '/foo/-', value: ['abc', 'def'] }])).toBe(
      '{"foo":["bar",["abc","def"]]}',
    )
    expect(patched('{"/":9,"~1":10}', [{ op: 'replace', path: '/~01', value: 1 }])).toBe('{"/":9,"~1":1}')
    expect(patched('{"a": [ ] , "b":1 }', [{ op: 'copy', from: '/b', path: '/a/0' }])).toBe(
      '{"a": [1 ] , "b":1 }',
    )
  })

  it('refuses operations that do not apply and patches that are not patches', () => {
    const refused: unknown[] = [
      [{ op: 'test', path: '/a', value: 2 }],
      [{ op: 'remove', path: '/b' }],
      [{ op: 'replace', path: '/b', value: 1 }],
      [{ op: 'add', path: '/b/c', value: 1 }],
      [{ op: 'add', path: '/l/5', value: 1 }],
      [{ op: 'add', path: '/l/01', value: 1 }],
      [{ op: 'move', from: '/l', path: '/l/0' }],
      [{ op: 'add', path: 'a', value: 1 }],
      [{ op: 'add', path: '/a' }],
      [{ op: 'unknown', path: '/a' }],
      [1],
      {},
    ]
    for (const operations of refused) {
      expect(() => patched('{"a":1,"l":[1]}', operations), JSON.stringify(operations)).toThrow()
    }
  })
})
