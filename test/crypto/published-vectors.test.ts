import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { sivSeal } from '../../src/crypto/aes-siv.ts'
import { hkdfSha256 } from '../../src/crypto/hkdf.ts'
import { xaesOpen } from '../../src/crypto/xaes-256-gcm.ts'
import { xchachaOpen } from '../../src/crypto/xchacha20-poly1305.ts'
import { siv, xaes } from '../vectors/reference.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')

describe('HKDF-SHA256', () => {
  test('derives RFC 5869 A.1', () => {
    const output = Buffer.alloc(42)
    hkdfSha256(output, hex('0b'.repeat(22)), hex('000102030405060708090a0b0c'), hex('f0f1f2f3f4f5f6f7f8f9'))
    expect(output.toString('hex')).toBe(
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    )
  })

  test('derives RFC 5869 A.2', () => {
    const output = Buffer.alloc(82)
    const run = (from: number): Buffer => Buffer.from(Uint8Array.from({ length: 80 }, (_, i) => from + i))
    hkdfSha256(output, run(0x00), run(0x60), run(0xb0))
    expect(output).toEqual(
      hex(`b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09
           da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87`),
    )
  })

  test('derives RFC 5869 A.3, without salt and info', () => {
    const output = Buffer.alloc(42)
    hkdfSha256(output, hex('0b'.repeat(22)), Buffer.alloc(0), Buffer.alloc(0))
    expect(output.toString('hex')).toBe(
      '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
    )
  })

  test('refuses no key material, no output and more than 255 blocks', () => {
    const none = Buffer.alloc(0)
    expect(() => hkdfSha256(Buffer.alloc(32), none, none, none)).toThrow(RangeError)
    expect(() => hkdfSha256(none, Buffer.alloc(1), none, none)).toThrow(RangeError)
    expect(() => hkdfSha256(Buffer.alloc(8161), Buffer.alloc(1), none, none)).toThrow(RangeError)
  })
})

test('XChaCha20-Poly1305 opens draft-irtf-cfrg-xchacha-03 A.3.1', () => {
  const plaintext =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
  const sealed = hex(`404142434445464748494a4b4c4d4e4f5051525354555657
    bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39
    ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9
    21f9664c97637da9768812f615c68b13b52e c0875924c1c7987947deafd8780acf49`)
  const key = hex('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f')
  const opened = Buffer.alloc(plaintext.length)
  expect(xchachaOpen(opened, 0, sealed, 0, sealed.length, hex('50515253c0c1c2c3c4c5c6c7'), key)).toBe(true)
  expect(opened.toString()).toBe(plaintext)
})

describe('XAES-256-GCM', () => {
  test.each([
    ['01', '', 'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271'],
    ['03', 'c2sp.org/XAES-256-GCM', '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d'],
  ])('opens the C2SP vector with key %s…', (byte, aad, ciphertext) => {
    const key = Buffer.alloc(32, Number.parseInt(byte, 16))
    const nonce = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWX')
    const sealed = Buffer.concat([nonce, hex(ciphertext)])
    const opened = Buffer.alloc(12)
    expect(xaesOpen(opened, 0, sealed, 0, sealed.length, Buffer.from(aad), key)).toBe(true)
    expect(opened.toString()).toBe('XAES-256-GCM')
    expect(xaes(key, nonce, Buffer.from(aad), Buffer.from('XAES-256-GCM'))).toEqual(sealed)
  })
})

test('XAES-256-GCM passes the accumulated C2SP test of 10,000 iterations', () => {
  const stream = createHash('shake128', { outputLength: 4 * 1024 * 1024 }).digest()
  let at = 0
  const read = (bytes: number): Buffer => stream.subarray(at, (at += bytes))
  const ciphertexts = createHash('shake128', { outputLength: 32 })
  for (let i = 0; i < 10_000; i++) {
    const [key, nonce] = [read(32), read(24)]
    const plaintext = read(read(1)[0]!)
    const aad = read(read(1)[0]!)
    const sealed = xaes(key, nonce, aad, plaintext)
    ciphertexts.update(sealed.subarray(24))
    const opened = Buffer.alloc(plaintext.length)
    if (!xaesOpen(opened, 0, sealed, 0, sealed.length, aad, key) || !opened.equals(plaintext)) {
      expect.unreachable(`iteration ${i} does not open`)
    }
  }
  expect(ciphertexts.digest('hex')).toBe('e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939')
})

describe('AES-SIV', () => {
  const key256 = Buffer.from(Uint8Array.from({ length: 64 }, (_, i) => i))

  test.each([0, 1, 15, 16, 17, 31, 32, 33, 100])(
    'seals %i bytes as a second implementation does',
    (length) => {
      const plaintext = Buffer.alloc(length, 0x61)
      const aad = Buffer.from('associated data')
      const sealed = Buffer.alloc(length + 16)
      sivSeal(sealed, 0, plaintext, 0, length, aad, key256)
      expect(sealed).toEqual(siv(key256, Buffer.alloc(0), aad, plaintext))
    },
  )

  test('refuses the shorter keys of RFC 5297', () => {
    for (const length of [32, 48, 63, 65]) {
      expect(() =>
        sivSeal(Buffer.alloc(17), 0, Buffer.alloc(1), 0, 1, Buffer.alloc(0), Buffer.alloc(length)),
      ).toThrow(RangeError)
    }
  })
})
