import { isUtf8 } from 'node:buffer'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ChecksumCodec } from './checksum-codec.ts'
import { ISSUE_STATE, state } from './coverage.ts'
import { GRAMMAR_CASES } from './grammar-cases.ts'
import { jsonText, mutated } from './json-text.ts'
import { everyByte, inChunks, open, refusal, seal } from './run.ts'

/** A coverage that only skips, one that only walks, and one that seals everything. */
const COVERAGES = { cleared: state(['clear $']), walked: ISSUE_STATE, sealed: state(['seal $', 'seal *']) }
const codec = new ChecksumCodec()

describe.each(Object.entries(COVERAGES))('a document that is %s', (_name, coverage) => {
  describe.each(GRAMMAR_CASES)('%s: %s', (verdict, _case, text) => {
    const body = Buffer.from(text)

    test(verdict === 'n' ? 'is refused' : 'is taken and comes back byte for byte', async () => {
      if (verdict === 'n') {
        expect((await refusal(seal(body, coverage, codec))).code).toBe('json-malformed')
        return
      }
      const sealed = await seal(body, coverage, codec)
      expect((await open(sealed, coverage, codec)).equals(body)).toBe(true)
    })

    test('is treated the same byte by byte', async () => {
      const work = inChunks(body, everyByte(body), { direction: 'seal', state: coverage, codec })
      if (verdict === 'n') expect((await refusal(work)).code).toBe('json-malformed')
      else expect((await work).equals(await seal(body, coverage, codec))).toBe(true)
    })

    test(
      verdict === 'n' ? 'is refused from a store' : 'passes from a store when clear values may',
      async () => {
        const work = inChunks(body, [], { direction: 'open', state: coverage, codec, clearValues: 'pass' })
        if (verdict === 'n') expect((await refusal(work)).code).toBe('store-response-invalid')
        else expect((await work).equals(body)).toBe(true)
      },
    )
  })
})

test('takes exactly what JSON.parse takes, of generated and of damaged documents', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(jsonText(), mutated(jsonText())), async (body) => {
      for (const coverage of Object.values(COVERAGES)) {
        const taken = await seal(body, coverage, codec).then(
          () => true,
          () => false,
        )
        expect(taken).toBe(isJson(body))
      }
    }),
    { numRuns: 1500 },
  )
})

test('says where a document is malformed, and nothing of what stands there', async () => {
  const body = '{"fields":{"summary":"secret",\n"x":secret}}'
  const error = await refusal(seal(body, ISSUE_STATE, codec))
  expect(error.message).toContain(`at byte ${body.lastIndexOf('secret')}`)
  expect(error.message).not.toContain('secret')
})

test('counts the byte of an error over all chunks', async () => {
  const body = Buffer.from('[1,2,3,4,5,6,7,x]')
  for (const cuts of [[], [4], [4, 5, 9], everyByte(body)]) {
    const work = inChunks(body, cuts, { direction: 'seal', state: ISSUE_STATE, codec })
    expect((await refusal(work)).message).toContain('at byte 15')
  }
})

test('says where UTF-8 is invalid', async () => {
  const body = Buffer.concat([Buffer.from('["é€", "abc'), Buffer.from([0xc3, 0x28]), Buffer.from('"]')])
  expect((await refusal(seal(body, ISSUE_STATE, codec))).message).toContain('invalid UTF-8 at byte 14')
})

function isJson(body: Buffer): boolean {
  if (!isUtf8(body) || body.subarray(0, 3).equals(Buffer.from('\ufeff'))) return false
  try {
    JSON.parse(body.toString())
    return true
  } catch {
    return false
  }
}
