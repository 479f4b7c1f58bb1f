import type { SecureMemory } from '../crypto/secure-memory.ts'
import { EnvelopeError } from './envelope-error.ts'
import { parseHeader } from './header.ts'
import type { StreamHeader } from './header.ts'
import { STREAM_HEADER_BYTES } from './sizes.ts'
import { StreamKeys } from './stream-keys.ts'
import type { Release } from './stream-opener.ts'
import { StreamOpener } from './stream-opener.ts'

const NOTHING: Buffer = Buffer.alloc(0)

export interface ObjectOpenerOptions {
  readonly memory: SecureMemory
  /** Context of an object whose key is at hand, from `StreamContexts`. */
  readonly context: Uint8Array
  /** For random access, from `planRange`: what is written to the opener begins at frame `firstFrame` of `header`. */
  readonly range?: {
    readonly header: StreamHeader
    readonly firstFrame: number
    readonly skipBytes: number
    readonly takeBytes: number
  }
  /** Called when the stream has been verified to its end. */
  readonly onStreamEnd?: (header: StreamHeader, trailer: Buffer | undefined) => void
}

/**
 * Opens an object that was put whole, pushed: stored bytes go in by chunks of any size, verified plaintext comes out.
 * Behind the header it stops and asks for the key:
 *
 *     output(opener.write(chunk))
 *     if (opener.pendingHeader) output(opener.supplyKey(keyId, streamKey))
 *
 * Chunks are opened where they lie, and what comes out are views of them: a chunk is the opener's own until what came
 * out has been used and, while `holding`, until the next chunk. After any error the opener is destroyed.
 */
export class ObjectOpener {
  readonly #options: ObjectOpenerOptions
  readonly #release: Release
  readonly #headerBytes = Buffer.allocUnsafe(STREAM_HEADER_BYTES)
  #headerLength = 0
  #pending: StreamHeader | undefined
  #header: StreamHeader | undefined
  #stream: StreamOpener | undefined
  #rest: Buffer = NOTHING
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

  /** True while bytes of chunks that were written have not come out: the last chunk, and those since anything came out. */
  get holding(): boolean {
    return this.#rest.length > 0 || this.#stream?.holding === true
  }

  /** True when all that was asked for has been verified and given out. */
  get complete(): boolean {
    return this.#state === 'complete'
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
      this.#stream = streamOpener(header, keys, range?.firstFrame ?? 0)
    } catch (error) {
      this.destroy()
      throw error
    }
    this.#header = header
    this.#pending = undefined
    const rest = this.#rest
    this.#rest = NOTHING
    return this.#guarded(rest)
  }

  /**
   * Says that the stored bytes have ended, and wipes the key.
   *
   * @throws EnvelopeError `truncated` unless everything has been verified, or what is wrong with a header that was cut
   */
  final(): void {
    this.#requireAlive()
    const { complete } = this
    const hasNoHeader = this.#stream === undefined && this.#pending === undefined
    this.destroy()
    if (complete) return
    if (hasNoHeader) parseHeader(this.#headerBytes.subarray(0, this.#headerLength))
    throw new EnvelopeError('truncated', 'the stream ends too early')
  }

  /** Wipes keys and unverified plaintext; for transfers that are cut. Any later call throws. */
  destroy(): void {
    this.#stream?.destroy()
    this.#rest = NOTHING
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
        this.#rest = chunk.subarray(at)
        return
      }
      if (this.#stream === undefined) at = this.#readHeader(chunk, at)
      else {
        at = this.#stream.read(chunk, at, output, this.#release)
        this.#leaveStream(this.#stream)
      }
    }
  }

  /** Ends when the stream has ended or all that was wanted has been given out. */
  #leaveStream(stream: StreamOpener): void {
    if (!stream.ended && this.#release.takeBytes > 0) return
    if (stream.ended) this.#options.onStreamEnd?.(this.#header!, stream.trailer)
    stream.destroy()
    this.#state = 'complete'
  }

  #readHeader(chunk: Buffer, at: number): number {
    const bytes = chunk.copy(this.#headerBytes, this.#headerLength, at)
    this.#headerLength += bytes
    if (this.#headerLength === STREAM_HEADER_BYTES) this.#pending = parseHeader(this.#headerBytes)
    return at + bytes
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
