import { FRAME_BYTES, SEALED_FRAME_BYTES } from '../crypto/frames.ts'
import { framesOf, STREAM_HEADER_BYTES, sealedStreamBytes } from './sizes.ts'

/** Lengths of one stream, from its header or computed. */
export interface StreamLengths {
  readonly plaintextBytes: number
  readonly trailerBytes: number
}

/** Which stored bytes to fetch for a plaintext range, and what to cut from what they open to. */
export interface RangePlan {
  /** Index of the stream that the range begins in; its header must be read as well, if it is not known. */
  readonly stream: number
  /** Where the header of that stream begins in the object. */
  readonly headerStart: number
  /** Stored bytes [fetchStart, fetchEnd) of the object; headers of later streams lie within. */
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
 * Plans the reading of plaintext [start, end) of an object made of `streams` one after the other (a whole object has
 * one). Fetches the frames that hold the range and no other byte.
 *
 * @throws RangeError unless 0 <= start < end <= plaintext length of the object
 */
export function planRange(streams: readonly StreamLengths[], start: number, end: number): RangePlan {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end <= start) {
    throw new RangeError('a range has 0 <= start < end')
  }
  let plaintextAt = 0
  let sealedAt = 0
  let begun: Pick<RangePlan, 'stream' | 'headerStart' | 'fetchStart' | 'firstFrame' | 'skipBytes'> | undefined
  for (const [index, stream] of streams.entries()) {
    const streamEnd = plaintextAt + stream.plaintextBytes
    if (begun === undefined && start < streamEnd) {
      const firstFrame = Math.floor((start - plaintextAt) / FRAME_BYTES)
      begun = {
        stream: index,
        headerStart: sealedAt,
        fetchStart: sealedAt + STREAM_HEADER_BYTES + firstFrame * SEALED_FRAME_BYTES,
        firstFrame,
        skipBytes: (start - plaintextAt) % FRAME_BYTES,
      }
    }
    if (begun !== undefined && end <= streamEnd) {
      const fetchEnd = sealedAt + framesEnd(stream.plaintextBytes, end - plaintextAt)
      return { ...begun, fetchEnd, takeBytes: end - start }
    }
    plaintextAt = streamEnd
    sealedAt += sealedStreamBytes(stream.plaintextBytes, stream.trailerBytes)
  }
  throw new RangeError('the range ends behind the object')
}

/** Offset in a stream of the end of the frame that holds the plaintext byte before `end`. */
function framesEnd(plaintextBytes: number, end: number): number {
  const frames = Math.ceil(end / FRAME_BYTES)
  if (frames === framesOf(plaintextBytes)) return sealedStreamBytes(plaintextBytes)
  return STREAM_HEADER_BYTES + frames * SEALED_FRAME_BYTES
}
