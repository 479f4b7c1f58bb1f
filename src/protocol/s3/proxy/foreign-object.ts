import { beginsLikeStream } from '../../../envelope/header.ts'
import { STREAM_HEADER_BYTES } from '../../../envelope/sizes.ts'
import { PortcullisError } from '../../../errors.ts'
import type { RawHeaders } from '../../../wire/raw-headers.ts'
import { headerValue } from '../../../wire/raw-headers.ts'
import type { ByteRange } from '../ranges.ts'
import type { BackendResponse } from './backend-response.ts'
import type { ObjectPlace } from './first-stream.ts'
import { versionQuery } from './first-stream.ts'
import { ClientDelivery, OpenedBody } from './object-delivery.ts'
import type { OpenedSink, Opener } from './object-delivery.ts'
import type { ObjectExchange } from './object-exchange.ts'
import { storeQuery, storeRequestHeaders } from './request-headers.ts'
import { plainResponseHeaders } from './response-headers.ts'
import { passRefusal } from './store-refusal.ts'

const ATTEMPTS_MAX = 3
const HEADERS_OF_CONTENT = ['accept-ranges', 'content-length', 'content-range', 'x-amz-mp-parts-count']

/** Tells clients that what they read was not encrypted by the gateway. */
const MARK: RawHeaders = ['portcullis-encryption', 'none']

/** Stored bytes as they are: a foreign object has nothing to open. */
class Unsealed implements Opener {
  readonly pendingHeader = undefined
  readonly holding = false

  supplyKey(): Buffer[] {
    return []
  }

  write(chunk: Buffer): Buffer[] {
    return [chunk]
  }

  final(): void {}

  destroy(): void {}
}

/**
 * Entity tag of the object at `place` if its store is migrating and the object was not sealed by the gateway; undefined
 * for every other object, and for one that cannot be read: whoever reads it then finds out why.
 */
export async function foreignEtag(context: ObjectExchange, place: ObjectPlace): Promise<string | undefined> {
  const { origins } = context.mount
  if (origins === undefined) return undefined
  const response = await context.backend.send({
    method: 'GET',
    bucket: place.bucket,
    key: place.key,
    query: versionQuery(place),
    headers: ['range', `bytes=0-${STREAM_HEADER_BYTES - 1}`],
  })
  const etag = response.header('etag')
  // Nothing that the gateway writes is empty.
  if (response.status === 416) {
    response.abort()
    return etag ?? emptyEtag(context, place)
  }
  if (response.status !== 206 || etag === undefined) {
    response.abort()
    return undefined
  }
  const own = beginsLikeStream(await response.collect(STREAM_HEADER_BYTES))
  origins.set({ ...place, etag }, own)
  return own ? undefined : etag
}

async function emptyEtag(context: ObjectExchange, place: ObjectPlace): Promise<string | undefined> {
  const { bucket, key } = place
  const response = await context.backend.send({ method: 'HEAD', bucket, key, query: versionQuery(place) })
  return response.status === 200 ? response.header('etag') : undefined
}

/**
 * Answers a read of a foreign object of a migrating store with what the store has, marked. False when there is no such
 * object: then it is read as every other.
 */
export async function passForeign(context: ObjectExchange, place: ObjectPlace): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const etag = await foreignEtag(context, place)
    if (etag === undefined) return false
    const response = await context.backend.send({
      method: context.exchange.method,
      bucket: place.bucket,
      key: place.key,
      query: storeQuery(context),
      headers: [...storeRequestHeaders(context), ...rangeOf(context)],
    })
    if (response.status !== 200 && response.status !== 206) {
      await passRefusal(context, response)
      return true
    }
    if (response.header('etag') === etag) {
      answerForeign(context, response, place)
      return true
    }
    // Replaced in between, perhaps by an object that is sealed.
    response.abort()
  }
  throw new PortcullisError('store-response-invalid', 'The object changes faster than it can be read.')
}

function rangeOf(context: ObjectExchange): RawHeaders {
  const range = context.header('range')
  return range === undefined ? [] : ['range', range]
}

function answerForeign(context: ObjectExchange, response: BackendResponse, place: ObjectPlace): void {
  const headers = [...plainResponseHeaders(context, response), ...MARK]
  for (const name of HEADERS_OF_CONTENT) {
    const value = headerValue(response.headers, name)
    if (value !== undefined) headers.push(name, value)
  }
  if (context.exchange.method === 'HEAD') {
    context.whenAdmitted(() => context.exchange.reply(response.status, headers, undefined))
    return
  }
  const delivery = new ClientDelivery(context, response.status, headers)
  delivery.start(new OpenedBody(context, response, { opener: new Unsealed(), place }, delivery))
}

/** A foreign object that is about to be copied. */
export interface ForeignSource {
  readonly place: ObjectPlace
  readonly response: BackendResponse
  readonly etag: string
  readonly bytes: number
}

/** The foreign object at `place` under the conditions of a copy; its refusal; undefined when it is not foreign. */
export async function readForeignSource(
  context: ObjectExchange,
  place: ObjectPlace,
  conditions: RawHeaders,
): Promise<ForeignSource | BackendResponse | undefined> {
  const etag = await foreignEtag(context, place)
  if (etag === undefined) return undefined
  const { bucket, key } = place
  const request = { method: 'HEAD', bucket, key, query: versionQuery(place), headers: conditions }
  const response = await context.backend.send(request)
  if (response.status !== 200) return response
  const bytes = response.contentLength
  if (response.header('etag') !== etag || bytes === undefined) {
    throw new PortcullisError('store-response-invalid', 'The copy source is being replaced.')
  }
  return { place, response, etag, bytes }
}

/** Requests a range of a foreign object; undefined when it has been replaced. */
export async function openForeign(
  context: ObjectExchange,
  { place, etag }: ForeignSource,
  range: ByteRange,
): Promise<((sink: OpenedSink) => OpenedBody) | undefined> {
  const response = await context.backend.send({
    method: 'GET',
    bucket: place.bucket,
    key: place.key,
    query: versionQuery(place),
    headers: ['range', `bytes=${range.start}-${range.end}`, 'if-match', etag],
  })
  if (response.status === 206) {
    return (sink) => new OpenedBody(context, response, { opener: new Unsealed(), place }, sink)
  }
  response.abort()
  return undefined
}
