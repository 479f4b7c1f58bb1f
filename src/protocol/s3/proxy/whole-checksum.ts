import { framesOf, sealedTrailerBytes } from '../../../envelope/sizes.ts'
import { openTrailer } from '../../../envelope/stream-trailer.ts'
import type { TenantKey } from '../../../keyring/tenant-key.ts'
import type { OpenedHead } from './first-stream.ts'
import { readStored } from './first-stream.ts'
import type { ObjectExchange } from './object-exchange.ts'
import type { ObjectChecksum } from './trailer.ts'
import { decodeTrailer, TRAILER_BYTES } from './trailer.ts'

/** True when the client asks for the object's checksum. */
export function wantsChecksum(context: ObjectExchange): boolean {
  return context.header('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED'
}

/** Reads the checksum that stands sealed at the end of an object that was put whole: one small request. */
export async function readWholeChecksum(
  context: ObjectExchange,
  head: OpenedHead,
  key: TenantKey,
): Promise<ObjectChecksum | undefined> {
  const { stored, header, place } = head
  const sealedBytes = sealedTrailerBytes(TRAILER_BYTES)
  const response = await readStored(context, head, stored.sealedBytes - sealedBytes, stored.sealedBytes)
  if (response === undefined) return undefined
  const sealed = await response.collect(sealedBytes)
  const streamContext = context.contextOf(key.scope.tenant, place.bucket, place.key)
  const frames = framesOf(header.plaintextBytes)
  return decodeTrailer(
    openTrailer(context.parts.memory, key.derived('stream'), header, streamContext, frames, sealed),
  )
}
