import { EnvelopeError } from '../../../envelope/envelope-error.ts'
import type { StreamHeader } from '../../../envelope/header.ts'
import { parseHeader } from '../../../envelope/header.ts'
import type { PartHeader } from '../../../envelope/parts/header.ts'
import { parsePartHeader } from '../../../envelope/parts/header.ts'
import { STREAM_HEADER_BYTES } from '../../../envelope/sizes.ts'
import { PortcullisError } from '../../../errors.ts'
import type { RawHeaders } from '../../../wire/raw-headers.ts'
import type { BackendResponse } from './backend-response.ts'
import type { ObjectExchange } from './object-exchange.ts'
import type { StoredObject } from './stored-length.ts'
import { storedObjectOf } from './stored-length.ts'

/** Where an object is. */
export interface ObjectPlace {
  readonly bucket: string
  readonly key: string
  readonly versionId: string | undefined
}

/** An object of which the first header has been read. */
export interface OpenedHead {
  readonly place: ObjectPlace
  readonly response: BackendResponse
  readonly stored: StoredObject
  readonly header: StreamHeader
}

/** The object of a request. */
export function placeOf(context: ObjectExchange): ObjectPlace {
  return { bucket: context.bucket, key: context.key, versionId: context.parameter('versionId') }
}

/** The version as query parameters. */
export function versionQuery({ versionId }: ObjectPlace): [string, string][] {
  return versionId === undefined ? [] : [['versionId', versionId]]
}

/**
 * Reads the first header of an object: one small request, under the conditions in `headers`. Resolves to the refusal
 * when the store gives no content.
 */
export async function readHead(
  context: ObjectExchange,
  place: ObjectPlace,
  headers: RawHeaders,
  query: [string, string][] = [],
): Promise<OpenedHead | BackendResponse> {
  const response = await context.backend.send({
    method: 'GET',
    bucket: place.bucket,
    key: place.key,
    query: [...versionQuery(place), ...query],
    headers: [...headers, 'range', `bytes=0-${STREAM_HEADER_BYTES - 1}`],
  })
  if (response.status === 416) throw new EnvelopeError('truncated', 'the object is empty')
  if (response.status !== 206) {
    if (response.status !== 200) return response
    response.abort()
    throw new PortcullisError('store-response-invalid', 'The store does not serve ranges.')
  }
  const bytes = await response.collect(STREAM_HEADER_BYTES)
  const stored = storedObjectOf(response)
  return { place, response, stored, header: headOf(bytes, stored) }
}

/** The first header of an object, which must agree with what the store says about it. */
export function headOf(bytes: Buffer, stored: StoredObject): StreamHeader {
  const header = stored.streams === undefined ? parseHeader(bytes) : parsePartHeader(bytes)
  assertFirst(header, stored)
  return header
}

/** Refuses a first header that does not agree with the stored length. */
export function assertFirst(header: StreamHeader, stored: StoredObject): void {
  if (stored.streams === undefined) {
    if (header.plaintextBytes !== stored.plaintextBytes) {
      throw new EnvelopeError('truncated', 'the object has not the length that it was sealed with')
    }
    return
  }
  const { kind, partNumber } = header as PartHeader
  if (kind !== 'part' || partNumber !== 1) {
    throw new EnvelopeError('spliced', 'the object does not begin with its first part')
  }
}

/** Reads stored bytes [start, end) of exactly the object that `head` is of; undefined when it has been replaced. */
export async function readStored(
  context: ObjectExchange,
  head: OpenedHead,
  start: number,
  end: number,
): Promise<BackendResponse | undefined> {
  const { place, stored } = head
  const response = await context.backend.send({
    method: 'GET',
    bucket: place.bucket,
    key: place.key,
    query: versionQuery(place),
    headers: ['range', `bytes=${start}-${end - 1}`, 'if-match', stored.etag],
  })
  if (response.status === 206) return response
  response.abort()
  if (response.status === 412 || response.status === 404) return undefined
  throw new PortcullisError('store-response-invalid', `The store answered a range with ${response.status}.`)
}
