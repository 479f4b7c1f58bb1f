import { describe, expect, test } from 'vitest'
import { PortcullisError } from '../../../src/errors.ts'
import type { CoveredValue } from '../../../src/protocol/json/codec.ts'
import { JsonTransform } from '../../../src/protocol/json/transform.ts'
import { transformWhole } from '../../../src/protocol/json/transform-whole.ts'
import { ChecksumCodec } from './checksum-codec.ts'
import { ISSUE_STATE, state } from './coverage.ts'
import { everyByte, inChunks, refusal, seal } from './run.ts'

const BODY = Buffer.from('{"fields":{"a":1,"status":2,"b":{"x":[]},"list":["l","m"]},"list":[1,[2]]}')

test('needs no promise while all keys are in memory', async () => {
  const codec = new ChecksumCodec()
  const sealed = transformWhole(BODY, { direction: 'seal', state: ISSUE_STATE, codec })
  expect(sealed).toBeInstanceOf(Buffer)
  expect(transformWhole(await sealed, { direction: 'open', state: ISSUE_STATE, codec })).toBeInstanceOf(
    Buffer,
  )
  const transform = new JsonTransform({ direction: 'seal', state: ISSUE_STATE, codec }, () => {})
  expect(transform.write(BODY)).toBeUndefined()
  expect(transform.end()).toBeUndefined()
})

describe.each(['seal', 'open'] as const)('when keys are missing, to %s', (direction) => {
  test.each([1, 2, 3])(
    'waits at each value that has none and goes on there: %i missing',
    async (missingKeys) => {
      const codec = new ChecksumCodec()
      const sealed = await seal(BODY, ISSUE_STATE, codec)
      const body = direction === 'seal' ? BODY : sealed
      const values = codec.seals
      const expected = direction === 'seal' ? sealed : BODY
      for (const cuts of [[], [20, 40], everyByte(body)]) {
        const cold = new ChecksumCodec()
        cold.missingKeys = missingKeys
        const result = await inChunks(body, cuts, { direction, state: ISSUE_STATE, codec: cold })
        expect(result.equals(expected)).toBe(true)
        expect(cold.loads).toBe(missingKeys)
        expect(cold.seals + cold.opens).toBe(values)
      }
    },
  )

  test('passes on why a key could not be loaded', async () => {
    const codec = new ChecksumCodec()
    const body = direction === 'seal' ? BODY : await seal(BODY, ISSUE_STATE, codec)
    codec.missingKeys = 1
    codec.load = (_value?: CoveredValue) =>
      Promise.reject(new PortcullisError('key-service-unavailable', 'no answer'))
    const work = inChunks(body, [], { direction, state: ISSUE_STATE, codec })
    expect((await refusal(work)).code).toBe('key-service-unavailable')
  })

  test('gives up when a key is gone again whenever it has been loaded', async () => {
    const codec = new ChecksumCodec()
    const body = direction === 'seal' ? BODY : await seal(BODY, ISSUE_STATE, codec)
    codec.missingKeys = 1
    codec.load = () => Promise.resolve()
    const work = inChunks(body, [], { direction, state: ISSUE_STATE, codec })
    expect((await refusal(work)).code).toBe('overloaded')
  })
})

test('waits for the key of a number that only the end of the body completes', async () => {
  const everything = state([])
  const codec = new ChecksumCodec()
  const sealed = await seal('12', everything, codec)
  codec.missingKeys = 1
  expect((await seal('12', everything, codec)).equals(sealed)).toBe(true)
  codec.missingKeys = 1
  const lines = await seal('12\n13', everything, codec, { framing: 'lines' })
  expect(lines.toString()).toMatch(/^"~pc1~[\w-]+"\n"~pc1~[\w-]+"$/)
})

test('refuses to be called while it waits, and after its end', async () => {
  const codec = new ChecksumCodec()
  codec.missingKeys = 1
  const transform = new JsonTransform({ direction: 'seal', state: ISSUE_STATE, codec }, () => {})
  const waiting = transform.write(BODY)
  expect(() => transform.write(BODY)).toThrow(TypeError)
  expect(() => transform.end()).toThrow(TypeError)
  await waiting
  await transform.end()
  expect(() => transform.write(BODY)).toThrow(TypeError)
})
