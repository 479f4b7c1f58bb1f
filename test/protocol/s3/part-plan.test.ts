import { describe, expect, it } from 'vitest'
import { frameLog2Of } from '../../../src/envelope/parts/layout.ts'
import { STREAM_HEADER_BYTES } from '../../../src/envelope/sizes.ts'
import { planPartRange, uniformLengths } from '../../../src/protocol/s3/proxy/part-plan.ts'

const MEBIBYTE = 1024 * 1024
const MEGABYTE = 1_000_000
const OBJECT_BYTES = 5 * 1024 * MEBIBYTE

/** Stored bytes that a range of an object of equal parts makes the gateway read: the first header, and the frames. */
function fetchedBytes(partBytes: number, start: number, bytes: number): number {
  const streams = Math.ceil(OBJECT_BYTES / partBytes)
  const lengths = uniformLengths(partBytes, OBJECT_BYTES, streams)!
  const plan = planPartRange(lengths, { start, end: start + bytes - 1 }, frameLog2Of)
  return STREAM_HEADER_BYTES + plan.fetchEnd - plan.fetchStart
}

describe.each([5, 8, 15, 16, 32])('a range of a 5 GiB object in parts of %d MiB', (partMebibytes) => {
  const partBytes = partMebibytes * MEBIBYTE

  it('of 1 MB reads at most 1.1 MB, wherever it begins', () => {
    const partStarts = [0, 1, Math.floor(OBJECT_BYTES / partBytes / 2)].map((part) => part * partBytes)
    for (const partStart of partStarts) {
      // Steps of a prime number meet every position in a frame, and the boundary of the next part.
      for (let offset = 0; offset < partBytes; offset += 4_099) {
        expect(fetchedBytes(partBytes, partStart + offset, MEGABYTE)).toBeLessThanOrEqual(1.1 * MEGABYTE)
      }
    }
  })
})

describe.each([5, 8, 15, 16, 32, 64])(
  'a 1 MiB range of a 5 GiB object in parts of %d MiB',
  (partMebibytes) => {
    const partBytes = partMebibytes * MEBIBYTE

    it('reads at most 1.1 MiB, wherever it begins', () => {
      const partStarts = [0, 1, Math.floor(OBJECT_BYTES / partBytes / 2)].map((part) => part * partBytes)
      for (const partStart of partStarts) {
        // Steps of a prime number meet every position in a frame, and the boundary of the next part.
        for (let offset = 0; offset < partBytes; offset += 4_099) {
          expect(fetchedBytes(partBytes, partStart + offset, MEBIBYTE)).toBeLessThanOrEqual(1.1 * MEBIBYTE)
        }
      }
    })

    it('reads little more than it returns where it begins with a frame', () => {
      expect(fetchedBytes(partBytes, partBytes, MEBIBYTE)).toBe(
        MEBIBYTE + (partMebibytes > 32 ? 16 : 32) * 32 + STREAM_HEADER_BYTES,
      )
    })
  },
)
