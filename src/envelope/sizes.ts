import { FRAME_BYTES, FRAME_TAG_BYTES, SEALED_FRAME_BYTES } from '../crypto/frames.ts'

/** Bytes of a stream's header (docs/SPEC.md section 6.1). */
export const STREAM_HEADER_BYTES = 120
/** Largest plaintext of one stream. */
export const STREAM_PLAINTEXT_BYTES_MAX = 2 ** 46
export const TRAILER_BYTES_MAX = 1024

/** Frames of a stream of `plaintextBytes`; an empty one has a single empty frame. */
export function framesOf(plaintextBytes: number): number {
  requireLength(plaintextBytes)
  return Math.max(1, Math.ceil(plaintextBytes / FRAME_BYTES))
}

/** Stored bytes of the trailer; without one, none. */
export function sealedTrailerBytes(trailerBytes: number): number {
  return trailerBytes === 0 ? 0 : trailerBytes + FRAME_TAG_BYTES
}

/** Stored bytes of a whole stream: header, frames, trailer. */
export function sealedStreamBytes(plaintextBytes: number, trailerBytes = 0): number {
  const frameTags = FRAME_TAG_BYTES * framesOf(plaintextBytes)
  return STREAM_HEADER_BYTES + plaintextBytes + frameTags + sealedTrailerBytes(trailerBytes)
}

/** Plaintext length of a stream of `sealedBytes` stored bytes; undefined when no stream has that length. */
export function openedStreamBytes(sealedBytes: number, trailerBytes = 0): number | undefined {
  const framesBytes = sealedBytes - STREAM_HEADER_BYTES - sealedTrailerBytes(trailerBytes)
  if (!Number.isSafeInteger(sealedBytes) || framesBytes < FRAME_TAG_BYTES) return undefined
  const frames = Math.ceil(framesBytes / SEALED_FRAME_BYTES)
  const lastBytes = framesBytes - (frames - 1) * SEALED_FRAME_BYTES
  if (frames > 1 && lastBytes <= FRAME_TAG_BYTES) return undefined
  const plaintextBytes = framesBytes - frames * FRAME_TAG_BYTES
  return plaintextBytes <= STREAM_PLAINTEXT_BYTES_MAX ? plaintextBytes : undefined
}

/** A length in bytes that can be one of a stream. */
function requireLength(plaintextBytes: number): void {
  if (
    !Number.isSafeInteger(plaintextBytes) ||
    plaintextBytes < 0 ||
    plaintextBytes > STREAM_PLAINTEXT_BYTES_MAX
  ) {
    throw new RangeError('a stream holds 0 to 2^46 bytes')
  }
}
