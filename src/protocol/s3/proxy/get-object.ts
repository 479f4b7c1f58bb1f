import { parseRange } from '../ranges.ts'
import { deliverWhole } from './deliver-whole.ts'
import { placeOf } from './first-stream.ts'
import { passForeign } from './foreign-object.ts'
import { getPart } from './get-part.ts'
import { getRange } from './get-range.ts'
import type { ObjectExchange } from './object-exchange.ts'
import { storeQuery, storeRequestHeaders } from './request-headers.ts'
import { passRefusal } from './store-refusal.ts'
import { storedObjectOf } from './stored-length.ts'

/** GetObject: whole, a range, or one part. */
export async function getObject(context: ObjectExchange): Promise<void> {
  if (context.mount.origins !== undefined && (await passForeign(context, placeOf(context)))) return
  if (context.parameter('partNumber') !== undefined) {
    await getPart(context)
    return
  }
  const range = parseRange(context.header('range'))
  if (range !== undefined) {
    await getRange(context, range)
    return
  }
  const response = await context.backend.send({
    method: 'GET',
    bucket: context.bucket,
    key: context.key,
    query: storeQuery(context),
    headers: storeRequestHeaders(context),
  })
  if (response.status !== 200) await passRefusal(context, response)
  else deliverWhole(context, response, storedObjectOf(response), placeOf(context))
}
