import { FRAME_BYTES, FRAME_MARKER, FrameSealer } from '../crypto/frames.ts'
import { writeNonce } from '../crypto/random.ts'
import type { SecureMemory } from '../crypto/secure-memory.ts'
import type { StreamHeader } from './header.ts'
import { newHeader, OBJECT_ID_BYTES, SALT_BYTES } from './header.ts'
import { framesOf, sealedStreamBytes } from './sizes.ts'
import { StreamKeys } from './stream-keys.ts'

export interface StreamSealerOptions {
  readonly memory: SecureMemory
  /** Key identifier of the tenant key, 16 bytes. */
  readonly keyId: Uint8Array
  /** Derived key "stream" of the tenant key, 32 bytes; used in the constructor only. */
  readonly streamKey: Uint8Array
  /** From `StreamContexts`. */
  readonly context: Uint8Array
  /** Exactly as many bytes must be written. */
  readonly plaintextBytes: number
  /** Length of the trailer that `final` will be given; 0 for none. */
  readonly trailerBytes?: number
}

/**
 * Seals a whole object (docs/SPEC.md section 6), pushed: plaintext goes in by chunks of any size, stored bytes come out.
 * Chunks are enciphered where they lie, and what comes out are views of them; nothing is collected or copied. The first
 * output is the header.
 */
export class StreamSealer {
  readonly header: StreamHeader
  /** Stored bytes of the whole stream, for Content-Length. */
  readonly sealedBytes: number

  readonly #keys: StreamKeys
  readonly #frames: number
  readonly #sealer: FrameSealer
  #headerSent = false
  #isBegun = false
  #frameIndex = 0
  #frameRemaining = 0
  #remaining: number

  constructor(options: StreamSealerOptions) {
    const { plaintextBytes, trailerBytes = 0, keyId } = options
    const objectId = Buffer.allocUnsafe(OBJECT_ID_BYTES)
    writeNonce(objectId, 0, OBJECT_ID_BYTES)
    this.header = newHeader({ trailerBytes, plaintextBytes, objectId, keyId })
    writeNonce(this.header.salt, 0, SALT_BYTES)
    this.sealedBytes = sealedStreamBytes(plaintextBytes, trailerBytes)
    this.#frames = framesOf(plaintextBytes)
    this.#remaining = plaintextBytes
    this.#keys = StreamKeys.seal(options.memory, options.streamKey, this.header, options.context)
    this.#sealer = new FrameSealer(this.#keys.frameKey)
  }

  /**
   * Seals a chunk in place; it is the stream's own until what comes out has been used.
   *
   * @throws RangeError when more is written than was declared; SecureMemoryError once destroyed
   */
  write(chunk: Buffer): Buffer[] {
    this.#keys.requireAlive()
    if (chunk.length > this.#remaining) throw new RangeError('more plaintext than was declared')
    const output = this.#start()
    let at = 0
    while (at < chunk.length) {
      this.#beginFrame()
      const bytes = Math.min(this.#frameRemaining, chunk.length - at)
      const piece = bytes === chunk.length ? chunk : chunk.subarray(at, at + bytes)
      this.#sealer.update(piece)
      output.push(piece)
      at += bytes
      this.#remaining -= bytes
      this.#frameRemaining -= bytes
      if (this.#frameRemaining === 0) output.push(this.#endFrame())
    }
    return output
  }

  /**
   * Ends the stream with the trailer that was announced, and wipes its key.
   *
   * @throws RangeError when less was written than was declared: then what came out MUST NOT become an object
   */
  final(trailer: Uint8Array = new Uint8Array(0)): Buffer[] {
    this.#keys.requireAlive()
    if (this.#remaining > 0) throw new RangeError('less plaintext than was declared')
    if (trailer.length !== this.header.trailerBytes)
      throw new RangeError('the trailer has not the announced length')
    const output = this.#start()
    // A stream without plaintext still has its one frame.
    if (this.#frameIndex === 0) {
      this.#beginFrame()
      output.push(this.#endFrame())
    }
    if (trailer.length > 0) output.push(this.#sealer.seal(this.#frames, FRAME_MARKER.trailer, trailer))
    this.destroy()
    return output
  }

  /** Wipes the key; for transfers that are cut. Any later call throws. */
  destroy(): void {
    this.#sealer.free()
    this.#keys.wipe()
  }

  #start(): Buffer[] {
    if (this.#headerSent) return []
    this.#headerSent = true
    return [this.header.bytes]
  }

  #beginFrame(): void {
    if (this.#isBegun) return
    this.#isBegun = true
    this.#frameRemaining = Math.min(FRAME_BYTES, this.#remaining)
    const marker = this.#frameIndex === this.#frames - 1 ? FRAME_MARKER.last : FRAME_MARKER.more
    this.#sealer.begin(this.#frameIndex, marker)
  }

  /** Returns the tag. */
  #endFrame(): Buffer {
    this.#isBegun = false
    this.#frameIndex++
    return this.#sealer.end()
  }
}
