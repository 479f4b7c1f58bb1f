import { FRAME_MARKER, FrameSealer } from '../../crypto/frames.ts'
import { writeNonce } from '../../crypto/random.ts'
import type { SecureMemory } from '../../crypto/secure-memory.ts'
import { StreamKeys } from '../stream-keys.ts'
import type { PartHeader } from './header.ts'
import { markOf, newPartHeader } from './header.ts'
import { MARK_BYTES, paddingBytes, PART_TRAILER_BYTES, partFrames, sealedPartBytes } from './layout.ts'

/** Under which key, and for which place, something is sealed. */
export interface PartSealing {
  readonly memory: SecureMemory
  /** Key identifier of the tenant key, 16 bytes. */
  readonly keyId: Uint8Array
  /** Derived key "stream" of the tenant key, 32 bytes; used during the call only. */
  readonly streamKey: Uint8Array
  /** From `StreamContexts`. */
  readonly context: Uint8Array
  /** From `partsObjectId`. */
  readonly objectId: Uint8Array
}

/**
 * Seals one part of an object (docs/SPEC.md section 6), pushed: plaintext goes in by chunks of any size, stored bytes come out.
 * Chunks are enciphered where they lie, and what comes out are views of them; nothing is collected. The first output
 * begins with the header.
 */
export class PartSealer {
  readonly header: PartHeader
  /** Stored bytes of the whole part, for Content-Length. */
  readonly sealedBytes: number

  readonly #keys: StreamKeys
  readonly #frameBytes: number
  readonly #frames: number
  readonly #sealer: FrameSealer
  #pending: Buffer[]
  #isBegun = false
  #frameIndex = 0
  #frameRemaining = 0
  #remaining: number

  constructor(sealing: PartSealing, partNumber: number, plaintextBytes: number) {
    this.header = headerFor(sealing, 'part', partNumber, plaintextBytes)
    this.sealedBytes = sealedPartBytes(plaintextBytes)
    this.#frameBytes = 2 ** this.header.frameLog2
    this.#frames = partFrames(this.header)
    this.#remaining = plaintextBytes
    this.#keys = StreamKeys.seal(sealing.memory, sealing.streamKey, this.header, sealing.context)
    this.#sealer = new FrameSealer(this.#keys.frameKey)
    // What precedes a frame goes out together with what ended the one before it.
    this.#pending = [this.header.bytes]
  }

  /**
   * Seals a chunk in place; it is the part's own until what comes out has been used.
   *
   * @throws RangeError when more is written than was declared; SecureMemoryError once destroyed
   */
  write(chunk: Buffer): Buffer[] {
    this.#keys.requireAlive()
    if (chunk.length > this.#remaining) throw new RangeError('more plaintext than was declared')
    const output: Buffer[] = []
    let at = 0
    while (at < chunk.length) {
      this.#beginFrame(output)
      const bytes = Math.min(this.#frameRemaining, chunk.length - at)
      const piece = bytes === chunk.length ? chunk : chunk.subarray(at, at + bytes)
      this.#sealer.update(piece)
      output.push(piece)
      at += bytes
      this.#remaining -= bytes
      this.#frameRemaining -= bytes
      if (this.#frameRemaining === 0) this.#endFrame()
    }
    return output
  }

  /**
   * Ends the part with its trailer of 48 bytes and its padding, and wipes its key.
   *
   * @throws RangeError when less was written than was declared: then what came out MUST NOT become a part
   */
  final(trailer: Uint8Array): Buffer[] {
    this.#keys.requireAlive()
    if (this.#remaining > 0) throw new RangeError('less plaintext than was declared')
    const sealed = sealedTrailer(this.#sealer, this.#frames, trailer)
    const padding = Buffer.alloc(paddingBytes(this.#frames))
    const output = [Buffer.concat([...this.#pending, sealed, padding])]
    this.#pending = []
    this.destroy()
    return output
  }

  /** Wipes the key; for transfers that are cut. Any later call throws. */
  destroy(): void {
    this.#sealer.free()
    this.#keys.wipe()
  }

  #beginFrame(output: Buffer[]): void {
    if (this.#isBegun) return
    this.#isBegun = true
    output.push(Buffer.concat([...this.#pending, markOf(this.header)]))
    this.#pending = []
    this.#frameRemaining = Math.min(this.#frameBytes, this.#remaining)
    const marker = this.#frameIndex === this.#frames - 1 ? FRAME_MARKER.last : FRAME_MARKER.more
    this.#sealer.begin(this.#frameIndex, marker)
  }

  #endFrame(): void {
    this.#pending.push(this.#sealer.end())
    this.#isBegun = false
    this.#frameIndex += 1
  }
}

/** The record behind the last part that says how many parts and bytes an object has, and its trailer. */
export function sealEndRecord(
  sealing: PartSealing,
  parts: number,
  plaintextBytes: number,
  trailer: Uint8Array,
): Buffer {
  const header = headerFor(sealing, 'end', parts, plaintextBytes)
  const keys = StreamKeys.seal(sealing.memory, sealing.streamKey, header, sealing.context)
  const sealer = new FrameSealer(keys.frameKey)
  try {
    return Buffer.concat([header.bytes, sealedTrailer(sealer, 0, trailer), Buffer.alloc(paddingBytes(0))])
  } finally {
    sealer.free()
    keys.wipe()
  }
}

function headerFor(
  sealing: PartSealing,
  kind: PartHeader['kind'],
  number: number,
  plaintextBytes: number,
): PartHeader {
  const mark = Buffer.alloc(MARK_BYTES)
  writeNonce(mark, 0, MARK_BYTES)
  const { objectId, keyId } = sealing
  return newPartHeader({ kind, partNumber: number, plaintextBytes, objectId, keyId, mark })
}

function sealedTrailer(sealer: FrameSealer, frames: number, trailer: Uint8Array): Buffer {
  if (trailer.length !== PART_TRAILER_BYTES) throw new RangeError('the trailer has 48 bytes')
  return sealer.seal(frames, FRAME_MARKER.trailer, trailer)
}
