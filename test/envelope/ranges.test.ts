import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseHeader } from '../../src/envelope/header.ts'
import { planRange } from '../../src/envelope/ranges.ts'
import { chunked, failureOf, opener, push, seal } from './stream-support.ts'

const FRAME = 65_536
const plaintext = randomBytes(3 * FRAME + 7)
const stored = seal(plaintext)
const header = parseHeader(stored)

describe('a range of a whole object', () => {
  function read(start: number, end: number, sizes: readonly number[]): Buffer {
    const plan = planRange(plaintext.length, start, end)
    const fetched = stored.subarray(plan.fetchStart, plan.fetchEnd)
    return push(opener({ range: { header, ...plan } }), chunked(fetched, sizes))
  }

  const borders = [0, FRAME, 2 * FRAME, 3 * FRAME + 1, plaintext.length - 5, plaintext.length]
  const edges = [...new Set(borders.flatMap((at) => [at - 1, at, at + 1]))].filter(
    (at) => at >= 0 && at <= plaintext.length,
  )

  test('is right between any two borders, one less and one more', () => {
    for (const start of edges) {
      for (const end of edges.filter((at) => at > start)) {
        expect(read(start, end, [Infinity]).equals(plaintext.subarray(start, end)), `${start}-${end}`).toBe(
          true,
        )
      }
    }
  })

  test('is right anywhere, in any chunks, and fetches at most a frame more on either side', () => {
    const at = fc.nat(plaintext.length - 1)
    fc.assert(
      fc.property(at, at, fc.integer({ min: 500, max: 90_000 }), (a, b, size) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b) + 1]
        expect(read(start, end, [size]).equals(plaintext.subarray(start, end))).toBe(true)
        const plan = planRange(plaintext.length, start, end)
        const frames = Math.ceil((plan.takeBytes + plan.skipBytes) / FRAME) + 1
        expect(plan.fetchEnd - plan.fetchStart).toBeLessThanOrEqual(plan.takeBytes + 2 * FRAME + frames * 16)
      }),
      { numRuns: 60 },
    )
  })

  test('fails where the stored bytes are cut, moved or followed by more', () => {
    const plan = planRange(plaintext.length, FRAME + 10, FRAME + 20)
    const fetched = (): Buffer => Buffer.from(stored.subarray(plan.fetchStart, plan.fetchEnd))
    const from = (firstFrame: number): ReturnType<typeof opener> =>
      opener({ range: { header, ...plan, firstFrame } })
    expect(failureOf(() => push(from(1), [fetched().subarray(0, -1)]))).toBe('truncated')
    expect(failureOf(() => push(from(1), []))).toBe('truncated')
    expect(failureOf(() => push(from(0), [fetched()]))).toBe('not-authentic')
    expect(failureOf(() => push(from(1), [fetched(), Buffer.alloc(1)]))).toBe('extended')
  })

  test('outside the object is refused', () => {
    for (const [start, end] of [
      [-1, 2],
      [5, 5],
      [6, 5],
      [0, plaintext.length + 1],
      [0.5, 2],
      [0, Infinity],
    ] as const) {
      expect(() => planRange(plaintext.length, start, end)).toThrow(RangeError)
    }
  })
})
