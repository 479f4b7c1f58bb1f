import { expect, test } from 'vitest'
import { fillRandom, writeNonce } from '../../src/crypto/random.ts'

test('gives a nonce of its own to every call, across refills of the pool', () => {
  const seen = new Set<string>()
  const target = Buffer.alloc(24)
  for (let i = 0; i < 5000; i++) {
    writeNonce(target, 0, 24)
    seen.add(target.toString('hex'))
  }
  expect(seen.size).toBe(5000)
})

test('writes the asked-for bytes and no other', () => {
  const target = Buffer.alloc(30)
  writeNonce(target, 3, 24)
  expect(target.subarray(0, 3)).toEqual(Buffer.alloc(3))
  expect(target.subarray(27)).toEqual(Buffer.alloc(3))
  expect(target.subarray(3, 27)).not.toEqual(Buffer.alloc(24))
})

test('refuses a nonce that does not fit', () => {
  const target = Buffer.alloc(24)
  for (const [offset, length] of [
    [1, 24],
    [-1, 24],
    [0, 0],
    [0, 65],
  ] as const) {
    expect(() => writeNonce(target, offset, length)).toThrow(RangeError)
  }
})

test('fills key material', () => {
  const key = new Uint8Array(32)
  fillRandom(key)
  expect(key).not.toEqual(new Uint8Array(32))
})
