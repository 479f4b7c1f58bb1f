import { describe, expect, test } from 'vitest'
import { gcmOpen, gcmSeal } from '../../src/crypto/aes-256-gcm.ts'
import { sivOpen, sivSeal } from '../../src/crypto/aes-siv.ts'
import { hkdfSha256 } from '../../src/crypto/hkdf.ts'
import { xchachaOpen } from '../../src/crypto/xchacha20-poly1305.ts'
import { hexOf, wycheproofOrSkip } from './wycheproof.ts'

describe('Wycheproof', () => {
  test('AES-256-GCM accepts the valid and refuses the rest', (context) => {
    const groups = wycheproofOrSkip('aes_gcm_test.json', context)
    let cases = 0
    for (const group of groups.filter((g) => g.keySize === 256 && g.ivSize === 96 && g.tagSize === 128)) {
      for (const vector of group.tests) {
        const [key, nonce, aad, message, ciphertext, tag] = ['key', 'iv', 'aad', 'msg', 'ct', 'tag'].map(
          (name) => hexOf(vector, name),
        ) as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer]
        const sealed = Buffer.concat([ciphertext, tag])
        const opened = Buffer.alloc(ciphertext.length)
        const accepted = gcmOpen(opened, 0, sealed, aad, nonce, key)
        expect(accepted, `tcId ${vector.tcId}`).toBe(vector.result === 'valid')
        expect(opened).toEqual(accepted ? message : Buffer.alloc(ciphertext.length))
        if (accepted) {
          const again = Buffer.alloc(sealed.length)
          gcmSeal(again, 0, message, aad, nonce, key)
          expect(again).toEqual(sealed)
        }
        cases++
      }
    }
    expect(cases).toBeGreaterThan(60)
  })

  test('XChaCha20-Poly1305 accepts the valid and refuses the rest', (context) => {
    const groups = wycheproofOrSkip('xchacha20_poly1305_test.json', context)
    let cases = 0
    for (const vector of groups.filter((g) => g.ivSize === 192).flatMap((g) => g.tests)) {
      const sealed = Buffer.concat(['iv', 'ct', 'tag'].map((name) => hexOf(vector, name)))
      const message = hexOf(vector, 'msg')
      const opened = Buffer.alloc(hexOf(vector, 'ct').length)
      const accepted = xchachaOpen(
        opened,
        0,
        sealed,
        0,
        sealed.length,
        hexOf(vector, 'aad'),
        hexOf(vector, 'key'),
      )
      expect(accepted, `tcId ${vector.tcId}`).toBe(vector.result === 'valid')
      expect(opened).toEqual(accepted ? message : Buffer.alloc(opened.length))
      cases++
    }
    expect(cases).toBeGreaterThan(250)
  })

  test('AES-SIV with 512-bit keys accepts the valid and refuses the rest', (context) => {
    const groups = wycheproofOrSkip('aes_siv_cmac_test.json', context)
    let cases = 0
    for (const vector of groups.filter((g) => g.keySize === 512).flatMap((g) => g.tests)) {
      const [key, aad, message, sealed] = ['key', 'aad', 'msg', 'ct'].map((name) => hexOf(vector, name)) as [
        Buffer,
        Buffer,
        Buffer,
        Buffer,
      ]
      const opened = Buffer.alloc(Math.max(0, sealed.length - 16))
      const accepted = sivOpen(opened, 0, sealed, 0, sealed.length, aad, key)
      expect(accepted, `tcId ${vector.tcId}`).toBe(vector.result === 'valid')
      if (accepted) {
        expect(opened).toEqual(message)
        const again = Buffer.alloc(sealed.length)
        sivSeal(again, 0, message, 0, message.length, aad, key)
        expect(again).toEqual(sealed)
      }
      cases++
    }
    expect(cases).toBeGreaterThan(100)
  })

  test('HKDF-SHA256 derives the valid and refuses lengths beyond its limit', (context) => {
    const groups = wycheproofOrSkip('hkdf_sha256_test.json', context)
    let cases = 0
    for (const vector of groups.flatMap((group) => group.tests)) {
      const output = Buffer.alloc(vector['size'] as number)
      const derive = (): void =>
        hkdfSha256(output, hexOf(vector, 'ikm'), hexOf(vector, 'salt'), hexOf(vector, 'info'))
      if (vector.result === 'invalid') expect(derive, `tcId ${vector.tcId}`).toThrow(RangeError)
      else {
        derive()
        expect(output, `tcId ${vector.tcId}`).toEqual(hexOf(vector, 'okm'))
      }
      cases++
    }
    expect(cases).toBeGreaterThan(80)
  })
})
