import { createSecretKey, randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  FRAME_BYTES,
  openFrame,
  openFrames,
  SEALED_FRAME_BYTES,
  sealFrame,
  sealFrames,
} from '../../src/crypto/frames.ts'

const key = randomBytes(32)

describe('frames in batches', () => {
  test.each([0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 3 * FRAME_BYTES])(
    'open what was sealed, %i bytes at the end of a stream',
    (bytes) => {
      const plaintext = randomBytes(bytes)
      const frames = Math.max(1, Math.ceil(bytes / FRAME_BYTES))
      const sealed = Buffer.alloc(bytes + 16 * frames)
      expect(sealFrames(key, plaintext, 5, true, sealed)).toBe(sealed.length)
      const opened = Buffer.alloc(bytes)
      expect(openFrames(createSecretKey(key), sealed, 5, true, opened)).toBe(bytes)
      expect(opened).toEqual(plaintext)
      expect(openFrames(key, sealed, 6, true, opened)).toBe(-1)
      expect(openFrames(key, sealed.subarray(0, frames * SEALED_FRAME_BYTES), 5, true, opened)).toBe(bytes)
    },
  )

  test('release nothing of a batch with one bad frame', () => {
    const plaintext = randomBytes(3 * FRAME_BYTES)
    const sealed = Buffer.alloc(3 * SEALED_FRAME_BYTES)
    sealFrames(key, plaintext, 0, false, sealed)
    sealed[2 * SEALED_FRAME_BYTES + 9]! ^= 1
    const opened = Buffer.alloc(plaintext.length, 1)
    expect(openFrames(key, sealed, 0, false, opened)).toBe(-1)
    expect(opened).toEqual(Buffer.alloc(plaintext.length))
  })

  test('refuse a partial frame in the middle of a stream', () => {
    expect(() => sealFrames(key, Buffer.alloc(100), 0, false, Buffer.alloc(200))).toThrow(RangeError)
    expect(() => openFrames(key, Buffer.alloc(100), 0, false, Buffer.alloc(200))).toThrow(RangeError)
  })
})

test('a frame opens at its own position and with its own marker only', () => {
  const sealed = Buffer.concat(sealFrame(key, 7, 0, Buffer.from('text')))
  expect(openFrame(key, 7, 0, sealed)?.toString()).toBe('text')
  for (const [index, marker] of [
    [6, 0],
    [8, 0],
    [7, 1],
    [7, 2],
  ] as const) {
    expect(openFrame(key, index, marker, sealed)).toBeUndefined()
  }
  expect(openFrame(key, 7, 0, sealed.subarray(0, 15))).toBeUndefined()
})
