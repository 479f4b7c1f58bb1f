import { sealEndRecord } from '../../../envelope/parts/sealer.ts'
import { PortcullisError } from '../../../errors.ts'
import type { ObjectExchange } from './object-exchange.ts'
import { partSealing } from './put-object.ts'
import type { ObjectChecksum } from './trailer.ts'
import { encodeTrailer } from './trailer.ts'

/** A part as a completion lists it to the store. */
export interface ListedPart {
  readonly PartNumber: number
  readonly ETag: string
}

/** What an end record says. */
export interface EndOfParts {
  readonly parts: number
  readonly plaintextBytes: number
  readonly checksum: ObjectChecksum | undefined
}

/** Puts the end record of an upload behind its last part (docs/SPEC.md section 6.6). */
export async function putEndRecord(
  context: ObjectExchange,
  uploadId: string,
  { parts, plaintextBytes, checksum }: EndOfParts,
): Promise<ListedPart> {
  const sealing = await partSealing(context, uploadId)
  const body = sealEndRecord(sealing, parts, plaintextBytes, encodeTrailer(checksum))
  const response = await context.backend.send({
    method: 'PUT',
    bucket: context.bucket,
    key: context.key,
    query: [
      ['partNumber', String(parts + 1)],
      ['uploadId', uploadId],
    ],
    body,
  })
  await response.collect(64 * 1024)
  const etag = response.header('etag')
  if (response.status !== 200 || etag === undefined) {
    throw new PortcullisError('store-response-invalid', 'The store did not take the end of the object.')
  }
  return { PartNumber: parts + 1, ETag: etag }
}
