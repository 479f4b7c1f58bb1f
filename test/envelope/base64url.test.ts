import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  base64UrlBytes,
  base64UrlLength,
  decodeBase64Url,
  decodeBase64UrlGroups,
  encodeBase64Url,
} from '../../src/envelope/base64url.ts'

test('writes what the platform writes, and reads it back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (array) => {
      const bytes = Buffer.from(array)
      const target = Buffer.alloc(base64UrlLength(bytes.length) + 2)
      expect(encodeBase64Url(bytes, 0, bytes.length, target, 1)).toBe(target.length - 1)
      expect(target.toString('latin1', 1, target.length - 1)).toBe(bytes.toString('base64url'))
      expect(base64UrlBytes(target.length - 2)).toBe(bytes.length)
      const decoded = Buffer.alloc(bytes.length)
      expect(decodeBase64Url(target, 1, target.length - 1, decoded)).toBe(true)
      expect(decoded).toEqual(bytes)
    }),
  )
})

test('accepts one spelling of any bytes: what it accepts, it would write', () => {
  const letters = fc.constantFrom(...'A Q g w - _ + / = \n \t . ~ é \0 Z z 0 9'.split(' '), ' ')
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 12 }), (characters) => {
      const text = Buffer.from(characters.join(''), 'latin1')
      const decoded = Buffer.alloc(12)
      const accepted = decodeBase64Url(text, 0, text.length, decoded)
      const spelled = decoded.toString('base64url', 0, base64UrlBytes(text.length))
      expect(accepted).toBe(spelled === text.toString('latin1'))
    }),
    { numRuns: 3000 },
  )
})

test('decodes groups of the alphabet only', () => {
  const target = new Uint8Array(3)
  for (let byte = 0; byte < 256; byte++) {
    for (let at = 0; at < 4; at++) {
      const source = Buffer.from('AAAA')
      source[at] = byte
      expect(decodeBase64UrlGroups(source, 0, target)).toBe(/[\w-]/.test(String.fromCharCode(byte)))
    }
  }
})
