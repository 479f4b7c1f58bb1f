import type { Hash } from 'node:crypto'
import { createHash, hash } from 'node:crypto'
import { S3Error } from './errors.ts'
import { EMPTY_SHA256, scopeText, signaturesEqual, signText } from './signing-key.ts'
import type { SigningScope } from './signing-key.ts'

/** What chunk signatures are made from; the seed is the signature of the request's head. */
export interface ChunkSigning {
  readonly signingKey: Buffer
  readonly scope: SigningScope
  readonly timestamp: string
  readonly seedSignature: string
}

/** How an aws-chunked body must look. */
export interface ChunkedBody {
  /** `x-amz-decoded-content-length`, bytes. */
  readonly decodedBytes: number
  /** Undefined for unsigned chunks. */
  readonly signing: ChunkSigning | undefined
  /** Lower-case names that `x-amz-trailer` announces; undefined when the mode has no trailer. */
  readonly trailerNames: readonly string[] | undefined
}

type State = 'header' | 'data' | 'data-end' | 'trailer' | 'final-line' | 'done'

// `ffffffffff;chunk-signature=` and 64 digits are 91 bytes; room for extensions that nobody sends.
const CHUNK_HEADER_BYTES_MAX = 256
const TRAILER_BYTES_MAX = 2048
const CARRIAGE_RETURN = 0x0d
const LINE_FEED = 0x0a

/**
 * Decodes an aws-chunked body pushed in pieces of any size, and verifies every chunk's signature and the
 * trailer's (Amazon S3 API reference, "Transferring Payload in Multiple Chunks"; signed and unsigned, with and
 * without trailer). Data comes out as views of the input before its chunk is verified, so a consumer must not
 * commit anything until `end` has returned.
 * Throws `SignatureDoesNotMatch`, `IncompleteBody`, `MalformedTrailerError` or `InvalidRequest`.
 */
export class ChunkedDecoder {
  readonly #body: ChunkedBody
  #state: State = 'header'
  #line: Buffer = Buffer.alloc(0)
  #chunkLeft = 0
  #decodedBytes = 0
  #previousSignature: string
  #chunkSignature = ''
  #chunkHash: Hash | undefined
  #trailerBytes = 0
  #trailerText = ''
  #trailerSignature: string | undefined
  readonly #trailers = new Map<string, string>()

  constructor(body: ChunkedBody) {
    this.#body = body
    this.#previousSignature = body.signing?.seedSignature ?? ''
  }

