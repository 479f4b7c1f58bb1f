import { PART_OVERHEAD_BYTES } from '../../../envelope/parts/layout.ts'
import { PortcullisError } from '../../../errors.ts'
import { EnvelopeError } from '../../../envelope/envelope-error.ts'
import { clientEtag } from './etag-form.ts'
import type { ObjectExchange } from './object-exchange.ts'
import { storeQuery, storeRequestHeaders } from './request-headers.ts'
import { plainResponseHeaders } from './response-headers.ts'
import { passRefusal } from './store-refusal.ts'
import { plaintextBytesOf } from './stored-length.ts'

const LIST_BYTES_MAX = 16 * 1024 * 1024
const ETAG = /(<ETag>(?:&quot;|&#34;|")?)([0-9a-fA-F]{32})(?=&quot;|&#34;|"|<)/
// About the stored bytes, not the object's.
const STORE_CHECKSUMS = /<(ChecksumAlgorithm|ChecksumType|Checksum[A-Z0-9]+)>[^<]*<\/\1>/g

/** ListObjects, ListObjectsV2 and ListObjectVersions: the store's list with plaintext lengths. */
export async function listObjects(context: ObjectExchange): Promise<void> {
  await rewriteList(context, /<(Contents|Version)>(.*?)<\/\1>/gs, (entry) => {
    const etag = /<ETag>([^<]*)<\/ETag>/.exec(entry)?.[1]?.replaceAll('&quot;', '"').replaceAll('&#34;', '"')
    if (etag === undefined)
      throw new PortcullisError('store-response-invalid', 'The store lists an object without entity tag.')
    return (sealedBytes) => listedBytes(sealedBytes, etag)
  })
}

/** ListParts: the store's list with plaintext lengths. */
export async function listParts(context: ObjectExchange): Promise<void> {
  await rewriteList(context, /<(Part)>(.*?)<\/\1>/gs, () => (sealedBytes) => {
    return sealedBytes < PART_OVERHEAD_BYTES ? sealedBytes : sealedBytes - PART_OVERHEAD_BYTES
  })
}

/** A length for a list: one foreign object must not make a whole bucket unreadable, so it shows as it is stored. */
function listedBytes(sealedBytes: number, etag: string): number {
  try {
    return plaintextBytesOf(sealedBytes, etag)
  } catch (thrown) {
    if (thrown instanceof EnvelopeError) return sealedBytes
    throw thrown
  }
}

async function rewriteList(
  context: ObjectExchange,
  entries: RegExp,
  bytesFor: (entry: string) => (sealedBytes: number) => number,
): Promise<void> {
  const response = await context.backend.send({
    method: 'GET',
    bucket: context.bucket,
    ...(context.address.level === 'object' ? { key: context.address.key } : {}),
    query: storeQuery(context),
    headers: storeRequestHeaders(context),
  })
  if (response.status !== 200) {
    await passRefusal(context, response)
    return
  }
  const list = (await response.collect(LIST_BYTES_MAX)).toString()
  const rewritten = list.replace(entries, (whole: string, _name: string, entry: string) => {
    const bytesOf = bytesFor(entry)
    return whole
      .replace(
        /<Size>(\d{1,15})<\/Size>/,
        (_size, digits: string) => `<Size>${bytesOf(Number(digits))}</Size>`,
      )
      .replace(ETAG, (_tag, open: string, etag: string) => open + clientEtag(etag))
      .replace(STORE_CHECKSUMS, '')
  })
  const body = Buffer.from(rewritten)
  const headers = [...plainResponseHeaders(context, response), 'content-length', String(body.length)]
  context.whenAdmitted(() => context.exchange.reply(200, headers, body))
}
