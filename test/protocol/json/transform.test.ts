import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ChecksumCodec } from './checksum-codec.ts'
import { ISSUE_STATE, state } from './coverage.ts'
import { cutsOf, jsonText } from './json-text.ts'
import { everyByte, inChunks, open, refusal, seal } from './run.ts'

const codec = new ChecksumCodec()
const EVERYTHING = state(['seal **'])
const ENVELOPE = /"~pc1~[\w-]+"/g

/** Token text of every envelope in a sealed body. */
function tokensIn(sealed: Buffer): string[] {
  return (sealed.toString().match(ENVELOPE) ?? []).map((text) =>
    Buffer.from(text.slice(6, -1), 'base64url').subarray(8).toString(),
  )
}

describe('sealing', () => {
  test('replaces covered values of every type and nothing else', async () => {
    const body =
      '{ "id" : 12345678901234567890,\n "fields" : {"summary":"a\\u00e9\\/","n":null,"t":true,"f":-1.50E+2,' +
      '"array":[1, {"x":2}],"object":{ "k" : [] },"status":{"name":"Open"},"created":"2026"},"id":1e0 }'
    const sealed = (await seal(body, ISSUE_STATE, codec)).toString()
    expect(sealed.replace(ENVELOPE, '#')).toBe(
      '{ "id" : 12345678901234567890,\n "fields" : {"summary":#,"n":#,"t":#,"f":#,' +
        '"array":#,"object":#,"status":{"name":"Open"},"created":"2026"},"id":1e0 }',
    )
    const tokens = ['"a\\u00e9\\/"', 'null', 'true', '-1.50E+2', '[1, {"x":2}]', '{ "k" : [] }']
    expect(tokensIn(Buffer.from(sealed))).toEqual(tokens)
  })

  test('seals each of several members of one name', async () => {
    const sealed = await seal(
      '{"fields":{"summary":1,"summary":"two"},"fields":{"summary":3}}',
      ISSUE_STATE,
      codec,
    )
    expect(tokensIn(sealed)).toEqual(['1', '"two"', '3'])
  })

  test('knows a covered member however its name is escaped', async () => {
    for (const name of [
      'fields',
      '\\u0066ields',
      'f\\u0069\\u0065lds',
      '\\u0066\\u0069\\u0065\\u006C\\u0064\\u0073',
    ]) {
      expect(tokensIn(await seal(`{"${name}":{"\\u0073ummary":1}}`, ISSUE_STATE, codec))).toEqual(['1'])
    }
  })

  test('knows a covered member whose name is beyond ASCII, escaped as surrogates or not', async () => {
    const coverage = state(['clear $', 'seal "\u{1f600}\u00e9"'])
    for (const name of ['\u{1f600}\u00e9', '\\ud83d\\ude00\\u00e9', '\\uD83D\\uDE00\u00e9']) {
      expect(tokensIn(await seal(`{"${name}":1}`, coverage, codec))).toEqual(['1'])
    }
  })

  test('takes a name with a surrogate that has no partner for itself only', async () => {
    const coverage = state(['clear $', 'seal "\ufffd"'])
    expect(
      tokensIn(await seal('{"\\ud83d":1,"\\ud83dx":2,"\\ude00\\ud83d":3,"\ufffd":4}', coverage, codec)),
    ).toEqual(['4'])
  })

  test('seals text that looks like an envelope as any other text', async () => {
    const once = await seal('{"fields":{"summary":"secret"}}', ISSUE_STATE, codec)
    const twice = await seal(once, ISSUE_STATE, codec)
    expect(twice.equals(once)).toBe(false)
    expect((await open(await open(twice, ISSUE_STATE, codec), ISSUE_STATE, codec)).toString()).toContain(
      'secret',
    )
  })

  test('gives a document without covered values back as the very same buffer', async () => {
    const body = Buffer.from('{"id":"a"}')
    const result = await import('../../../src/protocol/json/transform-whole.ts').then(({ transformWhole }) =>
      transformWhole(body, { direction: 'seal', state: ISSUE_STATE, codec }),
    )
    expect(result).toBe(body)
  })
})

