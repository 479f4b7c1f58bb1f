import { describe, expect, test } from 'vitest'
import { JsonTransform } from '../../../src/protocol/json/transform.ts'
import { ChecksumCodec } from './checksum-codec.ts'
import { ISSUE_STATE, state } from './coverage.ts'
import { inChunks, open, refusal, seal } from './run.ts'

const codec = new ChecksumCodec()
const MEBIBYTE = 1024 * 1024
const cleared = state(['clear $'])

describe('depth', () => {
  test.each(['[', '{"a":', '{"fields":{"x":[', '[{"a":'])('refuses 10,000 levels of %s', async (opening) => {
    for (const coverage of [
      cleared,
      ISSUE_STATE,
      state(['seal $', 'seal *']),
      state(['clear $', 'seal **.zz']),
    ]) {
      for (const body of [opening.repeat(10_000), opening.repeat(1_000_000)]) {
        const error = await refusal(seal(body, coverage, codec))
        expect(error.code).toBe('json-malformed')
        expect(error.message).toContain('deeper than 512 levels')
      }
    }
  })

  test('takes as many levels as allowed and not one more', async () => {
    for (const coverage of [cleared, ISSUE_STATE, state(['clear $', 'seal **.zz'])]) {
      const limits = { depthMax: 7 }
      const nested = (levels: number): string =>
        '[{"a":'.repeat(levels >> 1) + '[]' + '}]'.repeat(levels >> 1)
      await seal(nested(6), coverage, codec, { limits })
      expect((await refusal(seal(nested(8), coverage, codec, { limits }))).message).toContain('7 levels')
    }
  })

  test('counts the levels of an opened value on top of those around it', async () => {
    const deep = `{"fields":{"summary":${'['.repeat(6)}${']'.repeat(6)}}}`
    const sealed = await seal(deep, ISSUE_STATE, codec)
    expect((await open(sealed, ISSUE_STATE, codec, { limits: { depthMax: 8 } })).toString()).toBe(deep)
    const shallow = open(sealed, ISSUE_STATE, codec, { limits: { depthMax: 7 } })
    expect((await refusal(shallow)).code).toBe('ciphertext-invalid')
  })

  test('refuses 10,000 levels from a store', async () => {
    const error = await refusal(open('['.repeat(10_000), cleared, codec))
    expect(error.code).toBe('store-response-invalid')
  })
})

describe('lengths', () => {
  test('takes a covered value of the greatest length and refuses one byte more', async () => {
    const limits = { valueBytesMax: 100 }
    const body = (bytes: number): string => `{"fields":{"summary":"${'x'.repeat(bytes - 2)}"}}`
    const sealed = await seal(body(100), ISSUE_STATE, codec, { limits })
    expect((await open(sealed, ISSUE_STATE, codec, { limits })).toString()).toBe(body(100))
    expect((await refusal(seal(body(101), ISSUE_STATE, codec, { limits }))).code).toBe('body-too-large')
  })

  test('refuses a stored envelope that is longer than any', async () => {
    const limits = { valueBytesMax: 100 }
    const sealed = await seal(`{"fields":{"summary":"${'x'.repeat(400)}"}}`, ISSUE_STATE, codec)
    expect((await refusal(open(sealed, ISSUE_STATE, codec, { limits }))).code).toBe('store-response-invalid')
  })

  test('limits the length of member names where they decide, whole and in pieces', async () => {
    const limits = { nameBytesMax: 10 }
    const body = Buffer.from(`{"${'n'.repeat(11)}":1}`)
    const options = { direction: 'seal', state: ISSUE_STATE, codec, limits } as const
    for (const cuts of [[], [5], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]]) {
      expect((await refusal(inChunks(body, cuts, options))).message).toContain(
        'member name longer than 10 bytes',
      )
    }
    expect((await seal(`{"${'n'.repeat(10)}":1}`, ISSUE_STATE, codec, { limits })).length).toBe(16)
  })

  test('takes member names of any length where everything is clear', async () => {
    const body = `{"${'n'.repeat(100_000)}":1}`
    expect((await seal(body, cleared, codec)).toString()).toBe(body)
  })

  test('refuses a body beyond its limit', async () => {
    const limits = { bodyBytesMax: 10 }
    expect((await refusal(seal('[1,2,3,4,5]', cleared, codec, { limits }))).code).toBe('body-too-large')
    expect((await refusal(open('[1,2,3,4,5]', cleared, codec, { limits }))).code).toBe(
      'store-response-invalid',
    )
    const options = { direction: 'seal', state: cleared, codec, limits } as const
    expect((await refusal(inChunks(Buffer.from('[1,2,3,4,5]'), [4], options))).code).toBe('body-too-large')
  })
})

describe('memory', () => {
  const chunk = Buffer.alloc(64 * 1024, 'x')

  test('refuses a covered string of 1 GB once it passes the limit, holding no more than that', () => {
    const transform = new JsonTransform({ direction: 'seal', state: ISSUE_STATE, codec }, () => {})
    void transform.write(Buffer.from('{"fields":{"summary":"'))
    const before = process.memoryUsage().arrayBuffers
    let written = 0
    expect(() => {
      for (; written < 1024 * MEBIBYTE; written += chunk.length) void transform.write(chunk)
    }).toThrow('longer than 16777216 bytes')
    expect(written).toBeLessThanOrEqual(16 * MEBIBYTE)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * MEBIBYTE)
  })

  test('passes a clear string of 1 GB without holding it', () => {
    let given = 0
    const transform = new JsonTransform({ direction: 'seal', state: cleared, codec }, (bytes) => {
      given += bytes.length
    })
    void transform.write(Buffer.from('{"a":"'))
    const before = process.memoryUsage().arrayBuffers
    for (let written = 0; written < 1024 * MEBIBYTE; written += chunk.length) void transform.write(chunk)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * MEBIBYTE)
    void transform.write(Buffer.from('"}'))
    void transform.end()
    expect(given).toBe(1024 * MEBIBYTE + 8)
  })

  test('stays flat over a long list of documents', () => {
    const issue =
      '{"id":"1","fields":{"summary":"a summary","status":{"name":"Open"},"description":{"a":[1,2,3]}}},\n'
    const issues = Buffer.from(issue.repeat(600))
    let given = 0
    const transform = new JsonTransform(
      {
        direction: 'seal',
        state: state(['clear $', 'seal issues[].fields.summary', 'seal **.description']),
        codec,
      },
      (bytes) => {
        given += bytes.length
      },
    )
    void transform.write(Buffer.from('{"issues":['))
    let highest = 0
    const before = process.memoryUsage()
    const documents = Math.ceil((16 * MEBIBYTE) / issues.length)
    for (let written = 0; written < documents; written++) {
      void transform.write(issues)
      if (written % 8 === 0) highest = Math.max(highest, process.memoryUsage().rss)
    }
    void transform.write(Buffer.from('{}]}'))
    void transform.end()
    expect(given).toBeGreaterThan(documents * issues.length)
    expect(highest - before.rss).toBeLessThan(120 * MEBIBYTE)
  })
})
