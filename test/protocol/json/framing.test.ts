import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ChecksumCodec } from './checksum-codec.ts'
import { ISSUE_STATE, state } from './coverage.ts'
import { cutsOf, jsonText } from './json-text.ts'
import { everyByte, inChunks, open, refusal, seal } from './run.ts'

const codec = new ChecksumCodec()
const lines = { framing: 'lines' } as const

describe('one document per line', () => {
  test('transforms each line by itself, in any pieces, blank lines kept', async () => {
    const line = jsonText().map((body) => body.toString().replaceAll('\n', ' '))
    const body = fc
      .array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\n\n', '\n \t\r\n')), { maxLength: 6 })
      .chain((parts) => fc.tuple(line, fc.boolean(), fc.constant(parts.flat().join(''))))
      .map(([last, ended, text]) => Buffer.from(ended ? text : text + last))
    await fc.assert(
      fc.asyncProperty(
        body.chain((text) => fc.tuple(fc.constant(text), cutsOf(text.length))),
        async ([text, cuts]) => {
          const options = { direction: 'seal', state: ISSUE_STATE, codec, ...lines } as const
          const sealed = await seal(text, ISSUE_STATE, codec, lines)
          const each: string[] = []
          for (const one of text.toString().split('\n')) {
            each.push(one.trim() === '' ? one : (await seal(one, ISSUE_STATE, codec)).toString())
          }
          expect(sealed.toString()).toBe(each.join('\n'))
          expect((await inChunks(text, cuts, options)).equals(sealed)).toBe(true)
          expect((await inChunks(text, everyByte(text), options)).equals(sealed)).toBe(true)
          expect((await open(sealed, ISSUE_STATE, codec, lines)).equals(text)).toBe(true)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('takes a body without any document', async () => {
    for (const body of ['', '\n', ' \n\r\n']) {
      expect((await seal(body, ISSUE_STATE, codec, lines)).toString()).toBe(body)
    }
  })

  test.each(['{"a":\n1}', '[1,\n2]', '1 2\n', '{}{}\n', '{}\n{', '"a\nb"', '1\n-', '{}\n,{}'])(
    'refuses a line that is not one document: %j',
    async (body) => {
      for (const cuts of [[], everyByte(Buffer.from(body))]) {
        const work = inChunks(Buffer.from(body), cuts, {
          direction: 'seal',
          state: ISSUE_STATE,
          codec,
          ...lines,
        })
        expect((await refusal(work)).code).toBe('json-malformed')
      }
    },
  )
})

describe('one document alone', () => {
  test('takes any type at the top, covered or not', async () => {
    for (const coverage of [state([]), state(['clear $'])]) {
      for (const body of ['1', '-0.5e3', '"x"', 'null', 'true', '[]', '{}', ' 7 ', '[[1],{"a":2}]']) {
        const sealed = await seal(body, coverage, codec)
        expect((await open(sealed, coverage, codec)).toString()).toBe(body)
      }
    }
  })

  test('binds a value at the top to the empty name, or to the one it is given', async () => {
    const everything = state([])
    const sealed = await seal('"x"', everything, codec, { fieldName: 'summary' })
    expect((await refusal(open(sealed, everything, codec))).code).toBe('ciphertext-invalid')
    expect((await open(sealed, everything, codec, { fieldName: 'summary' })).toString()).toBe('"x"')
    const member = (await seal('{"summary":"x"}', everything, codec)).toString()
    expect(member).toBe(`{"summary":${sealed.toString()}}`)
  })
})

describe('merge patches', () => {
  const keep = { nulls: 'keep' } as const

  test('keep nulls that delete members, and seal every other value', async () => {
    const body = '{"fields":{"a":null,"b": null ,"c":{"d":null},"e":[null],"f":"x"},"list":[null]}'
    const sealed = (await seal(body, ISSUE_STATE, codec, keep)).toString()
    expect(sealed.replace(/"~pc1~[\w-]+"/g, '#')).toBe(
      '{"fields":{"a":null,"b": null ,"c":#,"e":#,"f":#},"list":[#]}',
    )
  })

  test('seal a null that replaces the whole document, or stands inside an array', async () => {
    const everything = state([])
    expect((await seal('null', everything, codec, keep)).toString()).not.toBe('null')
    const listed = state(['clear $', 'seal list[].text'])
    expect((await seal('{"list":[{"text":null}]}', listed, codec, keep)).toString()).not.toContain('null')
  })
})
