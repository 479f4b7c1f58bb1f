import { FRAME_TAG_BYTES } from '../../crypto/frames.ts'
import { STREAM_HEADER_BYTES } from '../sizes.ts'

/** Bytes before each frame of a part that repeat its salt, so that a frame opens without the part's header. */
export const MARK_BYTES = 16
/** Frames of a part at most. */
export const PART_FRAMES_MAX = 1024
/** Trailer of every part and end record; docs/SPEC.md section 6.4 says what stands in it. */
export const PART_TRAILER_BYTES = 48
/**
 * Base-2 logarithm of the least frame size of a part, 32 KiB: a range costs at most two frames more than it has. Its limit
 * of length keeps the largest at 8 MiB.
 */
const FRAME_LOG2_MIN = 15
/** The least that earlier writers took; parts that have it open as well. */
const FRAME_LOG2_MIN_BEFORE = 16
/** Largest plaintext of one part: 5 GiB of stored bytes with the overhead, as stores take them. */
export const PART_PLAINTEXT_BYTES_MAX = 5 * 1024 ** 3 - partOverheadBytes()

/**
 * What every part, whatever its length, and every end record is longer than its plaintext (docs/SPEC.md section 6.5). It is
 * constant so that the plaintext length of an object follows from its stored length and its number of parts.
 */
export const PART_OVERHEAD_BYTES = partOverheadBytes()

function partOverheadBytes(): number {
  const frames = PART_FRAMES_MAX * (MARK_BYTES + FRAME_TAG_BYTES)
  return STREAM_HEADER_BYTES + frames + PART_TRAILER_BYTES + FRAME_TAG_BYTES
}

/** What decides how a part is laid out. */
export interface PartSize {
  readonly plaintextBytes: number
  /** Base-2 logarithm of its frame size. */
  readonly frameLog2: number
}

/** Base-2 logarithm of the frame size for a new part: the least that keeps it within 1,024 frames. */
export function frameLog2Of(plaintextBytes: number): number {
  return leastFrameLog2(plaintextBytes, FRAME_LOG2_MIN)
}

/** As `frameLog2Of`, of a part by an earlier writer; the same for all but short ones. */
export function frameLog2Before(plaintextBytes: number): number {
  return leastFrameLog2(plaintextBytes, FRAME_LOG2_MIN_BEFORE)
}

/** Base-2 logarithm of the frame size of a part of some length. */
export type FrameSizing = (plaintextBytes: number) => number

/** How the parts beside a first one are sized, probably and else: one that is long does not tell. */
export function frameSizings(first: PartSize): [likely: FrameSizing, other: FrameSizing] {
  return first.frameLog2 === frameLog2Of(first.plaintextBytes)
    ? [frameLog2Of, frameLog2Before]
    : [frameLog2Before, frameLog2Of]
}

function leastFrameLog2(plaintextBytes: number, least: number): number {
  let log2 = least
  while (plaintextBytes > PART_FRAMES_MAX * 2 ** log2) log2 += 1
  return log2
}

/** Frames of a part; an empty one has none. */
export function partFrames({ plaintextBytes, frameLog2 }: PartSize): number {
  return Math.ceil(plaintextBytes / 2 ** frameLog2)
}

/** Zero bytes at the end of a part of so many frames that make its overhead constant. */
export function paddingBytes(frames: number): number {
  return (PART_FRAMES_MAX - frames) * (MARK_BYTES + FRAME_TAG_BYTES)
}

/** Stored bytes of a part. */
export function sealedPartBytes(plaintextBytes: number): number {
  return plaintextBytes + PART_OVERHEAD_BYTES
}

/** Plaintext length of an object of `parts` parts (an end record counts) with `sealedBytes`; undefined if impossible. */
export function openedPartsBytes(sealedBytes: number, parts: number): number | undefined {
  const plaintextBytes = sealedBytes - parts * PART_OVERHEAD_BYTES
  return Number.isSafeInteger(plaintextBytes) && plaintextBytes >= 0 ? plaintextBytes : undefined
}

/** Where frames stand in a part. */
export interface FramePlace {
  readonly frame: number
  /** Offset in the part of the frame's mark. */
  readonly sealedAt: number
  /** Plaintext offset of the frame in the part. */
  readonly plaintextAt: number
}

/** The frame that holds a plaintext byte of a part. */
export function frameAt({ frameLog2 }: PartSize, offset: number): FramePlace {
  const frameBytes = 2 ** frameLog2
  const frame = Math.floor(offset / frameBytes)
  return {
    frame,
    sealedAt: STREAM_HEADER_BYTES + frame * (MARK_BYTES + frameBytes + FRAME_TAG_BYTES),
    plaintextAt: frame * frameBytes,
  }
}

/** Offset in a part behind the frame that holds its plaintext byte `offset`. */
export function frameEndAt(part: PartSize, offset: number): number {
  const { sealedAt, plaintextAt } = frameAt(part, offset)
  const dataBytes = Math.min(2 ** part.frameLog2, part.plaintextBytes - plaintextAt)
  return sealedAt + MARK_BYTES + dataBytes + FRAME_TAG_BYTES
}
