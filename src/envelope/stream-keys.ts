import { equalInConstantTime } from '../crypto/constant-time.ts'
import { hkdfSha256 } from '../crypto/hkdf.ts'
import { SecureMemoryError } from '../crypto/secure-memory.ts'
import type { SecureMemory, SecureSlot } from '../crypto/secure-memory.ts'
import { EnvelopeError } from './envelope-error.ts'
import type { StreamHeader } from './header.ts'
import { COMMITMENT_BYTES, COMMITTED_BYTES } from './header.ts'

/** The label, and the length of what stands behind it. */
const INFO = Buffer.concat([
  Buffer.from('portcullis/stream-keys/v1'),
  Buffer.from([0, 0, 0, COMMITTED_BYTES]),
])
const FRAME_KEY_BYTES = 32

/** The frame key of one stream in secure memory; whoever made it wipes it with the end of the transfer. */
export class StreamKeys {
  readonly #slot: SecureSlot

  private constructor(slot: SecureSlot) {
    this.#slot = slot
  }

  /**
   * Derives the keys of a stream (docs/SPEC.md section 6.2) from `streamKey`, the derived key "stream" of its tenant
   * key, and writes the commitment into the header.
   */
  static seal(
    memory: SecureMemory,
    streamKey: Uint8Array,
    header: StreamHeader,
    context: Uint8Array,
  ): StreamKeys {
    const keys = StreamKeys.#derive(memory, streamKey, header, context)
    keys.#commitment().copy(header.commitment)
    return keys
  }

  /** As `seal`, for a header that was read. Throws `not-authentic` when the header or its context is another one. */
  static open(
    memory: SecureMemory,
    streamKey: Uint8Array,
    header: StreamHeader,
    context: Uint8Array,
  ): StreamKeys {
    const keys = StreamKeys.#derive(memory, streamKey, header, context)
    if (equalInConstantTime(keys.#commitment(), header.commitment)) return keys
    keys.wipe()
    throw new EnvelopeError('not-authentic', 'the stream header does not authenticate here')
  }

  /** 32 bytes; take them anew for each frame. Throws once wiped. */
  get frameKey(): Buffer {
    return this.#slot.bytes.subarray(0, FRAME_KEY_BYTES)
  }

  /** Throws `SecureMemoryError` once wiped. */
  requireAlive(): void {
    if (!this.#slot.alive) throw new SecureMemoryError('wiped', 'the stream has ended')
  }

  wipe(): void {
    this.#slot.wipe()
  }

  #commitment(): Buffer {
    return this.#slot.bytes.subarray(FRAME_KEY_BYTES, FRAME_KEY_BYTES + COMMITMENT_BYTES)
  }

  static #derive(
    memory: SecureMemory,
    streamKey: Uint8Array,
    header: StreamHeader,
    context: Uint8Array,
  ): StreamKeys {
    if (streamKey.length !== 32) throw new RangeError('a stream key has 32 bytes')
    const info = Buffer.concat([INFO, header.bytes.subarray(0, COMMITTED_BYTES), context])
    const slot = memory.allocate(64)
    try {
      hkdfSha256(slot.bytes, streamKey, header.salt, info)
    } catch (error) {
      slot.wipe()
      throw error
    }
    return new StreamKeys(slot)
  }
}
