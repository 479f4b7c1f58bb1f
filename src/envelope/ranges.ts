import { FRAME_BYTES, SEALED_FRAME_BYTES } from '../crypto/frames.ts'
import { framesOf, STREAM_HEADER_BYTES, sealedStreamBytes } from './sizes.ts'

/** Which stored bytes to fetch for a plaintext range of a whole object, and what to cut from what they open to. */
export interface RangePlan {
  /** Stored bytes [fetchStart, fetchEnd) of the object; its header is not among them. */
  readonly fetchStart: number
  readonly fetchEnd: number
  /** Number of the frame that stands at `fetchStart`. */
  readonly firstFrame: number
  /** Plaintext bytes to drop from the first frame. */
  readonly skipBytes: number
  /** Plaintext bytes to release after that: the length of the range. */
  readonly takeBytes: number
}

/**
 * Plans the reading of plaintext [start, end) of a whole object of `plaintextBytes`. Fetches the frames that hold the
 * range and no other byte.
 *
 * @throws RangeError unless 0 <= start < end <= plaintextBytes
 */
export function planRange(plaintextBytes: number, start: number, end: number): RangePlan {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end <= start) {
    throw new RangeError('a range has 0 <= start < end')
  }
  if (end > plaintextBytes) throw new RangeError('the range ends behind the object')
  const firstFrame = Math.floor(start / FRAME_BYTES)
  const frames = Math.ceil(end / FRAME_BYTES)
  const isToEnd = frames === framesOf(plaintextBytes)
  return {
    fetchStart: STREAM_HEADER_BYTES + firstFrame * SEALED_FRAME_BYTES,
    fetchEnd: isToEnd ? sealedStreamBytes(plaintextBytes) : STREAM_HEADER_BYTES + frames * SEALED_FRAME_BYTES,
    firstFrame,
    skipBytes: start % FRAME_BYTES,
    takeBytes: end - start,
  }
}
