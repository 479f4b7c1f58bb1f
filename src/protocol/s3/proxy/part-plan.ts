import type { ByteRange } from '../ranges.ts'
import type { FrameSizing, PartSize } from '../../../envelope/parts/layout.ts'
import { frameAt, frameEndAt, PART_OVERHEAD_BYTES } from '../../../envelope/parts/layout.ts'

/** Plaintext lengths of the parts of an object, in order; an end record is none. */
export interface PartLengths {
  readonly parts: number
  lengthOf(index: number): number
  /** Plaintext offset of a part. */
  startOf(index: number): number
  /** Index of the part that holds a plaintext byte. */
  indexAt(offset: number): number
}

/** Which stored bytes hold a plaintext range of an object made of parts. */
export interface PartRange {
  readonly index: number
  readonly part: PartSize
  /** Where the range begins in its part. */
  readonly offset: number
  readonly firstFrame: number
  readonly fetchStart: number
  readonly fetchEnd: number
  readonly skipBytes: number
  readonly takeBytes: number
}

/**
 * Lengths when every part but the last has the first one's, as nearly all clients make them; undefined when the
 * stored length contradicts that. What is read by this supposition authenticates only if it holds.
 */
export function uniformLengths(
  firstBytes: number,
  plaintextBytes: number,
  streams: number,
): PartLengths | undefined {
  if (streams === 1) return lengthsOf([plaintextBytes])
  const lastBytes = plaintextBytes - (streams - 1) * firstBytes
  if (firstBytes === 0 || lastBytes < 0 || firstBytes > plaintextBytes) return undefined
  return {
    parts: streams,
    lengthOf: (index) => (index < streams - 1 ? firstBytes : lastBytes),
    startOf: (index) => index * firstBytes,
    indexAt: (offset) => Math.min(Math.floor(offset / firstBytes), streams - 1),
  }
}

/** Lengths as they were found. */
export function lengthsOf(lengths: readonly number[]): PartLengths {
  const starts: number[] = []
  let total = 0
  for (const length of lengths) {
    starts.push(total)
    total += length
  }
  return {
    parts: lengths.length,
    lengthOf: (index) => lengths[index]!,
    startOf: (index) => starts[index]!,
    indexAt: (offset) => {
      let [low, high] = [0, lengths.length - 1]
      while (low < high) {
        const middle = Math.ceil((low + high) / 2)
        if (starts[middle]! <= offset) low = middle
        else high = middle - 1
      }
      return low
    },
  }
}

/**
 * Plans the reading of a plaintext range whose bytes exist. Fetches the frames that hold them and no other, if they are
 * sized as supposed.
 */
export function planPartRange(
  lengths: PartLengths,
  { start, end }: ByteRange,
  frameLog2Of: FrameSizing,
): PartRange {
  const partAt = (place: number): PartSize => {
    const plaintextBytes = lengths.lengthOf(place)
    return { plaintextBytes, frameLog2: frameLog2Of(plaintextBytes) }
  }
  const index = lengths.indexAt(start)
  const last = lengths.indexAt(end)
  const part = partAt(index)
  const from = frameAt(part, start - lengths.startOf(index))
  return {
    index,
    part,
    offset: start - lengths.startOf(index),
    firstFrame: from.frame,
    fetchStart: sealedStartOf(lengths, index) + from.sealedAt,
    fetchEnd: sealedStartOf(lengths, last) + frameEndAt(partAt(last), end - lengths.startOf(last)),
    skipBytes: start - lengths.startOf(index) - from.plaintextAt,
    takeBytes: end - start + 1,
  }
}

/** Stored offset of a part. Its overhead being constant, it does not depend on how the plaintext before it was cut. */
export function sealedStartOf(lengths: PartLengths, index: number): number {
  return lengths.startOf(index) + index * PART_OVERHEAD_BYTES
}
