import { createCipheriv, randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { GcmEngine } from '../../src/crypto/gcm.ts'
import { agree, gcmEngine } from '../../src/crypto/gcm-engine.ts'
import { nodeGcm } from '../../src/crypto/node-gcm.ts'
import { opensslContexts, opensslGcm } from '../../src/crypto/openssl-gcm.ts'
import { hexOf, wycheproofOrSkip } from './wycheproof.ts'

const openssl = opensslGcm()

/** In one piece, by another way into OpenSSL than either engine uses per piece. */
function reference(key: Buffer, nonce: Buffer, aad: Buffer, message: Buffer): [Buffer, Buffer] {
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad)
  return [Buffer.concat([cipher.update(message), cipher.final()]), cipher.getAuthTag()]
}

function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const borders = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b)
  return borders.slice(1).map((end, index) => bytes.subarray(borders[index], end))
}

describe.each([
  ['OpenSSL called directly', openssl],
  ['node:crypto', nodeGcm],
])('AES-256-GCM by %s', (_, engine: GcmEngine) => {
  it('seals and opens in place, whatever pieces a message comes in and wherever they lie', () => {
    const bytes = (most: number): fc.Arbitrary<Buffer> =>
      fc.uint8Array({ maxLength: most }).map((array) => Buffer.from(array))
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(70_000), bytes(40), fc.array(fc.nat(), { maxLength: 6 })), {
          minLength: 1,
          maxLength: 4,
        }),
        fc.nat(31),
        (messages, misaligned) => {
          const key = randomBytes(32)
          const sealing = engine.sealing(key)
          const opening = engine.opening(key)
          const tag = Buffer.alloc(16)
          for (const [length, aad, cuts] of messages) {
            const nonce = randomBytes(12)
            const message = randomBytes(length)
            const [ciphertext, expectedTag] = reference(key, nonce, aad, message)
            const memory = Buffer.alloc(length + 64, 0xa5)
            const place = memory.subarray(misaligned, misaligned + length)
            message.copy(place)
            sealing.begin(nonce, aad)
            for (const piece of pieces(place, cuts)) sealing.update(piece)
            sealing.end(tag)
            expect(place.equals(ciphertext)).toBe(true)
            expect(tag).toEqual(expectedTag)
            opening.begin(nonce, aad)
            for (const piece of pieces(place, cuts.toReversed())) opening.update(piece)
            expect(opening.end(tag)).toBe(true)
            expect(place.equals(message)).toBe(true)
            // Nothing around the message was touched.
            place.fill(0xa5)
            expect(memory.every((byte) => byte === 0xa5)).toBe(true)
          }
          sealing.free()
          opening.free()
        },
      ),
      { numRuns: 60 },
    )
  })

  it('refuses what was changed anywhere, and opens the next message as if nothing had been', () => {
    const key = randomBytes(32)
    const nonce = randomBytes(12)
    const opening = engine.opening(key)
    for (const length of [0, 1, 16, 1000]) {
      const message = randomBytes(length)
      const aad = randomBytes(5)
      const [ciphertext, tag] = reference(key, nonce, aad, message)
      const changed = (bytes: Buffer): Buffer => {
        const copy = Buffer.from(bytes)
        copy[copy.length - 1]! ^= 0x80
        return copy
      }
      const verifies = (text: Buffer, associated: Buffer, expected: Buffer): boolean => {
        opening.begin(nonce, associated)
        opening.update(Buffer.from(text))
        return opening.end(expected)
      }
      if (length > 0) expect(verifies(changed(ciphertext), aad, tag)).toBe(false)
      expect(verifies(ciphertext, changed(aad), tag)).toBe(false)
      expect(verifies(ciphertext, aad, changed(tag))).toBe(false)
      expect(verifies(ciphertext.subarray(1), aad, tag)).toBe(length === 0)
      expect(verifies(ciphertext, aad, tag)).toBe(true)
    }
    opening.free()
    // A refusal leaves nothing in OpenSSL's queue that another call would fail with.
    expect(createCipheriv('aes-256-gcm', key, nonce).final()).toHaveLength(0)
  })

  it('accepts the valid and refuses the rest of Wycheproof', (context) => {
    const groups = wycheproofOrSkip('aes_gcm_test.json', context)
    const able = groups.filter(
      (group) => group.keySize === 256 && group.ivSize === 96 && group.tagSize === 128,
    )
    let cases = 0
    for (const vector of able.flatMap((group) => group.tests)) {
      const opening = engine.opening(hexOf(vector, 'key'))
      const text = hexOf(vector, 'ct')
      opening.begin(hexOf(vector, 'iv'), hexOf(vector, 'aad'))
      opening.update(text)
      const accepted = opening.end(hexOf(vector, 'tag'))
      opening.free()
      expect(accepted, `tcId ${vector.tcId}`).toBe(vector.result === 'valid')
      if (accepted) expect(text).toEqual(hexOf(vector, 'msg'))
      cases += 1
    }
    expect(cases).toBeGreaterThan(60)
  })

  it('refuses lengths that no key, nonce or tag has', () => {
    for (const length of [0, 16, 31, 33]) {
      expect(() => engine.sealing(Buffer.alloc(length))).toThrow('the key')
      expect(() => engine.opening(Buffer.alloc(length))).toThrow('the key')
    }
    const sealing = engine.sealing(Buffer.alloc(32))
    const opening = engine.opening(Buffer.alloc(32))
    for (const cipher of [sealing, opening]) {
      for (const length of [0, 11, 13]) expect(() => cipher.begin(Buffer.alloc(length))).toThrow('the nonce')
      cipher.begin(Buffer.alloc(12))
      for (const length of [0, 15, 17]) expect(() => cipher.end(Buffer.alloc(length))).toThrow('a tag')
      cipher.end(Buffer.alloc(16))
      cipher.free()
    }
  })

  it('does nothing outside a message, and nothing any more once it was freed', () => {
    for (const cipher of [engine.sealing(Buffer.alloc(32)), engine.opening(Buffer.alloc(32))]) {
      expect(() => cipher.update(Buffer.alloc(1))).toThrow('no message')
      expect(() => cipher.end(Buffer.alloc(16))).toThrow('no message')
      cipher.begin(Buffer.alloc(12))
      cipher.end(Buffer.alloc(16))
      // The nonce of a finished message is never used on.
      expect(() => cipher.update(Buffer.alloc(1))).toThrow('no message')
      cipher.begin(Buffer.alloc(12))
      cipher.free()
      cipher.free()
      expect(() => cipher.begin(Buffer.alloc(12))).toThrow('freed')
      expect(() => cipher.update(Buffer.alloc(1))).toThrow()
    }
  })
})

