import type { SecureMemory } from '../../../crypto/secure-memory.ts'
import type { StreamHeader } from '../../../envelope/header.ts'
import { parseHeader } from '../../../envelope/header.ts'
import { EnvelopeError } from '../../../envelope/envelope-error.ts'
import { ObjectOpener } from '../../../envelope/object-opener.ts'
import { STREAM_HEADER_BYTES } from '../../../envelope/sizes.ts'
import type { Opener } from './object-delivery.ts'

/** A range of an object whose header is known: from `planRange`. */
export interface WholeRange {
  readonly header: StreamHeader
  readonly firstFrame: number
  readonly skipBytes: number
  readonly takeBytes: number
}

const NOTHING: Buffer = Buffer.alloc(0)

/** Opens an object that was put whole; whose it is, and so its context, is known only with the key of its header. */
export class WholeOpener implements Opener {
  /** The verified trailer, once it has been read. */
  trailer: Buffer | undefined
  readonly #memory: SecureMemory
  readonly #range: WholeRange | undefined
  #pending: StreamHeader | undefined
  #early: Buffer = NOTHING
  #opener: ObjectOpener | undefined

  constructor(memory: SecureMemory, range?: WholeRange) {
    this.#memory = memory
    this.#range = range
    this.#pending = range?.header
  }

  get pendingHeader(): StreamHeader | undefined {
    return this.#pending
  }

  get holding(): boolean {
    return this.#early.length > 0 || this.#opener?.holding === true
  }

  supplyKey(keyId: Uint8Array, streamKey: Uint8Array, context: Uint8Array): Buffer[] {
    const header = this.#pending
    if (header === undefined) throw new Error('no key is wanted')
    const opener = new ObjectOpener({
      memory: this.#memory,
      context,
      range: this.#range ?? { header, firstFrame: 0, skipBytes: 0, takeBytes: Infinity },
      onStreamEnd: (_, trailer) => (this.trailer = trailer),
    })
    this.#opener = opener
    this.#pending = undefined
    const early = this.#early
    this.#early = NOTHING
    const behindHeader = this.#range === undefined ? STREAM_HEADER_BYTES : 0
    const output = opener.supplyKey(keyId, streamKey)
    return output.length === 0
      ? opener.write(early.subarray(behindHeader))
      : [...output, ...opener.write(early.subarray(behindHeader))]
  }

  write(chunk: Buffer): Buffer[] {
    if (this.#opener !== undefined) return this.#opener.write(chunk)
    this.#early = this.#early.length === 0 ? chunk : Buffer.concat([this.#early, chunk])
    if (this.#pending === undefined && this.#early.length >= STREAM_HEADER_BYTES) {
      this.#pending = parseHeader(this.#early)
    }
    return []
  }

  final(): void {
    if (this.#opener === undefined) throw new EnvelopeError('truncated', 'the object ends within its header')
    this.#opener.final()
  }

  destroy(): void {
    this.#opener?.destroy()
  }
}
