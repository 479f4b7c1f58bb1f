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

/** What the length of an object of several part streams says about its plaintext length. */
export interface LengthBounds {
  readonly least: number
  readonly most: number
}

/**
 * Bounds of the plaintext length of an object of `parts` part streams with `sealedBytes` stored bytes together, for
 * lists, where no header is at hand. `most` is exact when all parts but the last are multiples of 64 KiB, as clients
 * make them; `least` equals it when nothing else is possible. Undefined when no such object exists.
 */
export function openedPartsBounds(
  sealedBytes: number,
  parts: number,
  trailerBytes = 0,
): LengthBounds | undefined {
  if (!Number.isSafeInteger(parts) || parts < 1) return undefined
  if (parts === 1) {
    const plaintextBytes = openedStreamBytes(sealedBytes, trailerBytes)
    return plaintextBytes === undefined ? undefined : { least: plaintextBytes, most: plaintextBytes }
  }
  const framesBytes = sealedBytes - parts * (STREAM_HEADER_BYTES + sealedTrailerBytes(trailerBytes))
  if (!Number.isSafeInteger(sealedBytes) || framesBytes < parts * FRAME_TAG_BYTES) return undefined
  // F frames hold the most when all are full, and the least when F - N are full, one has a byte, the others none.
  const framesLeast = Math.max(parts, Math.ceil(framesBytes / SEALED_FRAME_BYTES))
  const framesMost =
    parts + Math.floor(Math.max(0, framesBytes - parts * FRAME_TAG_BYTES - 1) / SEALED_FRAME_BYTES)
  return {
    least: framesBytes - framesMost * FRAME_TAG_BYTES,
    most: framesBytes - framesLeast * FRAME_TAG_BYTES,
  }
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
