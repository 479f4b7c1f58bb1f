import { contentRange, parseRange, resolveRange } from '../ranges.ts'
import type { RawHeaders } from '../../../wire/raw-headers.ts'
import type { OpenedHead } from './first-stream.ts'
import { placeOf, readHead } from './first-stream.ts'
import { passForeign } from './foreign-object.ts'
import { getPart } from './get-part.ts'
import { unsatisfiable } from './get-range.ts'
import { readEnd } from './object-end.ts'
import type { ObjectExchange } from './object-exchange.ts'
import { storeQuery, storeRequestHeaders } from './request-headers.ts'
import { checksumHeaders, objectResponseHeaders } from './response-headers.ts'
import { passRefusal } from './store-refusal.ts'
import { storedObjectOf } from './stored-length.ts'
import type { ObjectChecksum } from './trailer.ts'
import { readWholeChecksum, wantsChecksum } from './whole-checksum.ts'

/** HeadObject: the plaintext length follows from the stored one; only a checksum has to be looked up. */
export async function headObject(context: ObjectExchange): Promise<void> {
  if (context.mount.origins !== undefined && (await passForeign(context, placeOf(context)))) return
  if (context.parameter('partNumber') !== undefined) {
    await getPart(context)
    return
  }
  const response = await context.backend.send({
    method: 'HEAD',
    bucket: context.bucket,
    key: context.key,
    query: storeQuery(context),
    headers: storeRequestHeaders(context),
  })
  if (response.status !== 200) {
    await passRefusal(context, response)
    return
  }
  const { plaintextBytes, etag } = storedObjectOf(response)
  const headers: RawHeaders = [...objectResponseHeaders(context, response), 'accept-ranges', 'bytes']
  const asked = parseRange(context.header('range'))
  const range = asked && resolveRange(asked, plaintextBytes)
  if (asked !== undefined && range === undefined) throw unsatisfiable(context, plaintextBytes)
  if (range === undefined) headers.push('content-length', String(plaintextBytes))
  else {
    headers.push('content-length', String(range.end - range.start + 1))
    headers.push('content-range', contentRange(range, plaintextBytes))
  }
  if (wantsChecksum(context) && range === undefined) {
    headers.push(...checksumHeaders(await lookUpChecksum(context, etag)))
  }
  context.whenAdmitted(() => context.exchange.reply(range === undefined ? 200 : 206, headers, undefined))
}

/** The checksum of the object that a request is about, if it is kept. */
export async function lookUpChecksum(
  context: ObjectExchange,
  etag: string,
): Promise<ObjectChecksum | undefined> {
  const head = await readHead(context, placeOf(context), ['if-match', etag])
  return 'stored' in head ? checksumOf(context, head) : undefined
}

/** The checksum kept with an object, if it is. */
export async function checksumOf(
  context: ObjectExchange,
  head: OpenedHead,
): Promise<ObjectChecksum | undefined> {
  if (head.stored.streams !== undefined) return (await readEnd(context, head))?.checksum
  return readWholeChecksum(context, head, await context.openingKey(head.header.keyId))
}
