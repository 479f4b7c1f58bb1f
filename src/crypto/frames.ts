import type { CipherGCM, DecipherGCM, KeyObject } from 'node:crypto'
import { createCipheriv, createDecipheriv } from 'node:crypto'

/** Plaintext of every frame but the last (docs/SPEC.md section 6.3). */
export const FRAME_BYTES = 65_536
export const FRAME_TAG_BYTES = 16
/** A full frame as it is stored. */
export const SEALED_FRAME_BYTES = FRAME_BYTES + FRAME_TAG_BYTES

/** Last byte of a frame's nonce. */
export const FRAME_MARKER = { more: 0, last: 1, trailer: 2 } as const
export type FrameMarker = (typeof FRAME_MARKER)[keyof typeof FRAME_MARKER]

/** 32 bytes, raw out of secure memory, or a KeyObject, which crosses to a worker thread without being copied. */
export type FrameKey = Uint8Array | KeyObject

const NONCE_BYTES = 12
/** Position of the low 48 bits of the 11-byte counter; it never exceeds 2^30. */
const COUNTER_AT = 5
const OPTIONS = { authTagLength: FRAME_TAG_BYTES }
const nonce = Buffer.alloc(NONCE_BYTES)

/** A frame under way; its key schedule is wiped by `finish…` or `abandonFrame`. */
export type SealingFrame = CipherGCM
export type OpeningFrame = DecipherGCM

/**
 * Begins one frame: AES-256-GCM under a key used for one stream only, nonce = counter and marker. Feed it by `update`,
 * which returns as much ciphertext as it was given plaintext; end it by `final` and `getAuthTag`.
 */
export function beginSealing(key: FrameKey, index: number, marker: FrameMarker): SealingFrame {
  return createCipheriv('aes-256-gcm', key, frameNonce(index, marker), OPTIONS)
}

/** Begins to open one frame. What `update` returns MUST NOT be released before `finishOpening` has said true. */
export function beginOpening(key: FrameKey, index: number, marker: FrameMarker): OpeningFrame {
  return createDecipheriv('aes-256-gcm', key, frameNonce(index, marker), OPTIONS)
}

/** True when the 16-byte tag verifies all that the frame was fed with. */
export function finishOpening(frame: OpeningFrame, tag: Uint8Array): boolean {
  try {
    frame.setAuthTag(tag)
    frame.final()
    return true
  } catch {
    return false
  }
}

/** Ends a frame that is not wanted any more, so that its key schedule does not wait for the garbage collector. */
export function abandonFrame(frame: SealingFrame | OpeningFrame): void {
  try {
    frame.final()
  } catch {
    // Without its tag a frame cannot verify; only the release of its memory matters here.
  }
}

/** Seals one whole frame; returns ciphertext and tag as the cipher made them, without copying. */
export function sealFrame(
  key: FrameKey,
  index: number,
  marker: FrameMarker,
  plaintext: Uint8Array,
): readonly [ciphertext: Buffer, tag: Buffer] {
  const cipher = beginSealing(key, index, marker)
  const ciphertext = cipher.update(plaintext)
  cipher.final()
  return [ciphertext, cipher.getAuthTag()]
}

/** Opens one stored frame (ciphertext and tag); undefined when it does not verify, and then nothing remains of it. */
export function openFrame(
  key: FrameKey,
  index: number,
  marker: FrameMarker,
  sealed: Uint8Array,
): Buffer | undefined {
  if (sealed.length < FRAME_TAG_BYTES) return undefined
  const tagAt = sealed.length - FRAME_TAG_BYTES
  const decipher = beginOpening(key, index, marker)
  const plaintext = decipher.update(sealed.subarray(0, tagAt))
  if (finishOpening(decipher, sealed.subarray(tagAt))) return plaintext
  plaintext.fill(0)
  return undefined
}

/**
 * Seals consecutive frames in one go, for a worker thread: `plaintext` is cut into full frames and, only when
 * `endsStream`, a last one of what remains. Writes to `target` from its beginning and returns the bytes written.
 */
export function sealFrames(
  key: FrameKey,
  plaintext: Uint8Array,
  firstIndex: number,
  endsStream: boolean,
  target: Uint8Array,
): number {
  const frames = frameCount(plaintext.length, FRAME_BYTES, endsStream)
  let written = 0
  for (let i = 0; i < frames; i++) {
    const marker = endsStream && i === frames - 1 ? FRAME_MARKER.last : FRAME_MARKER.more
    const part = plaintext.subarray(i * FRAME_BYTES, (i + 1) * FRAME_BYTES)
    const [ciphertext, tag] = sealFrame(key, firstIndex + i, marker, part)
    target.set(ciphertext, written)
    target.set(tag, written + ciphertext.length)
    written += ciphertext.length + FRAME_TAG_BYTES
  }
  return written
}

/**
 * Opens consecutive stored frames in one go. Writes to `target` and returns the bytes written, or -1 when a frame does
 * not verify: then `target` is zeroed and nothing of the whole batch may be released.
 */
export function openFrames(
  key: FrameKey,
  sealed: Uint8Array,
  firstIndex: number,
  endsStream: boolean,
  target: Uint8Array,
): number {
  const frames = frameCount(sealed.length, SEALED_FRAME_BYTES, endsStream)
  let written = 0
  for (let i = 0; i < frames; i++) {
    const marker = endsStream && i === frames - 1 ? FRAME_MARKER.last : FRAME_MARKER.more
    const part = sealed.subarray(i * SEALED_FRAME_BYTES, (i + 1) * SEALED_FRAME_BYTES)
    const plaintext = openFrame(key, firstIndex + i, marker, part)
    if (plaintext === undefined) {
      target.fill(0)
      return -1
    }
    target.set(plaintext, written)
    written += plaintext.length
  }
  return written
}

function frameCount(bytes: number, frameBytes: number, endsStream: boolean): number {
  if (!endsStream && bytes % frameBytes !== 0)
    throw new RangeError('only the end of a stream may be a partial frame')
  return endsStream ? Math.max(1, Math.ceil(bytes / frameBytes)) : bytes / frameBytes
}

function frameNonce(index: number, marker: FrameMarker): Buffer {
  nonce.writeUIntBE(index, COUNTER_AT, 6)
  nonce[NONCE_BYTES - 1] = marker
  return nonce
}
