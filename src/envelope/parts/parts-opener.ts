import type { SecureMemory } from '../../crypto/secure-memory.ts'
import { EnvelopeError } from '../envelope-error.ts'
import { PART_NUMBER_MAX } from '../header.ts'
import { STREAM_HEADER_BYTES } from '../sizes.ts'
import { StreamKeys } from '../stream-keys.ts'
import type { Release } from '../stream-opener.ts'
import type { PartHeader } from './header.ts'
import { parsePartHeader } from './header.ts'
import { PartOpener } from './opener.ts'

/** An object's last part must be shorter than this, unless an end record follows (docs/SPEC.md section 6.6). */
export const UNENDED_PART_BYTES = 5 * 1024 * 1024

const NOTHING: Buffer = Buffer.alloc(0)

export interface PartsOpenerOptions {
  readonly memory: SecureMemory
  /** Streams that the store claims: parts, and the end record if there is one (the `-N` of its entity tag). */
  readonly streams: number
  /** The stored bytes are those of one part alone, of whatever number. */
  readonly single?: boolean
  /** For random access: the stored bytes begin at frame `firstFrame` of `header`, which was read or supposed. */
  readonly range?: {
    readonly header: PartHeader
    readonly firstFrame: number
    readonly skipBytes: number
    readonly takeBytes: number
  }
}

/**
 * Opens an object made of parts, pushed, as `ObjectOpener` opens whole ones: at each header it stops and asks for the
 * key. Chunks are opened where they lie, as there. After any error it is destroyed.
 */
export class PartsOpener {
  /** The trailer of the end record, or of the part when a single one is read. */
  trailer: Buffer | undefined
  readonly #options: PartsOpenerOptions
  readonly #release: Release
  readonly #headerBytes = Buffer.allocUnsafe(STREAM_HEADER_BYTES)
  #headerLength = 0
  #pending: PartHeader | undefined
  #current: PartHeader | undefined
  #part: PartOpener | undefined
  #rest: Buffer = NOTHING
  #streams = 0
  #plaintextBytes = 0
  #ended = false
  #destroyed = false

