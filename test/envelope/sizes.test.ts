import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openedPartsBounds, openedStreamBytes, sealedStreamBytes } from '../../src/envelope/sizes.ts'

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

describe('length of an object of parts', () => {
  const part = fc.oneof(fc.nat(3 * FRAME), fc.constantFrom(0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME))
  const total = (parts: readonly number[], trailer: number): number =>
    parts.reduce((sum, bytes) => sum + sealedStreamBytes(bytes, trailer), 0)

  test('lies within its bounds, which are 16 bytes apart for each part but one', () => {
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 8 }),
        fc.constantFrom(0, 36),
        (parts, trailer) => {
          const bounds = openedPartsBounds(total(parts, trailer), parts.length, trailer)!
          const plaintext = parts.reduce((sum, bytes) => sum + bytes, 0)
          expect(bounds.least).toBeLessThanOrEqual(plaintext)
          expect(bounds.most).toBeGreaterThanOrEqual(plaintext)
          expect(bounds.most - bounds.least).toBeLessThanOrEqual(16 * (parts.length - 1))
        },
      ),
      { numRuns: 500 },
    )
  })

  test('is exact when all parts but the last are whole frames', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(4), { maxLength: 8 }), part, (frames, last) => {
        const parts = [...frames.map((count) => (count + 1) * FRAME), last]
        const plaintext = parts.reduce((sum, bytes) => sum + bytes, 0)
        expect(openedPartsBounds(total(parts, 0), parts.length)?.most).toBe(plaintext)
      }),
    )
  })

  test('has bounds that parts reach', () => {
    const sealed = total([FRAME, FRAME, 100], 0)
    expect(openedPartsBounds(sealed, 3)).toEqual({ least: 2 * FRAME + 100 - 32, most: 2 * FRAME + 100 })
    expect(total([2 * FRAME + 68, 0, 0], 0)).toBe(sealed)
  })

  test('is unknown for what no parts make', () => {
    expect(openedPartsBounds(135, 1)).toBeUndefined()
    expect(openedPartsBounds(271, 2)).toBeUndefined()
    expect(openedPartsBounds(272, 2)).toEqual({ least: 0, most: 0 })
    for (const parts of [0, -1, 1.5]) expect(openedPartsBounds(1000, parts)).toBeUndefined()
  })
})