  /** Feeds encoded bytes; decoded data is handed to `emit` at once, in order. */
  push(input: Buffer, emit: (data: Buffer) => void): void {
    let position = 0
    while (position < input.length) {
      if (this.#state === 'data') {
        const taken = Math.min(this.#chunkLeft, input.length - position)
        const data = input.subarray(position, position + taken)
        this.#chunkHash?.update(data)
        emit(data)
        position += taken
        this.#chunkLeft -= taken
        if (this.#chunkLeft === 0) this.#endOfData()
      } else {
        position = this.#readLine(input, position)
      }
    }
  }

  /** Declares the end of the body; returns the verified trailers by lower-case name. */
  end(): ReadonlyMap<string, string> {
    // A body may end without the empty line after its last chunk; several clients leave it out.
    const complete = this.#state === 'done' || (this.#state === 'final-line' && this.#line.length === 0)
    if (!complete || this.#decodedBytes !== this.#body.decodedBytes) throw new S3Error('IncompleteBody')
    return this.#trailers
  }

  #readLine(input: Buffer, from: number): number {
    if (this.#state === 'done') throw new S3Error('IncompleteBody', 'The body goes on after its last chunk.')
    const feed = input.indexOf(LINE_FEED, from)
    const end = feed === -1 ? input.length : feed + 1
    const piece = input.subarray(from, end)
    if (this.#line.length + piece.length > CHUNK_HEADER_BYTES_MAX) {
      if (this.#state !== 'trailer' || this.#line.length + piece.length > TRAILER_BYTES_MAX) throw malformed()
    }
    const line = this.#line.length === 0 ? piece : Buffer.concat([this.#line, piece])
    if (feed === -1) {
      this.#line = Buffer.from(line)
      return end
    }
    this.#line = Buffer.alloc(0)
    const hasReturn = line.length >= 2 && line[line.length - 2] === CARRIAGE_RETURN
    if (!hasReturn && this.#state !== 'trailer') throw malformed()
    this.#acceptLine(line.toString('latin1', 0, line.length - (hasReturn ? 2 : 1)))
    return end
  }

  #acceptLine(line: string): void {
    switch (this.#state) {
      case 'header':
        this.#chunkHeader(line)
        break
      case 'data-end':
        if (line !== '') throw malformed()
        this.#state = 'header'
        break
      case 'trailer':
        this.#trailerLine(line)
        break
      case 'final-line':
        if (line !== '') throw malformed()
        this.#state = 'done'
        break
      case 'data':
      case 'done':
        throw malformed()
    }
  }

  #chunkHeader(line: string): void {
    const match = /^([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line)
    if (match === null) throw malformed()
    const bytes = Number.parseInt(match[1]!, 16)
    const signature = match[2]
    if ((signature === undefined) !== (this.#body.signing === undefined)) throw malformed()
    this.#chunkSignature = signature ?? ''
    if (bytes === 0) {
      this.#verifyChunk(EMPTY_SHA256)
      if (this.#decodedBytes !== this.#body.decodedBytes) throw new S3Error('IncompleteBody')
      this.#state = this.#body.trailerNames === undefined ? 'final-line' : 'trailer'
      return
    }
    this.#decodedBytes += bytes
    if (this.#decodedBytes > this.#body.decodedBytes) throw new S3Error('IncompleteBody')
    this.#chunkLeft = bytes
    this.#chunkHash = this.#body.signing === undefined ? undefined : createHash('sha256')
    this.#state = 'data'
  }

  #endOfData(): void {
    if (this.#chunkHash !== undefined) this.#verifyChunk(this.#chunkHash.digest('hex'))
    this.#chunkHash = undefined
    this.#state = 'data-end'
  }

  #verifyChunk(dataSha256: string): void {
    this.#verify('AWS4-HMAC-SHA256-PAYLOAD', `${EMPTY_SHA256}\n${dataSha256}`, this.#chunkSignature)
  }

  #verify(algorithm: string, rest: string, signature: string): void {
    const { signing } = this.#body
    if (signing === undefined) return
    const text = `${algorithm}\n${signing.timestamp}\n${scopeText(signing.scope)}\n${this.#previousSignature}\n${rest}`
    if (!signaturesEqual(signText(signing.signingKey, text), signature)) {
      throw new S3Error('SignatureDoesNotMatch', undefined, { StringToSign: text })
    }
    this.#previousSignature = signature
  }

  #trailerLine(line: string): void {
    if (line === '') {
      this.#endOfTrailer()
      return
    }
    this.#trailerBytes += line.length
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(colon, 0)).trim().toLowerCase()
    const value = line.slice(colon + 1).trim()
    if (this.#trailerBytes > TRAILER_BYTES_MAX || name === '') throw new S3Error('MalformedTrailerError')
    if (name === 'x-amz-trailer-signature') {
      if (this.#trailerSignature !== undefined) throw new S3Error('MalformedTrailerError')
      this.#trailerSignature = value
      return
    }
    const announced = this.#body.trailerNames?.includes(name) === true
    if (!announced || this.#trailers.has(name) || this.#trailerSignature !== undefined) {
      throw new S3Error('MalformedTrailerError')
    }
    this.#trailers.set(name, value)
    this.#trailerText += `${name}:${value}\n`
  }

  #endOfTrailer(): void {
    if (this.#trailers.size !== this.#body.trailerNames?.length) throw new S3Error('MalformedTrailerError')
    if (this.#body.signing !== undefined) {
      if (this.#trailerSignature === undefined) throw new S3Error('MalformedTrailerError')
      const digest = hash('sha256', Buffer.from(this.#trailerText, 'latin1'))
      this.#verify('AWS4-HMAC-SHA256-TRAILER', digest, this.#trailerSignature)
    }
    this.#state = 'done'
  }
}

function malformed(): S3Error {
  return new S3Error('InvalidRequest', 'The aws-chunked body is malformed.')
}
