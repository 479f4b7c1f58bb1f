import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { extractPlaintext, insertPlaintext, PLACEHOLDER_BYTES } from '../../src/kms/plaintext-body.ts'

const key = fc.uint8Array({ minLength: PLACEHOLDER_BYTES, maxLength: PLACEHOLDER_BYTES })
const placeholder = Buffer.alloc(PLACEHOLDER_BYTES).toString('base64')

function request(context: Record<string, string> = {}): string {
  return JSON.stringify({ KeyId: 'arn', Plaintext: placeholder, EncryptionContext: context })
}

describe('a plaintext in a request body', () => {
  test('is the base64 that JSON expects, for every key', () => {
    fc.assert(
      fc.property(key, fc.dictionary(fc.string(), fc.string()), (plaintext, context) => {
        const body = insertPlaintext(request(context), plaintext)
        const parsed = JSON.parse(body.toString()) as { Plaintext: string; EncryptionContext: unknown }
        expect(parsed.Plaintext).toBe(Buffer.from(plaintext).toString('base64'))
        expect(parsed.EncryptionContext).toEqual(context)
      }),
    )
  })

  test('leaves the body given to it untouched', () => {
    const body = Buffer.from(request())
    const before = Buffer.from(body)
    insertPlaintext(body, new Uint8Array(32).fill(255))
    expect(body).toEqual(before)
  })

  test('is refused where there is no place for it', () => {
    expect(() => insertPlaintext('{}', new Uint8Array(32))).toThrow('no place')
  })

  test('of another length than a key is refused', () => {
    expect(() => insertPlaintext(request(), new Uint8Array(31))).toThrow(RangeError)
  })
})

describe('a plaintext in a response body', () => {
  test('comes out whole and leaves zeros behind, for every key', () => {
    fc.assert(
      fc.property(key, fc.constantFrom('', ' ', '\n\t '), (plaintext, space) => {
        const text = Buffer.from(plaintext).toString('base64')
        const body = Buffer.from(`{"KeyId":"arn","Plaintext"${space}:${space}"${text}","Other":1}`)
        const target = new Uint8Array(PLACEHOLDER_BYTES)
        expect(extractPlaintext(body, target)).toBe(true)
        expect(target).toEqual(plaintext)
        expect(JSON.parse(body.toString())).toEqual({ KeyId: 'arn', Plaintext: placeholder, Other: 1 })
      }),
    )
  })

  test.each([
    ['absent', '{"KeyId":"arn"}'],
    ['too short', `{"Plaintext":"${Buffer.alloc(16, 1).toString('base64')}"}`],
    ['too long', `{"Plaintext":"${Buffer.alloc(33, 1).toString('base64')}"}`],
    ['null', '{"Plaintext":null}'],
    ['not base64', `{"Plaintext":"${'!'.repeat(43)}="}`],
    ['without padding', `{"Plaintext":"${'A'.repeat(44)}"}`],
    ['with bits beyond its end', `{"Plaintext":"${'A'.repeat(42)}B="}`],
    ['cut off', '{"Plaintext":"AAAA'],
  ])('%s is refused', (_what, text) => {
    const target = new Uint8Array(PLACEHOLDER_BYTES).fill(7)
    expect(extractPlaintext(Buffer.from(text), target)).toBe(false)
    expect(target).toEqual(new Uint8Array(PLACEHOLDER_BYTES).fill(7))
  })
})
