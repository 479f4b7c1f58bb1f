import type { SecureMemory } from '../crypto/secure-memory.ts'
import { EnvelopeError } from './envelope-error.ts'
import { parseHeader } from './header.ts'
import type { StreamHeader } from './header.ts'
import { STREAM_HEADER_BYTES } from './sizes.ts'
import { StreamKeys } from './stream-keys.ts'
import type { Release } from './stream-opener.ts'
import { StreamOpener } from './stream-opener.ts'

export interface ObjectOpenerOptions {
  readonly memory: SecureMemory
  /** Context of an object whose key is at hand, from `streamContext`. */
  readonly context: Uint8Array
  /** Number of parts that the store claims (entity tag, parts count); a different number of streams is refused. */
  readonly parts?: number
  /** The stored bytes are those of this one part alone, not of an object. */
  readonly part?: number
  /** For random access, from `planRange`: what is written to the opener begins at frame `firstFrame` of `header`. */
  readonly range?: {
    readonly header: StreamHeader
    readonly firstFrame: number
    readonly skipBytes: number
    readonly takeBytes: number
  }
  /** Called when a stream has been verified to its end. */
  readonly onStreamEnd?: (header: StreamHeader, trailer: Buffer | undefined) => void
}

/**
 * Opens a stored object, whole or made of part streams, pushed: stored bytes go in by chunks of any size, verified
 * plaintext comes out. At each header it stops and asks for the key:
 *
 *     output(opener.write(chunk))
 *     while (opener.pendingHeader) output(opener.supplyKey(keyId, streamKey))
 *
 * After any error the opener is destroyed. A chunk may be reused as soon as the call has returned.
 */
export class ObjectOpener {
  readonly #options: ObjectOpenerOptions
  readonly #release: Release
  readonly #headerBytes = Buffer.alloc(STREAM_HEADER_BYTES)
  #headerLength = 0
  #pending: StreamHeader | undefined
  #current: StreamHeader | undefined
  #stream: StreamOpener | undefined
  #rest = Buffer.alloc(0)
  #streams = 0
  #state: 'reading' | 'complete' | 'destroyed' = 'reading'

  constructor(options: ObjectOpenerOptions) {
    this.#options = options
    const { range } = options
    this.#release = { skipBytes: range?.skipBytes ?? 0, takeBytes: range?.takeBytes ?? Infinity }
    this.#pending = range?.header
  }

  /** The header that waits for its key, if any; its `keyId` says which. */
  get pendingHeader(): StreamHeader | undefined {
    return this.#pending
  }

