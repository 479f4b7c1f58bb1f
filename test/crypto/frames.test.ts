import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { FrameOpener, FrameSealer } from '../../src/crypto/frames.ts'

const key = randomBytes(32)

test('a frame opens at its own position and with its own marker only', () => {
  const sealer = new FrameSealer(key)
  const opener = new FrameOpener(key)
  const sealed = sealer.seal(7, 0, Buffer.from('text'))
  expect(opener.open(7, 0, Buffer.from(sealed))?.toString()).toBe('text')
  for (const [index, marker] of [
    [6, 0],
    [8, 0],
    [7, 1],
    [7, 2],
  ] as const) {
    const copy = Buffer.from(sealed)
    expect(opener.open(index, marker, copy)).toBeUndefined()
    expect(copy.subarray(0, 4)).toEqual(Buffer.alloc(4))
  }
  expect(opener.open(7, 0, sealed.subarray(0, 15))).toBeUndefined()
  sealer.free()
  opener.free()
})

test('a frame sealed in pieces where they lie is the frame sealed whole', () => {
  const plaintext = randomBytes(1000)
  const sealer = new FrameSealer(key)
  const whole = sealer.seal(3, 1, plaintext)
  sealer.begin(3, 1)
  for (let at = 0; at < plaintext.length; at += 77) sealer.update(plaintext.subarray(at, at + 77))
  expect(Buffer.concat([plaintext, sealer.end()])).toEqual(whole)
  sealer.free()
  expect(() => sealer.begin(4, 0)).toThrow('freed')
})
