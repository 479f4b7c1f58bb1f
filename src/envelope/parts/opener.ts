import { FRAME_MARKER, FRAME_TAG_BYTES, FrameOpener } from '../../crypto/frames.ts'
import { EnvelopeError } from '../envelope-error.ts'
import { HeldPlaintext } from '../held-plaintext.ts'
import type { StreamKeys } from '../stream-keys.ts'
import type { Release } from '../stream-opener.ts'
import type { PartHeader } from './header.ts'
import { markOf } from './header.ts'
import { MARK_BYTES, paddingBytes, PART_TRAILER_BYTES, partFrames } from './layout.ts'

const SEALED_TRAILER_BYTES = PART_TRAILER_BYTES + FRAME_TAG_BYTES

/**
 * Opens the frames, trailer and padding of one part, behind its header or, for a range, from one of its frames on.
 * Gives out a frame's plaintext only once its tag has verified.
 */
export class PartOpener {
  /** The verified trailer, once it has been read. */
  trailer: Buffer | undefined

  readonly #header: PartHeader
  readonly #keys: StreamKeys
  readonly #frames: number
  readonly #held = new HeldPlaintext()
  readonly #mark = Buffer.allocUnsafe(MARK_BYTES)
  readonly #tag = Buffer.allocUnsafe(FRAME_TAG_BYTES)
  readonly #sealedTrailer = Buffer.allocUnsafe(SEALED_TRAILER_BYTES)
  #markBytes = 0
  #dataRemaining = 0
  #tagBytes = 0
  #trailerBytes = 0
  #paddingRemaining: number
  readonly #opener: FrameOpener
  #frameIndex: number

  /** Takes ownership of `keys`. An end record has no frames. */
  constructor(header: PartHeader, keys: StreamKeys, firstFrame: number) {
    this.#header = header
    this.#keys = keys
    this.#frames = header.kind === 'end' ? 0 : partFrames(header)
    this.#paddingRemaining = paddingBytes(this.#frames)
    if (firstFrame > this.#frames) throw new RangeError('the part has no such frame')
    this.#frameIndex = firstFrame
    this.#dataRemaining = this.#frameDataBytes()
    this.#opener = new FrameOpener(keys.frameKey)
  }

  /** True while plaintext that is not verified yet lies in chunks that have been read. */
  get holding(): boolean {
    return !this.#held.isEmpty
  }

  /** True once the last frame, the trailer and the padding have been read. */
  get ended(): boolean {
    return this.#frameIndex === this.#frames && this.trailer !== undefined && this.#paddingRemaining === 0
  }

  /**
   * Reads `chunk` from `at` as far as it belongs to the part and is wanted; appends verified plaintext to `output`
   * and counts `release` down. Returns the position behind what was read.
   *
   * @throws EnvelopeError; then the part is destroyed
   */
  read(chunk: Buffer, at: number, output: Buffer[], release: Release): number {
    let position = at
    while (position < chunk.length && !this.ended && release.takeBytes > 0) {
      if (this.#frameIndex === this.#frames) position = this.#readEnd(chunk, position)
      else if (this.#markBytes < MARK_BYTES) position = this.#readMark(chunk, position)
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

  #readMark(chunk: Buffer, at: number): number {
    const bytes = chunk.copy(this.#mark, this.#markBytes, at, at + MARK_BYTES - this.#markBytes)
    this.#markBytes += bytes
    if (this.#markBytes === MARK_BYTES) {
      if (!this.#mark.equals(markOf(this.#header))) this.#fail('spliced', 'a frame is of another part')
      const marker = this.#frameIndex === this.#frames - 1 ? FRAME_MARKER.last : FRAME_MARKER.more
      this.#opener.begin(this.#frameIndex, marker)
    }
    return at + bytes
  }

  #readData(chunk: Buffer, at: number): number {
    const until = Math.min(chunk.length, at + this.#dataRemaining)
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
    if (!this.#opener.end(this.#tag)) this.#fail('not-authentic', 'a frame does not authenticate')
    const dataBytes = this.#frameDataBytes()
    const taken = this.#held.release(output, release.skipBytes, release.takeBytes)
    release.skipBytes = Math.max(0, release.skipBytes - dataBytes)
    release.takeBytes -= taken
    this.#tagBytes = 0
    this.#markBytes = 0
    this.#frameIndex += 1
    this.#dataRemaining = this.#frameDataBytes()
  }

  #readEnd(chunk: Buffer, at: number): number {
    if (this.trailer !== undefined) return this.#readPadding(chunk, at)
    const bytes = chunk.copy(this.#sealedTrailer, this.#trailerBytes, at)
    this.#trailerBytes += bytes
    if (this.#trailerBytes === SEALED_TRAILER_BYTES) {
      this.trailer = this.#opener.open(this.#frames, FRAME_MARKER.trailer, this.#sealedTrailer)
      if (this.trailer === undefined) this.#fail('not-authentic', 'the trailer does not authenticate')
    }
    return at + bytes
  }

  #readPadding(chunk: Buffer, at: number): number {
    const until = Math.min(chunk.length, at + this.#paddingRemaining)
    for (let index = at; index < until; index += 1) {
      if (chunk[index] !== 0) this.#fail('not-canonical', 'the padding is not zero')
    }
    this.#paddingRemaining -= until - at
    return until
  }

  #frameDataBytes(): number {
    if (this.#frameIndex >= this.#frames) return 0
    const frameBytes = 2 ** this.#header.frameLog2
    return Math.min(frameBytes, this.#header.plaintextBytes - this.#frameIndex * frameBytes)
  }

  #fail(failure: EnvelopeError['failure'], message: string): never {
    this.destroy()
    throw new EnvelopeError(failure, message)
  }
}