  /** True when all that was asked for has been verified and given out. */
  get complete(): boolean {
    if (this.#state !== 'reading') return this.#state === 'complete'
    const isBetweenParts =
      this.#current !== undefined && this.#stream === undefined && this.#headerLength === 0
    return isBetweenParts && this.#options.range === undefined
  }

  /** @throws EnvelopeError, SecureMemoryError once destroyed */
  write(chunk: Buffer): Buffer[] {
    this.#requireAlive()
    if (this.#pending !== undefined && this.#rest.length > 0) throw new Error('a key must be supplied first')
    return this.#guarded(chunk)
  }

  /**
   * Continues behind `pendingHeader`. `streamKey` is the derived key "stream" of the tenant key that `keyId` (16 bytes)
   * identifies; used during the call only.
   */
  supplyKey(keyId: Uint8Array, streamKey: Uint8Array): Buffer[] {
    this.#requireAlive()
    const header = this.#pending
    if (header === undefined) throw new Error('no key is wanted')
    try {
      if (!header.keyId.equals(keyId)) throw new EnvelopeError('wrong-key', 'the stream names another key')
      const { memory, context, range } = this.#options
      const keys = StreamKeys.open(memory, streamKey, header, context)
      const firstFrame = range !== undefined && this.#streams === 0 ? range.firstFrame : 0
      this.#stream = streamOpener(header, keys, firstFrame)
    } catch (error) {
      this.destroy()
      throw error
    }
    this.#current = header
    this.#pending = undefined
    this.#streams++
    const rest = this.#rest
    this.#rest = Buffer.alloc(0)
    return this.#guarded(rest)
  }

  /**
   * Says that the stored bytes have ended, and wipes the key.
   *
   * @throws EnvelopeError `truncated` unless everything has been verified, or what is wrong with a header that was cut
   */
  final(): void {
    this.#requireAlive()
    const complete = this.complete
    const { parts } = this.#options
    this.destroy()
    if (complete) {
      const isWhole = this.#options.range === undefined
      if (isWhole && parts !== undefined && this.#streams < parts)
        throw new EnvelopeError('truncated', 'the object has fewer parts than the store claims')
      return
    }
    if (this.#stream === undefined && this.#pending === undefined) {
      this.#parse(this.#headerBytes.subarray(0, this.#headerLength))
    }
    throw new EnvelopeError('truncated', 'the stream ends too early')
  }

  /** Wipes keys and unverified plaintext; for transfers that are cut. Any later call throws. */
  destroy(): void {
    this.#stream?.destroy()
    this.#rest = Buffer.alloc(0)
    this.#state = 'destroyed'
  }

  #guarded(chunk: Buffer): Buffer[] {
    const output: Buffer[] = []
    try {
      this.#run(chunk, output)
    } catch (error) {
      this.destroy()
      for (const piece of output) piece.fill(0)
      throw error
    }
    return output
  }

  #run(chunk: Buffer, output: Buffer[]): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#state === 'complete') throw new EnvelopeError('extended', 'bytes follow the end')
      if (this.#pending !== undefined) {
        this.#rest = Buffer.from(chunk.subarray(at))
        return
      }
      if (this.#stream === undefined) at = this.#readHeader(chunk, at)
      else {
        at = this.#stream.read(chunk, at, output, this.#release)
        this.#leaveStream(this.#stream)
      }
    }
  }

  /** Moves on when the stream has ended or all that was wanted has been given out. */
  #leaveStream(stream: StreamOpener): void {
    const header = this.#current!
    const isLeft = this.#release.takeBytes === 0
    if (!stream.ended && !isLeft) return
    if (stream.ended) this.#options.onStreamEnd?.(header, stream.trailer)
    stream.destroy()
    this.#stream = undefined
    this.#headerLength = 0
    const isLast = header.partNumber === undefined || this.#options.part !== undefined
    if (isLeft || isLast) this.#state = 'complete'
  }

  #readHeader(chunk: Buffer, at: number): number {
    const bytes = chunk.copy(this.#headerBytes, this.#headerLength, at)
    this.#headerLength += bytes
    if (this.#headerLength === STREAM_HEADER_BYTES) this.#pending = this.#parse(this.#headerBytes)
    return at + bytes
  }

  /** A header in its place in the object. */
  #parse(bytes: Buffer): StreamHeader {
    const previous = this.#current
    let header: StreamHeader
    try {
      header = parseHeader(bytes)
    } catch (error) {
      const isForeign = error instanceof EnvelopeError && error.failure === 'not-an-envelope'
      if (previous !== undefined && isForeign) throw new EnvelopeError('extended', 'bytes follow the end')
      throw error
    }
    const isInPlace =
      previous === undefined
        ? header.partNumber === this.#options.part ||
          (this.#options.part === undefined && header.partNumber === 1)
        : header.partNumber === previous.partNumber! + 1 && header.objectId.equals(previous.objectId)
    if (!isInPlace) throw new EnvelopeError('spliced', 'a part does not belong in this place')
    if (previous !== undefined && this.#streams === this.#options.parts) {
      throw new EnvelopeError('extended', 'the object has more parts than the store claims')
    }
    return header
  }

  #requireAlive(): void {
    if (this.#state === 'destroyed') throw new Error('the opener has ended')
  }
}

function streamOpener(header: StreamHeader, keys: StreamKeys, firstFrame: number): StreamOpener {
  try {
    return new StreamOpener(header, keys, firstFrame)
  } catch (error) {
    keys.wipe()
    throw error
  }
}
