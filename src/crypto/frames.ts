import type { GcmOpening, GcmSealing } from './gcm.ts'
import { GCM_NONCE_BYTES, GCM_TAG_BYTES } from './gcm.ts'
import { gcmEngine } from './gcm-engine.ts'

/** Plaintext of every frame of a whole object but the last (docs/SPEC.md section 6.3). */
export const FRAME_BYTES = 65_536
export const FRAME_TAG_BYTES = GCM_TAG_BYTES
/** A full frame of a whole object as it is stored. */
export const SEALED_FRAME_BYTES = FRAME_BYTES + FRAME_TAG_BYTES

/** Last byte of a frame's nonce. */
export const FRAME_MARKER = { more: 0, last: 1, trailer: 2 } as const
export type FrameMarker = (typeof FRAME_MARKER)[keyof typeof FRAME_MARKER]

/** Position of the low 48 bits of the 11-byte counter; it never exceeds 2^30. */
const COUNTER_AT = 5
// Slow, so that it has memory of its own and no address changes.
const nonce = Buffer.allocUnsafeSlow(GCM_NONCE_BYTES).fill(0)

/** Seals the frames of one stream where they lie: AES-256-GCM under its key, nonce = counter and marker. */
export class FrameSealer {
  readonly #cipher: GcmSealing

  /** `key` has 32 bytes, is used for this stream only, and must stay alive until `free`. */
  constructor(key: Uint8Array) {
    this.#cipher = gcmEngine.sealing(key)
  }

  begin(index: number, marker: FrameMarker): void {
    this.#cipher.begin(frameNonce(index, marker))
  }

  /** Enciphers a piece of the frame in place. */
  update(piece: Uint8Array): void {
    this.#cipher.update(piece)
  }

  /** Ends the frame; its tag. */
  end(): Buffer {
    const tag = Buffer.allocUnsafe(FRAME_TAG_BYTES)
    this.#cipher.end(tag)
    return tag
  }

  /** Seals a whole frame into new memory: ciphertext and tag. */
  seal(index: number, marker: FrameMarker, plaintext: Uint8Array): Buffer {
    const sealed = Buffer.allocUnsafe(plaintext.length + FRAME_TAG_BYTES)
    const data = sealed.subarray(0, plaintext.length)
    data.set(plaintext)
    this.begin(index, marker)
    this.update(data)
    this.#cipher.end(sealed.subarray(plaintext.length))
    return sealed
  }

  /** Wipes the key schedule; any later use throws. */
  free(): void {
    this.#cipher.free()
  }
}

/** Opens the frames of one stream where they lie. */
export class FrameOpener {
  readonly #cipher: GcmOpening

  /** As that of `FrameSealer`. */
  constructor(key: Uint8Array) {
    this.#cipher = gcmEngine.opening(key)
  }

  begin(index: number, marker: FrameMarker): void {
    this.#cipher.begin(frameNonce(index, marker))
  }

  /** Deciphers a piece in place. It MUST NOT be released before `end` has said true. */
  update(piece: Uint8Array): void {
    this.#cipher.update(piece)
  }

  /** True when the 16-byte tag verifies all that the frame was fed with. */
  end(tag: Uint8Array): boolean {
    return this.#cipher.end(tag)
  }

  /** Opens a stored frame (ciphertext and tag) in place; undefined when it does not verify, and then it is zeros. */
  open(index: number, marker: FrameMarker, sealed: Buffer): Buffer | undefined {
    if (sealed.length < FRAME_TAG_BYTES) return undefined
    const tagAt = sealed.length - FRAME_TAG_BYTES
    const data = sealed.subarray(0, tagAt)
    this.begin(index, marker)
    this.update(data)
    if (this.end(sealed.subarray(tagAt))) return data
    data.fill(0)
    return undefined
  }

  free(): void {
    this.#cipher.free()
  }
}

function frameNonce(index: number, marker: FrameMarker): Buffer {
  nonce.writeUIntBE(index, COUNTER_AT, 6)
  nonce[GCM_NONCE_BYTES - 1] = marker
  return nonce
}