describe('opening', () => {
  test('gives back any document byte for byte, in whatever pieces it comes and goes', async () => {
    await fc.assert(
      fc.asyncProperty(
        jsonText().chain((body) => fc.tuple(fc.constant(body), cutsOf(body.length), cutsOf(body.length * 2))),
        fc.constantFrom(ISSUE_STATE, EVERYTHING),
        async ([body, cuts, laterCuts], coverage) => {
          const sealed = await seal(body, coverage, codec)
          const sealing = { direction: 'seal', state: coverage, codec } as const
          const opening = { direction: 'open', state: coverage, codec } as const
          expect((await inChunks(body, cuts, sealing)).equals(sealed)).toBe(true)
          expect((await inChunks(body, everyByte(body), sealing)).equals(sealed)).toBe(true)
          const within = laterCuts.filter((cut) => cut < sealed.length)
          expect((await open(sealed, coverage, codec)).equals(body)).toBe(true)
          expect((await inChunks(sealed, within, opening)).equals(body)).toBe(true)
          expect((await inChunks(sealed, everyByte(sealed), opening)).equals(body)).toBe(true)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('refuses values swapped between two members', async () => {
    const sealed = (
      await seal('{"fields":{"summary":"one","environment":"two"}}', ISSUE_STATE, codec)
    ).toString()
    const [first, second] = sealed.match(ENVELOPE)!
    const swapped = sealed.replace(first, '#').replace(second!, first).replace('#', second!)
    expect((await refusal(open(swapped, ISSUE_STATE, codec))).code).toBe('ciphertext-invalid')
  })

  test('binds elements of an array, and of arrays in it, to the name of the member that holds the array', async () => {
    const coverage = state(['clear $', 'seal a[]', 'seal a[][]', 'open a[]', 'seal b[]', 'seal c'])
    const body = '{"c":1,"a":[[1,[2]],3],"b":[4]}'
    const sealed = (await seal(body, coverage, codec)).toString()
    const [, inner, , outer, other] = sealed.match(ENVELOPE)!
    const moved = sealed.replace(inner!, '#').replace(outer!, inner!).replace('#', outer!)
    expect(tokensIn(await seal(await open(moved, coverage, codec), coverage, codec))).toContain('[2]')
    const misplaced = sealed.replace(outer!, other!)
    expect((await refusal(open(misplaced, coverage, codec))).code).toBe('ciphertext-invalid')
  })

  test.each([
    '"clear text"',
    'null',
    '12',
    'true',
    '{}',
    '[]',
    '"~pc1~"',
    '"~pc1~AAAA"',
    '""',
    '"~pc9~AAAA"',
  ])('refuses %s where an envelope has to be', async (value) => {
    const work = open(`{"fields":{"summary":${value}}}`, ISSUE_STATE, codec)
    expect((await refusal(work)).code).toBe('ciphertext-invalid')
  })

  test('takes envelopes that the store has escaped differently', async () => {
    const sealed = (await seal('{"fields":{"summary":"secret"}}', ISSUE_STATE, codec)).toString()
    const [envelope] = sealed.match(ENVELOPE)!
    const text = envelope.slice(1, -1)
    const hex = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
    for (const written of [
      text.replaceAll('~', '\\u007e'),
      text.replaceAll('~', '\\u007E'),
      text.replace(/./g, hex),
    ]) {
      const body = Buffer.from(sealed.replace(text, () => written))
      expect((await open(body, ISSUE_STATE, codec)).toString()).toBe('{"fields":{"summary":"secret"}}')
      const opening = { direction: 'open', state: ISSUE_STATE, codec } as const
      expect((await inChunks(body, everyByte(body), opening)).toString()).toBe(
        '{"fields":{"summary":"secret"}}',
      )
    }
  })

  test.each(['1,"x":2', '"a","b"', '1 ', ' 1', '', '"', '{"a":1', '1]', '\u00e9', '"\n"', '01', '[1][2]'])(
    'refuses opened bytes that are not one JSON value: %j',
    async (forged) => {
      const sealed = await seal('{"fields":{"summary":"secret text of some length"}}', ISSUE_STATE, codec)
      const forger = new ChecksumCodec()
      forger.forged = Buffer.from(forged)
      expect((await refusal(open(sealed, ISSUE_STATE, forger))).code).toBe('ciphertext-invalid')
    },
  )

  test('refuses opened bytes that are not UTF-8', async () => {
    const sealed = await seal('{"fields":{"summary":"secret text of some length"}}', ISSUE_STATE, codec)
    const forger = new ChecksumCodec()
    forger.forged = Buffer.from([0x22, 0xc3, 0x22])
    expect((await refusal(open(sealed, ISSUE_STATE, forger))).code).toBe('store-response-invalid')
  })

  test('gives out nothing of a chunk in which a value does not authenticate', async () => {
    const sealed = (await seal('{"fields":{"a":"one","b":"two"}}', ISSUE_STATE, codec)).toString()
    const damaged = Buffer.from(
      sealed.replace(/(.)"\}\}$/, (_, last: string) => `${last === 'A' ? 'Q' : 'A'}"}}`),
    )
    const { JsonTransform } = await import('../../../src/protocol/json/transform.ts')
    const pieces: Buffer[] = []
    const transform = new JsonTransform({ direction: 'open', state: ISSUE_STATE, codec }, (bytes) =>
      pieces.push(bytes),
    )
    expect(() => transform.write(damaged)).toThrow('authenticate')
    expect(pieces).toEqual([])
    expect(() => transform.write(damaged)).toThrow('failed')
  })
})

describe('opening where clear values may pass', () => {
  const lenient = { clearValues: 'pass' } as const

  test('opens envelopes and passes everything else as it is', async () => {
    const sealed = (await seal('{"fields":{"summary":"secret"}}', ISSUE_STATE, codec)).toString()
    const [envelope] = sealed.match(ENVELOPE)!
    const rest = '"a":"cl\\u0065ar","b":null,"c":{"d":["~pc1~x"]},"e":[1,2],"f":7'
    const body = Buffer.from(`{"fields":{${rest},"summary":${envelope}}}`)
    const expected = `{"fields":{${rest},"summary":"secret"}}`
    expect((await open(body, ISSUE_STATE, codec, lenient)).toString()).toBe(expected)
    const options = { direction: 'open', state: ISSUE_STATE, codec, ...lenient } as const
    expect((await inChunks(body, everyByte(body), options)).toString()).toBe(expected)
  })

  test('still refuses an envelope that does not authenticate', async () => {
    const work = open('{"fields":{"summary":"~pc1~AAAAAAAAAAAAAAAAAAAA"}}', ISSUE_STATE, codec, lenient)
    expect((await refusal(work)).code).toBe('ciphertext-invalid')
  })

  test('passes an error body that is no JSON, unless it could hold an envelope', async () => {
    expect((await open('<h1>Bad gateway</h1>', ISSUE_STATE, codec, lenient)).toString()).toBe(
      '<h1>Bad gateway</h1>',
    )
    expect((await refusal(open('<h1>~pc1~AAAA</h1>', ISSUE_STATE, codec, lenient))).code).toBe(
      'store-response-invalid',
    )
    const escaped = open('{"fields":{"summary":"\\u007epc1~AAAA"}}', ISSUE_STATE, codec, lenient)
    expect((await refusal(escaped)).code).toBe('ciphertext-invalid')
  })
})
