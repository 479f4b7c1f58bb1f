import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SuiteId } from '../../src/crypto/suites.ts'
import { FieldContext } from '../../src/envelope/context.ts'
import {
  isFieldEnvelope,
  openedFieldLengthMax,
  parseField,
  sealedFieldLength,
} from '../../src/envelope/field-format.ts'
import { fieldKeyPurpose, openField, sealField } from '../../src/envelope/field.ts'
import type { FieldKey } from '../../src/envelope/field.ts'
import { derived, keyId, sealFieldReference } from '../vectors/reference.ts'
import { CONTEXT } from '../vectors/make-field.ts'

const SUITES: readonly SuiteId[] = [1, 2, 3]
const context = new FieldContext(CONTEXT)
const summary = Buffer.from('summary')

function newKey(suite: SuiteId): FieldKey {
  return { suite, id: randomBytes(16), bytes: randomBytes(suite === 3 ? 64 : 32) }
}

function aad(): Uint8Array {
  return context.associatedData(summary, 0, summary.length)
}

describe.each(SUITES)('a field of suite %i', (suite) => {
  const key = newKey(suite)

  test('comes back as it was, at every length and place', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 600 }),
        fc.nat(9),
        fc.nat(9),
        (bytes, from, at) => {
          const source = Buffer.concat([Buffer.alloc(from, 1), bytes, Buffer.alloc(3, 2)])
          const length = sealedFieldLength(bytes.length, suite)
          const text = Buffer.alloc(at + length + 4, 0xcc)
          expect(sealField(key, aad(), source, from, from + bytes.length, text, at)).toBe(at + length)
          expect(text.subarray(0, at)).toEqual(Buffer.alloc(at, 0xcc))
          expect(text.subarray(at + length)).toEqual(Buffer.alloc(4, 0xcc))
          expect(openedFieldLengthMax(length)).toBeGreaterThanOrEqual(bytes.length)
          const head = parseField(text, at, at + length)
          expect(head).toMatchObject({ suite, plaintextBytes: bytes.length })
          expect(head.keyId).toEqual(key.id)
          const target = Buffer.alloc(bytes.length)
          expect(openField(head, key, aad(), text, at, at + length, target, 0)).toBe(bytes.length)
          expect(target).toEqual(Buffer.from(bytes))
        },
      ),
    )
  })

  test.each([1024, 47_000, 65_536])(
    'comes back as it was with %i bytes, beyond the scratch memory',
    (bytes) => {
      const source = randomBytes(bytes)
      const text = Buffer.alloc(sealedFieldLength(bytes, suite))
      sealField(key, aad(), source, 0, bytes, text, 0)
      const target = Buffer.alloc(bytes)
      openField(parseField(text, 0, text.length), key, aad(), text, 0, text.length, target, 0)
      expect(target).toEqual(source)
    },
  )

  test('may be sealed and opened in place', () => {
    const bytes = Buffer.alloc(500)
    bytes.write('"in place"')
    const end = sealField(key, aad(), bytes, 0, 10, bytes, 0)
    openField(parseField(bytes, 0, end), key, aad(), bytes, 0, end, bytes, 0)
    expect(bytes.toString('utf8', 0, 10)).toBe('"in place"')
  })

  test('has a key purpose of its own', () => {
    expect(fieldKeyPurpose(suite)).toBe(`field-${suite}`)
  })

  test('is not made for an empty token, a short target, or a key of another length', () => {
    const target = Buffer.alloc(sealedFieldLength(4, suite) - 1)
    const token = Buffer.from('null')
    expect(() => sealField(key, aad(), token, 0, 0, target, 0)).toThrow(RangeError)
    expect(() => sealField(key, aad(), token, 0, 4, target, 0)).toThrow(RangeError)
    const short = { ...key, bytes: key.bytes.subarray(1) }
    expect(() => sealField(short, aad(), token, 0, 4, Buffer.alloc(200), 0)).toThrow(RangeError)
  })

  test('does not open with the key of another suite', () => {
    const text = Buffer.alloc(sealedFieldLength(4, suite))
    sealField(key, aad(), Buffer.from('null'), 0, 4, text, 0)
    const other = { ...newKey(suite === 1 ? 2 : 1), id: key.id }
    const head = parseField(text, 0, text.length)
    expect(() => openField(head, other, aad(), text, 0, text.length, Buffer.alloc(9), 0)).toThrow(RangeError)
  })
})

test.each(SUITES)('suite %i writes what the reference writes with the same nonce', (suite) => {
  const tenantKey = randomBytes(32)
  const bytes = derived(tenantKey, `field-${suite}`, suite === 3 ? 64 : 32)
  for (const token of ['1', '"a"', `"${'long '.repeat(100)}"`]) {
    const text = Buffer.alloc(sealedFieldLength(token.length, suite))
    sealField({ suite, id: keyId(tenantKey), bytes }, aad(), Buffer.from(token), 0, token.length, text, 0)
    const nonce = Buffer.from(text.toString('latin1', 5), 'base64url').subarray(17, 41)
    expect(text.toString('latin1')).toBe(
      sealFieldReference(suite, tenantKey, CONTEXT, 'summary', nonce, token),
    )
  }
})

test('a value of 8 MiB comes back and one beyond the limit is too large', () => {
  const key = newKey(1)
  const source = Buffer.alloc(8 * 1024 * 1024, 0x61)
  const text = Buffer.alloc(sealedFieldLength(source.length, 1))
  sealField(key, aad(), source, 0, source.length, text, 0)
  const target = Buffer.alloc(source.length)
  openField(parseField(text, 0, text.length), key, aad(), text, 0, text.length, target, 0)
  expect(target.equals(source)).toBe(true)
  const tooLarge = expect.objectContaining({ failure: 'too-large' })
  expect(() => sealField(newKey(3), aad(), source, 0, 65_537, text, 0)).toThrow(tooLarge)
  const claim = Buffer.alloc(sealedFieldLength(65_537, 3), 0x41)
  claim.write('~pc1~Aw')
  expect(() => parseField(claim, 0, claim.length)).toThrow(tooLarge)
})

test('claims of any version are recognized, other text is not', () => {
  const claims = (text: string): boolean =>
    isFieldEnvelope(Buffer.from(`.${text}.`), 1, 1 + Buffer.byteLength(text))
  for (const text of ['~pc1~', '~pc2~x', '~pc999~']) expect(claims(text)).toBe(true)
  for (const text of ['', '~pc1', '~pc~', '~pc1234~', 'pc1~', '~Pc1~', '~pcx~'])
    expect(claims(text)).toBe(false)
})

test('parsing reads nothing behind the end it is given', () => {
  const bytes = Buffer.from(
    '~pc1~AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  )
  expect(() => parseField(bytes, 0, 6)).toThrow(expect.objectContaining({ failure: 'truncated' }))
  expect(() => parseField(bytes, 0, 40)).toThrow(expect.objectContaining({ failure: 'truncated' }))
})
