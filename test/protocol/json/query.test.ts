import { describe, expect, test } from 'vitest'
import { sealQuery } from '../../../src/protocol/json/query.ts'
import { ChecksumCodec } from './checksum-codec.ts'
import { ISSUE_STATE, RANDOMIZED, SEARCHABLE } from './coverage.ts'
import { refusal, seal } from './run.ts'

const codec = new ChecksumCodec()
const PARAMETERS = [
  { name: 'label', fieldName: 'label', rule: SEARCHABLE },
  { name: 'fields[label]', fieldName: 'label', rule: SEARCHABLE },
]

/** What the store holds for a label. */
async function atRest(label: string): Promise<string> {
  const sealed = await seal(JSON.stringify({ fields: { label } }), ISSUE_STATE, codec)
  return (JSON.parse(sealed.toString()) as { fields: { label: string } }).fields.label
}

describe('a query', () => {
  test.each([
    ['urgent', 'urgent'],
    ['two%20words', 'two words'],
    ['two+words', 'two words'],
    ['a%2Bb%26c%3Dd', 'a+b&c=d'],
    ['gr%C3%BC%C3%9Fe%20%F0%9F%98%80', 'gr\u00fc\u00dfe \u{1f600}'],
    ['a=b', 'a=b'],
    ['%22quoted%22%5C', '"quoted"\\'],
    ['', ''],
    ['12', '12'],
  ])('holds for %s what the store holds', async (written, label) => {
    const sealed = await sealQuery(`?limit=5&label=${written}&x=%7e+y`, PARAMETERS, codec)
    expect(sealed).toBe(`?limit=5&label=${await atRest(label)}&x=%7e+y`)
  })

  test('is sealed for every occurrence of a parameter, in any spelling of its name', async () => {
    const one = await atRest('one')
    expect(
      await sealQuery(
        'label=one&l%61bel=one&fields%5Blabel%5D=one&fields[label]=one&Label=one',
        PARAMETERS,
        codec,
      ),
    ).toBe(`label=${one}&l%61bel=${one}&fields%5Blabel%5D=${one}&fields[label]=${one}&Label=one`)
  })

  test.each(['', '?', '?a', '?label', '?&&', '?=x', '?a=1&b=%ZZ'])(
    'without covered values stays as it is: %j',
    (query) => {
      expect(sealQuery(query, PARAMETERS, codec)).toBe(query)
    },
  )

  test.each(['%', '%Z1', '%C3', '%ff', '%ED%A0%80', 'caf\u00e9', 'a b'])(
    'is refused where a covered value is not percent-encoded UTF-8: %j',
    async (written) => {
      const work = (async () => sealQuery(`?label=${written}`, PARAMETERS, codec))()
      expect((await refusal(work)).code).toBe('request-malformed')
    },
  )

  test('waits for a key', async () => {
    const cold = new ChecksumCodec()
    cold.missingKeys = 1
    const sealed = sealQuery('?label=one&x=1&label=two', PARAMETERS, cold)
    expect(sealed).toBeInstanceOf(Promise)
    expect(await sealed).toBe(`?label=${await atRest('one')}&x=1&label=${await atRest('two')}`)
  })

  test('is never sealed under randomized encryption', () => {
    const parameters = [{ name: 'a', fieldName: 'a', rule: RANDOMIZED }]
    expect(() => sealQuery('?a=1', parameters, codec)).toThrow('searchable')
  })
})
