import { PortcullisError } from '../../../errors.ts'
import { ChunkedDecoder } from '../chunked-decoder.ts'
import { S3Error } from '../errors.ts'
import { ChecksumVerifier, readChecksumRequest } from '../expected-checksums.ts'
import { keep, type Loan, OWNED } from '../../../wire/loan.ts'
import type { ObjectExchange } from './object-exchange.ts'
import type { ObjectChecksum } from './trailer.ts'
import { ofFullObject } from './trailer.ts'

const NO_TRAILERS: ReadonlyMap<string, string> = new Map()

/** Takes a client's body, decoded. Exactly one of `end` and `error` comes last. */
export interface PlaintextSink {
  /** The chunk is lent: the loan's until the call has returned, unless it was retained. */
  data(chunk: Buffer, loan: Loan): void
  /** Everything announced was verified. */
  end(checksum: ObjectChecksum | undefined): void
  error(error: unknown): void
}

/** The body of a client's request: aws-chunked framing removed, chunk signatures and checksums verified. */
export class ClientBody {
  /** Decoded bytes, as declared. */
  readonly bytes: number
  readonly #context: ObjectExchange
  readonly #verifier: ChecksumVerifier
  readonly #decoder: ChunkedDecoder | undefined

  /** Throws `MissingContentLength`, or what is wrong with the announced checksums. */
  constructor(context: ObjectExchange) {
    const { verified, exchange } = context
    const announced = readChecksumRequest(exchange.request.rawHeaders, verified.payload)
    this.#context = context
    this.bytes = declaredBytes(context)
    this.#verifier = new ChecksumVerifier(announced)
    if (verified.payload.kind === 'chunked') {
      const { signingKey, scope, timestamp, signature } = verified
      this.#decoder = new ChunkedDecoder({
        decodedBytes: this.bytes,
        signing: verified.payload.signed
          ? { signingKey, scope, timestamp, seedSignature: signature }
          : undefined,
        trailerNames: announced.trailerNames,
      })
    }
  }

  /** Reads the body. `pause` and `resume` of the request are the caller's brake. */
  read(sink: PlaintextSink): void {
    const { exchange } = this.#context
    let received = 0
    let over = false
    const fail = (error: unknown): void => {
      if (over) return
      over = true
      sink.error(error)
    }
    let lent: Loan = OWNED
    const take = (data: Buffer): void => {
      received += data.length
      if (received > this.bytes) throw new S3Error('IncompleteBody')
      this.#verifier.update(data)
      sink.data(data, lent)
    }
    exchange.request.read({
      data: (chunk, loan) => {
        if (over) return
        exchange.requestBytes += chunk.length
        lent = loan
        try {
          if (this.#decoder === undefined) take(chunk)
          else this.#decoder.push(chunk, take)
        } catch (thrown) {
          fail(thrown)
        }
      },
      end: () => {
        if (over) return
        try {
          const trailers = this.#decoder?.end() ?? NO_TRAILERS
          if (received !== this.bytes) throw new S3Error('IncompleteBody')
          const checksum = this.#verifier.finish(trailers)
          over = true
          sink.end(ofFullObject(checksum))
        } catch (thrown) {
          fail(thrown)
        }
      },
    })
    exchange.onAbort(fail)
    exchange.continue()
  }

  /** The whole body, of at most `bytesMax`. */
  collect(bytesMax: number): Promise<Buffer> {
    if (this.bytes > bytesMax) return Promise.reject(new S3Error('MaxMessageLengthExceeded'))
    return new Promise((resolve, reject) => {
      const pieces: Buffer[] = []
      this.read({
        data: (chunk, loan) => pieces.push(keep(chunk, loan)),
        end: () => resolve(Buffer.concat(pieces)),
        error: (error) =>
          reject(error instanceof Error ? error : new PortcullisError('internal', 'The body failed.')),
      })
    })
  }
}

function declaredBytes(context: ObjectExchange): number {
  if (context.verified.payload.kind !== 'chunked') {
    const { contentLength, chunked } = context.exchange.head
    if (contentLength === undefined && chunked) throw new S3Error('MissingContentLength')
    return contentLength ?? 0
  }
  const text = context.header('x-amz-decoded-content-length')
  if (text === undefined) throw new S3Error('MissingContentLength')
  if (!/^\d{1,15}$/.test(text)) {
    throw new S3Error('InvalidArgument', 'x-amz-decoded-content-length is not a number.')
  }
  return Number(text)
}
