import { FRAME_BYTES, FRAME_MARKER, FRAME_TAG_BYTES, FrameOpener } from '../crypto/frames.ts'
import { EnvelopeError } from './envelope-error.ts'
import type { StreamHeader } from './header.ts'
import { HeldPlaintext } from './held-plaintext.ts'
import { framesOf, sealedTrailerBytes } from './sizes.ts'
import type { StreamKeys } from './stream-keys.ts'

/** Which verified plaintext of a stream to give out. */
export interface Release {
  /** Bytes to drop first. */
  skipBytes: number
  /** Bytes to give out after that; the stream is left as soon as it reaches 0. Infinity for all. */
  takeBytes: number
}

/**
 * Opens the frames and the trailer of one stream, behind its header, where they lie: the inner part of `ObjectOpener`.
 * Gives out a frame's plaintext only once its tag has verified.
 */
export class StreamOpener {
  /** The verified trailer, once it has been read. */
  trailer: Buffer | undefined

  readonly #header: StreamHeader
  readonly #keys: StreamKeys
  readonly #frames: number
  readonly #held = new HeldPlaintext()
  readonly #tag = Buffer.allocUnsafe(FRAME_TAG_BYTES)
  readonly #sealedTrailer: Buffer
  readonly #opener: FrameOpener
  #isBegun = false
  #frameIndex: number
  #dataRemaining: number
  #tagBytes = 0
  #trailerBytes = 0

  /** Takes ownership of `keys`. Begins at frame `firstFrame`. */
  constructor(header: StreamHeader, keys: StreamKeys, firstFrame: number) {
    this.#header = header
    this.#keys = keys
    this.#frames = framesOf(header.plaintextBytes)
    if (!Number.isSafeInteger(firstFrame) || firstFrame < 0 || firstFrame >= this.#frames) {
      throw new RangeError('the stream has no such frame')
    }
    this.#frameIndex = firstFrame
    this.#dataRemaining = this.#frameDataBytes()
    this.#opener = new FrameOpener(keys.frameKey)
    this.#sealedTrailer = Buffer.allocUnsafe(sealedTrailerBytes(header.trailerBytes))
  }

  /** True once the last frame and the trailer have verified. */
  get ended(): boolean {
    return this.#frameIndex === this.#frames && this.#trailerBytes === this.#sealedTrailer.length
  }

  /** True while plaintext that is not verified yet lies in chunks that have been read. */
  get holding(): boolean {
    return !this.#held.isEmpty
  }

  /**
   * Reads `chunk` from `at` as far as it belongs to the stream and is wanted; appends verified plaintext to `output`
   * and counts `release` down. Returns the position behind what was read.
   *
   * @throws EnvelopeError `not-authentic`; then the stream is destroyed
   */
  read(chunk: Buffer, at: number, output: Buffer[], release: Release): number {
    let position = at
    while (position < chunk.length && !this.ended && release.takeBytes > 0) {
      if (this.#frameIndex === this.#frames) position = this.#readTrailer(chunk, position)
      else if (this.#dataRemaining > 0) position = this.#readData(chunk, position)
      else position = this.#readTag(chunk, position, output, release)
    }
    return position
  }

  /** Wipes the key and what has not been verified. */
  destroy(): void {
    this.#held.discard()
    this.#opener.free()
    this.#keys.wipe()
  }

  #readData(chunk: Buffer, at: number): number {
    const until = Math.min(chunk.length, at + this.#dataRemaining)
    this.#begin()
    const piece = chunk.subarray(at, until)
    this.#opener.update(piece)
    this.#held.hold(piece)
    this.#dataRemaining -= until - at
    return until
  }

  #readTag(chunk: Buffer, at: number, output: Buffer[], release: Release): number {
    const bytes = chunk.copy(this.#tag, this.#tagBytes, at, at + FRAME_TAG_BYTES - this.#tagBytes)
    this.#tagBytes += bytes
    if (this.#tagBytes === FRAME_TAG_BYTES) this.#endFrame(output, release)
    return at + bytes
  }

  #endFrame(output: Buffer[], release: Release): void {
    this.#begin()
    this.#isBegun = false
    if (!this.#opener.end(this.#tag)) this.#fail()
    const dataBytes = this.#frameDataBytes()
    const taken = this.#held.release(output, release.skipBytes, release.takeBytes)
    release.skipBytes = Math.max(0, release.skipBytes - dataBytes)
    release.takeBytes -= taken
    this.#tagBytes = 0
    this.#frameIndex++
    this.#dataRemaining = this.#frameIndex < this.#frames ? this.#frameDataBytes() : 0
  }

  #readTrailer(chunk: Buffer, at: number): number {
    const bytes = chunk.copy(this.#sealedTrailer, this.#trailerBytes, at)
    this.#trailerBytes += bytes
    if (this.#trailerBytes === this.#sealedTrailer.length) {
      this.trailer = this.#opener.open(this.#frames, FRAME_MARKER.trailer, this.#sealedTrailer)
      if (this.trailer === undefined) this.#fail()
    }
    return at + bytes
  }

  #begin(): void {
    if (this.#isBegun) return
    this.#isBegun = true
    this.#opener.begin(
      this.#frameIndex,
      this.#frameIndex === this.#frames - 1 ? FRAME_MARKER.last : FRAME_MARKER.more,
    )
  }

  #frameDataBytes(): number {
    return Math.min(FRAME_BYTES, this.#header.plaintextBytes - this.#frameIndex * FRAME_BYTES)
  }

  #fail(): never {
    this.destroy()
    throw new EnvelopeError('not-authentic', 'a frame does not authenticate')
  }
}
