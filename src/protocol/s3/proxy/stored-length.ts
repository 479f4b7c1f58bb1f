import { EnvelopeError } from '../../../envelope/envelope-error.ts'
import { openedPartsBytes } from '../../../envelope/parts/layout.ts'
import { openedStreamBytes } from '../../../envelope/sizes.ts'
import { PortcullisError } from '../../../errors.ts'
import type { BackendResponse } from './backend-response.ts'
import { TRAILER_BYTES } from './trailer.ts'

/** What a store says about one object, and what follows for its plaintext. */
export interface StoredObject {
  readonly etag: string
  /** Streams that it is made of, an end record included; undefined for an object that was put whole. */
  readonly streams: number | undefined
  readonly sealedBytes: number
  readonly plaintextBytes: number
}

/** Number of streams that an entity tag states: `-N` behind the digest, as every S3 store writes it. */
export function streamsOf(etag: string): number | undefined {
  const match = /-(\d{1,5})"?$/.exec(etag)
  return match === null ? undefined : Number(match[1])
}

/** Plaintext length of an object of a stored length. Throws `truncated` for a length that no object has. */
export function plaintextBytesOf(sealedBytes: number, etag: string): number {
  const streams = streamsOf(etag)
  const plaintextBytes =
    streams === undefined
      ? openedStreamBytes(sealedBytes, TRAILER_BYTES)
      : openedPartsBytes(sealedBytes, streams)
  if (plaintextBytes === undefined)
    throw new EnvelopeError('truncated', 'the store claims a length that no object has')
  return plaintextBytes
}

/** What the head of a response says about the object: its `Content-Range` if there is one, else its length. */
export function storedObjectOf(response: BackendResponse): StoredObject {
  const etag = response.header('etag')
  const sealedBytes = totalBytesOf(response)
  if (etag === undefined || sealedBytes === undefined) {
    throw new PortcullisError('store-response-invalid', 'The store did not state entity tag and length.')
  }
  return { etag, streams: streamsOf(etag), sealedBytes, plaintextBytes: plaintextBytesOf(sealedBytes, etag) }
}

/** Stored bytes of the whole object. */
export function totalBytesOf(response: BackendResponse): number | undefined {
  const range = response.header('content-range')
  if (range === undefined) return response.contentLength
  const total = /^bytes \d+-\d+\/(\d{1,15})$/.exec(range)?.[1]
  return total === undefined ? undefined : Number(total)
}
