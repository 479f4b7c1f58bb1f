import { partsObjectId } from '../../../envelope/object-id.ts'
import { StreamKeys } from '../../../envelope/stream-keys.ts'
import { placeOf, readHead } from './first-stream.ts'
import { readEnd } from './object-end.ts'
import type { ObjectExchange } from './object-exchange.ts'

/**
 * Entity tag of the object that an upload has become, if it has: the client did not hear of it and completes again.
 * The parts name their upload, so that no other object is taken for it.
 */
export async function completedEtag(context: ObjectExchange, parts: number): Promise<string | undefined> {
  const place = placeOf(context)
  const head = await readHead(context, place, [])
  if (!('stored' in head) || head.stored.streams === undefined) return undefined
  if (!head.header.objectId.equals(partsObjectId(context.parameter('uploadId') ?? ''))) return undefined
  const key = await context.openingKey(head.header.keyId)
  const streamContext = context.contextOf(key.scope.tenant, place.bucket, place.key)
  StreamKeys.open(context.parts.memory, key.derived('stream'), head.header, streamContext).wipe()
  const end = await readEnd(context, head)
  return end === undefined || end.parts === parts ? head.stored.etag : undefined
}