describe('the cipher of this process', () => {
  it('is OpenSSL called directly where the program exports it', () => {
    expect(gcmEngine.name).toBe('openssl')
  })

  it('gives every context back that was freed', () => {
    const before = opensslContexts()
    const ciphers = Array.from({ length: 100 }, () => openssl.sealing(Buffer.alloc(32)))
    expect(opensslContexts()).toBe(before + 100)
    for (const cipher of ciphers) cipher.free()
    expect(opensslContexts()).toBe(before)
  })

  it('is not one that disagrees with node:crypto', () => {
    const wrong: GcmEngine = {
      ...openssl,
      sealing: (key) => {
        const sealing = openssl.sealing(key)
        return {
          begin: (nonce, aad) => sealing.begin(nonce, aad),
          update: (piece) => sealing.update(piece),
          end: (tag) => {
            sealing.end(tag)
            tag[3]! ^= 1
          },
          free: () => sealing.free(),
        }
      },
    }
    const lax: GcmEngine = {
      ...openssl,
      opening: (key) => {
        const opening = openssl.opening(key)
        return {
          begin: (nonce, aad) => opening.begin(nonce, aad),
          update: (piece) => opening.update(piece),
          end: (tag) => opening.end(tag) || true,
          free: () => opening.free(),
        }
      },
    }
    expect(agree(openssl, nodeGcm)).toBe(true)
    expect(agree(wrong, nodeGcm)).toBe(false)
    expect(agree(lax, nodeGcm)).toBe(false)
  })
})
