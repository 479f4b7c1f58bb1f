import { describe, expect, test } from 'vitest'
import { openedStreamBytes, sealedStreamBytes } from '../../src/envelope/sizes.ts'

const FRAME = 65_536
const EDGES = [
  0,
  1,
  2,
  FRAME - 1,
  FRAME,
  FRAME + 1,
  2 * FRAME - 1,
  2 * FRAME,
  2 * FRAME + 1,
  5 * 2 ** 40,
  2 ** 46,
]

describe('length of a stream', () => {
  test.each(EDGES)('of %i bytes there and back', (bytes) => {
    for (const trailer of [0, 1, 36, 1024]) {
      const sealed = sealedStreamBytes(bytes, trailer)
      const frames = Math.max(1, Math.ceil(bytes / FRAME))
      expect(sealed).toBe(120 + bytes + 16 * frames + (trailer === 0 ? 0 : trailer + 16))
      expect(openedStreamBytes(sealed, trailer)).toBe(bytes)
    }
  })

  test('is that of some plaintext, or of none', () => {
    const lengths = new Map(
      Array.from({ length: 3 * FRAME }, (_, bytes) => [sealedStreamBytes(bytes), bytes] as const),
    )
    for (let sealed = 0; sealed <= sealedStreamBytes(3 * FRAME - 1); sealed++) {
      if (openedStreamBytes(sealed) !== lengths.get(sealed)) expect.unreachable(`length ${sealed}`)
    }
  })

  test('is refused beyond the limits', () => {
    for (const bytes of [-1, 0.5, NaN, 2 ** 46 + 1])
      expect(() => sealedStreamBytes(bytes)).toThrow(RangeError)
    for (const sealed of [-1, 0, 135, 136.5, NaN, Infinity]) expect(openedStreamBytes(sealed)).toBeUndefined()
    expect(openedStreamBytes(sealedStreamBytes(2 ** 46) + 1)).toBeUndefined()
  })
})
