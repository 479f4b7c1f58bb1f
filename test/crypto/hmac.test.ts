import { createHmac } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { directHmac, hmacSha256, nodeHmac } from '../../src/crypto/hmac.ts'

const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength, size: 'max' })

describe.each([
  ['OpenSSL called directly', directHmac()],
  ['node:crypto', nodeHmac],
  ['what this process uses', hmacSha256],
])('HMAC-SHA256 by %s', (_, hmac) => {
  it('is the one of node:crypto for keys and messages of any length', () => {
    fc.assert(
      fc.property(bytes(200), bytes(1000), (key, message) => {
        const output = new Uint8Array(32)
        hmac(output, key, message)
        expect(Buffer.from(output)).toEqual(createHmac('sha256', key).update(message).digest())
      }),
      { numRuns: 60 },
    )
  })

  it('is that of RFC 4231, test case 2', () => {
    const output = Buffer.alloc(32)
    hmac(output, Buffer.from('Jefe'), Buffer.from('what do ya want for nothing?'))
    expect(output.toString('hex')).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843')
  })

  it('keeps nothing of the key before for an empty one', () => {
    const [first, second] = [Buffer.alloc(32), Buffer.alloc(32)]
    hmac(first, Buffer.alloc(32, 7), Buffer.from('a message'))
    hmac(second, new Uint8Array(0), Buffer.from('a message'))
    expect(second).toEqual(createHmac('sha256', Buffer.alloc(0)).update('a message').digest())
    expect(second).not.toEqual(first)
  })

  it('refuses an output of another length', () => {
    for (const length of [0, 31, 33])
      expect(() => hmac(new Uint8Array(length), new Uint8Array(32), new Uint8Array(1))).toThrow(RangeError)
  })
})
