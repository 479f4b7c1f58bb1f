import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { PortcullisError } from '../../errors.ts'

/** Which side of the gateway a body comes from: decides how a fault in it is named. */
export type BodySource = 'client' | 'store'

/** Undoes one content coding, in pieces, with backpressure. */
export interface Decoder {
  /** Takes coded bytes; false asks the caller to wait for `drained`. */
  write(chunk: Buffer): boolean
  end(): void
  pause(): void
  resume(): void
  destroy(): void
}

/** Where decoded bytes go. Exactly one of `end` and `error` comes last. */
export interface DecoderOutput {
  data(chunk: Buffer): void
  end(): void
  error(error: PortcullisError): void
  drained(): void
}

// Bytes behind the end would be dropped without a word otherwise; gzip, which allows further members, refuses them itself.
const STRICT_END = { rejectGarbageAfterEnd: true }

const DECODERS = {
  gzip: () => createGunzip(),
  'x-gzip': () => createGunzip(),
  deflate: () => createInflate(STRICT_END),
  br: () => createBrotliDecompress(STRICT_END),
  zstd: () => createZstdDecompress(STRICT_END),
} as const

/** True for an absent coding or `identity`. */
export function isIdentity(contentEncoding: string | undefined): boolean {
  return (
    contentEncoding === undefined || contentEncoding === '' || contentEncoding.toLowerCase() === 'identity'
  )
}

/**
 * A decoder for a `Content-Encoding` (RFC 9110 section 8.4). One coding only; a list or an unknown one throws
 * `media-type-unsupported` for a client's body and `store-response-invalid` for a store's.
 */
export function createDecoder(contentEncoding: string, source: BodySource, output: DecoderOutput): Decoder {
  const create = DECODERS[contentEncoding.trim().toLowerCase() as keyof typeof DECODERS]
  if (create === undefined) {
    throw source === 'client'
      ? new PortcullisError(
          'media-type-unsupported',
          'Content-Encoding must be one of gzip, deflate, br, zstd, identity.',
        )
      : new PortcullisError(
          'store-response-invalid',
          'The store used a content coding that cannot be decoded.',
        )
  }
  const stream = create()
  stream.on('data', (chunk: Buffer) => output.data(chunk))
  stream.on('end', () => output.end())
  stream.on('drain', () => output.drained())
  stream.on('error', (cause) => {
    output.error(
      source === 'client'
        ? new PortcullisError('request-malformed', 'The body does not match its Content-Encoding.', { cause })
        : new PortcullisError(
            'store-response-invalid',
            'The store sent a body that does not match its coding.',
            { cause },
          ),
    )
  })
  return {
    write: (chunk) => stream.write(chunk),
    end: () => void stream.end(),
    pause: () => void stream.pause(),
    resume: () => void stream.resume(),
    destroy: () => void stream.destroy(),
  }
}