  constructor(options: PartsOpenerOptions) {
    this.#options = options
    this.#release = {
      skipBytes: options.range?.skipBytes ?? 0,
      takeBytes: options.range?.takeBytes ?? Infinity,
    }
    this.#pending = options.range?.header
  }

  /** The header that waits for its key, if any; its `keyId` says which. */
  get pendingHeader(): PartHeader | undefined {
    return this.#pending
  }

  /** True while bytes of chunks that were written have not come out: the last chunk, and those since anything came out. */
  get holding(): boolean {
    return this.#rest.length > 0 || this.#part?.holding === true
  }

  /** @throws EnvelopeError; Error once destroyed */
  write(chunk: Buffer): Buffer[] {
    if (this.#destroyed) throw new Error('the opener has ended')
    if (this.#pending !== undefined) {
      this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
      return []
    }
    return this.#guarded(chunk)
  }

  /**
   * Continues behind `pendingHeader`; `streamKey` is the derived key "stream" that belongs to `keyId`, `context` that
   * of the object under the key's app, from `StreamContexts`.
   */
  supplyKey(keyId: Uint8Array, streamKey: Uint8Array, context: Uint8Array): Buffer[] {
    const header = this.#pending
    if (this.#destroyed || header === undefined) throw new Error('no key is wanted')
    try {
      if (!header.keyId.equals(keyId)) throw new EnvelopeError('wrong-key', 'the part names another key')
      const { memory, range } = this.#options
      const isRangeStart = range !== undefined && this.#streams === 0
      // The supposed header of a range has no commitment to compare: its frames' tags verify key and header alike.
      const keys = isRangeStart
        ? StreamKeys.seal(memory, streamKey, header, context)
        : StreamKeys.open(memory, streamKey, header, context)
      this.#part = partOpener(header, keys, isRangeStart ? range.firstFrame : 0)
    } catch (error) {
      this.destroy()
      throw error
    }
    this.#current = header
    this.#pending = undefined
    this.#streams += 1
    const rest = this.#rest
    this.#rest = NOTHING
    return this.#guarded(rest)
  }

  /** True when all of a range has been given out; the rest of the stored bytes is of no interest. */
  get satisfied(): boolean {
    return this.#release.takeBytes === 0
  }

  /**
   * Says that the stored bytes have ended, and wipes the key.
   *
   * @throws EnvelopeError `truncated` unless everything has been verified
   */
  final(): void {
    const part = this.#part
    const header = this.#current
    const complete =
      this.satisfied || (part === undefined && this.#pending === undefined && this.#headerLength === 0)
    const wasDestroyed = this.#destroyed
    this.destroy()
    if (wasDestroyed) throw new Error('the opener has ended')
    if (!complete || header === undefined) throw new EnvelopeError('truncated', 'the object ends too early')
    if (this.#options.range === undefined && this.#options.single !== true) this.#requireEnd(header)
  }

  /** Wipes keys and unverified plaintext; for transfers that are cut. Any later call throws. */
  destroy(): void {
    this.#part?.destroy()
    this.#part = undefined
    this.#rest = NOTHING
    this.#destroyed = true
  }

  #requireEnd(last: PartHeader): void {
    if (this.#streams < this.#options.streams)
      throw new EnvelopeError('truncated', 'the object has fewer parts than the store claims')
    if (!this.#ended) assertMayBeLast(last)
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
    for (;;) {
      if (this.#part !== undefined) {
        at = this.#part.read(chunk, at, output, this.#release)
        if (this.#part.ended) this.#leavePart(this.#part)
      }
      if (at >= chunk.length || this.satisfied) return
      if (this.#pending !== undefined) {
        this.#rest = chunk.subarray(at)
        return
      }
      if (this.#part === undefined) at = this.#readHeader(chunk, at)
    }
  }

  #leavePart(part: PartOpener): void {
    const header = this.#current!
    if (header.kind === 'end' || this.#options.single === true) this.trailer = part.trailer
    if (header.kind === 'part') this.#plaintextBytes += header.plaintextBytes
    this.#ended = header.kind === 'end'
    part.destroy()
    this.#part = undefined
    this.#headerLength = 0
  }

  #readHeader(chunk: Buffer, at: number): number {
    if (this.#ended || (this.#options.single === true && this.#streams === 1)) {
      throw new EnvelopeError('extended', 'bytes follow the end')
    }
    if (this.#streams >= this.#options.streams)
      throw new EnvelopeError('extended', 'the object has more parts than the store claims')
    const bytes = chunk.copy(this.#headerBytes, this.#headerLength, at)
    this.#headerLength += bytes
    if (this.#headerLength === STREAM_HEADER_BYTES)
      this.#pending = this.#place(parsePartHeader(this.#headerBytes))
    return at + bytes
  }

  /** A header in its place in the object. */
  #place(header: PartHeader): PartHeader {
    const previous = this.#current
    if (this.#options.single === true) return header
    const inPlace =
      previous === undefined
        ? header.kind === 'part' && header.partNumber === 1
        : header.objectId.equals(previous.objectId) &&
          (header.kind === 'part'
            ? header.partNumber === previous.partNumber + 1
            : this.#isEndOf(header, previous))
    if (!inPlace) throw new EnvelopeError('spliced', 'a part does not belong in this place')
    return header
  }

  #isEndOf(end: PartHeader, last: PartHeader): boolean {
    // A range does not see the parts before it, so it cannot add up their lengths.
    const lengthKnown = this.#options.range === undefined
    return end.partNumber === last.partNumber && (!lengthKnown || end.plaintextBytes === this.#plaintextBytes)
  }
}

/** Refuses a part behind which an end record is missing. */
export function assertMayBeLast(header: PartHeader): void {
  if (header.plaintextBytes >= UNENDED_PART_BYTES && header.partNumber < PART_NUMBER_MAX) {
    throw new EnvelopeError('truncated', 'the end of the object is missing')
  }
}

function partOpener(header: PartHeader, keys: StreamKeys, firstFrame: number): PartOpener {
  try {
    return new PartOpener(header, keys, firstFrame)
  } catch (error) {
    keys.wipe()
    throw error
  }
}
