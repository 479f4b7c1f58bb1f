import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SuiteId } from '../../src/crypto/suites.ts'
import { suiteById, suiteForWriting } from '../../src/crypto/suites.ts'

const IDS: readonly SuiteId[] = [1, 2, 3]

describe.each(IDS)('suite %i', (id) => {
  const suite = suiteById(id)!
  const bytes = (min: number, max: number): fc.Arbitrary<Buffer> =>
    fc.uint8Array({ minLength: min, maxLength: max }).map((array) => Buffer.from(array))

  test('opens what it sealed, at any offset, and writes nowhere else', () => {
    fc.assert(
      fc.property(
        bytes(1, 300),
        bytes(0, 100),
        bytes(suite.keyBytes, suite.keyBytes),
        fc.nat(20),
        (text, aad, key, at) => {
          const sealed = Buffer.alloc(text.length + suite.overheadBytes + 2 * at, 0xaa)
          const end = sealed.length - at
          suite.seal(sealed, at, text, 0, text.length, aad, key)
          expect(sealed.subarray(0, at)).toEqual(Buffer.alloc(at, 0xaa))
          expect(sealed.subarray(end)).toEqual(Buffer.alloc(at, 0xaa))
          const opened = Buffer.alloc(text.length + 2 * at, 0xbb)
          expect(suite.open(opened, at, sealed, at, end, aad, key)).toBe(true)
          expect(opened.subarray(at, at + text.length)).toEqual(text)
          expect(opened.subarray(0, at)).toEqual(Buffer.alloc(at, 0xbb))
          expect(opened.subarray(at + text.length)).toEqual(Buffer.alloc(at, 0xbb))
        },
      ),
    )
  })

  test('leaves no plaintext in the target when the tag does not verify', () => {
    const text = Buffer.from('a secret of some length, in plain sight')
    const key = Buffer.alloc(suite.keyBytes, 7)
    const sealed = Buffer.alloc(text.length + suite.overheadBytes)
    suite.seal(sealed, 0, text, 0, text.length, Buffer.alloc(0), key)
    const opened = Buffer.alloc(text.length)
    expect(suite.open(opened, 0, sealed, 0, sealed.length, Buffer.from('other'), key)).toBe(false)
    expect(opened).toEqual(Buffer.alloc(text.length))
  })

  test('refuses a key of any other length', () => {
    for (const length of [0, 16, 31, 33, 48, 96]) {
      const key = Buffer.alloc(length)
      const target = Buffer.alloc(200)
      expect(() => suite.seal(target, 0, Buffer.alloc(9), 0, 9, Buffer.alloc(0), key)).toThrow()
      expect(() => suite.open(target, 0, Buffer.alloc(80), 0, 80, Buffer.alloc(0), key)).toThrow()
    }
  })

  test(id === 3 ? 'seals equal values equally' : 'never seals equal values equally', () => {
    const key = Buffer.alloc(suite.keyBytes, 7)
    const seals = Array.from({ length: 500 }, () => {
      const sealed = Buffer.alloc(1 + suite.overheadBytes)
      suite.seal(sealed, 0, Buffer.from('x'), 0, 1, Buffer.alloc(0), key)
      return sealed.toString('hex')
    })
    expect(new Set(seals).size).toBe(id === 3 ? 1 : seals.length)
  })
})

test('knows no other suite', () => {
  for (const id of [-1, 0, 4, 255, NaN]) expect(suiteById(id)).toBeUndefined()
})

test('profile fips writes approved algorithms only', () => {
  expect(suiteForWriting('default', 'randomized')).toBe(1)
  expect(suiteForWriting('default', 'searchable')).toBe(3)
  expect(suiteForWriting('fips', 'randomized')).toBe(2)
  expect(suiteForWriting('fips', 'searchable')).toBeUndefined()
})
