import { PART_OVERHEAD_BYTES } from '../../../envelope/parts/layout.ts'
import { PortcullisError } from '../../../errors.ts'
import { EnvelopeError } from '../../../envelope/envelope-error.ts'
import { childText, parseXml } from '../xml-reader.ts'
import { clientEtag } from './etag-form.ts'
import { foreignEtag } from './foreign-object.ts'
import type { ObjectExchange } from './object-exchange.ts'
import { storeQuery, storeRequestHeaders } from './request-headers.ts'
import { plainResponseHeaders } from './response-headers.ts'
import { passRefusal } from './store-refusal.ts'
import { plaintextBytesOf } from './stored-length.ts'

const LIST_BYTES_MAX = 16 * 1024 * 1024
/** Objects of a migrating store that are asked about at the same time. */
const QUESTIONS_MAX = 16
const ETAG = /(<ETag>(?:&quot;|&#34;|")?)([0-9a-fA-F]{32})(?=&quot;|&#34;|"|<)/
// About the stored bytes, not the object's.
const STORE_CHECKSUMS = /<(ChecksumAlgorithm|ChecksumType|Checksum[A-Z0-9]+)>[^<]*<\/\1>/g
const OBJECTS = /<(Contents|Version)>(.*?)<\/\1>/gs
const PARTS = /<(Part)>(.*?)<\/\1>/gs

/** ListObjects, ListObjectsV2 and ListObjectVersions: the store's list with plaintext lengths. */
export async function listObjects(context: ObjectExchange): Promise<void> {
  const list = await readList(context)
  if (list === undefined) return
  const foreign = await foreignEntries(context, list)
  answerList(
    context,
    list.response,
    rewritten(list.text, OBJECTS, (entry, sealedBytes) => {
      return foreign.has(entry) ? sealedBytes : listedBytes(sealedBytes, etagOf(entry))
    }),
  )
}

/** ListParts: the store's list with plaintext lengths. */
export async function listParts(context: ObjectExchange): Promise<void> {
  const list = await readList(context)
  if (list === undefined) return
  answerList(
    context,
    list.response,
    rewritten(list.text, PARTS, (_entry, sealedBytes) => {
      return sealedBytes < PART_OVERHEAD_BYTES ? sealedBytes : sealedBytes - PART_OVERHEAD_BYTES
    }),
  )
}

function etagOf(entry: string): string {
  const etag = /<ETag>([^<]*)<\/ETag>/.exec(entry)?.[1]
  if (etag === undefined)
    throw new PortcullisError('store-response-invalid', 'The store lists an object without entity tag.')
  return etag.replaceAll('&quot;', '"').replaceAll('&#34;', '"')
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

/** The entries of a migrating store that the gateway did not write; each is asked about once. */
async function foreignEntries(context: ObjectExchange, list: StoreList): Promise<ReadonlySet<string>> {
  const { origins } = context.mount
  const foreign = new Set<string>()
  if (origins === undefined) return foreign
  const { bucket } = context
  const encoded = /<EncodingType>url<\/EncodingType>/.test(list.text)
  const waiting = [...list.text.matchAll(OBJECTS)].map((match) => match[0]).values()
  const ask = async (): Promise<void> => {
    for (const entry of waiting) {
      const fields = parseXml(Buffer.from(entry))
      const listed = childText(fields, 'Key') ?? ''
      const key = encoded ? decodeURIComponent(listed.replaceAll('+', ' ')) : listed
      const place = { bucket, key, versionId: childText(fields, 'VersionId') }
      const known = origins.get({ ...place, etag: etagOf(entry) })
      const isForeign = known === undefined ? (await foreignEtag(context, place)) !== undefined : !known
      if (isForeign) foreign.add(innerOf(entry))
    }
  }
  await Promise.all(Array.from({ length: QUESTIONS_MAX }, ask))
  return foreign
}

/** An entry without its own element, as the rewriting sees it. */
function innerOf(entry: string): string {
  return entry.slice(entry.indexOf('>') + 1, entry.lastIndexOf('<'))
}

interface StoreList {
  readonly response: Parameters<typeof plainResponseHeaders>[1]
  readonly text: string
}

/** The store's list; undefined after passing on its refusal. */
async function readList(context: ObjectExchange): Promise<StoreList | undefined> {
  const response = await context.backend.send({
    method: 'GET',
    bucket: context.bucket,
    ...(context.address.level === 'object' ? { key: context.address.key } : {}),
    query: storeQuery(context),
    headers: storeRequestHeaders(context),
  })
  if (response.status === 200) {
    return { response, text: (await response.collect(LIST_BYTES_MAX)).toString() }
  }
  await passRefusal(context, response)
  return undefined
}

function rewritten(
  list: string,
  entries: RegExp,
  bytesOf: (entry: string, sealedBytes: number) => number,
): string {
  return list.replace(entries, (whole: string, _name: string, entry: string) =>
    whole
      .replace(
        /<Size>(\d{1,15})<\/Size>/,
        (_size, digits: string) => `<Size>${bytesOf(entry, Number(digits))}</Size>`,
      )
      .replace(ETAG, (_tag, open: string, etag: string) => open + clientEtag(etag))
      .replace(STORE_CHECKSUMS, ''),
  )
}

function answerList(context: ObjectExchange, response: StoreList['response'], list: string): void {
  const body = Buffer.from(list)
  const headers = [...plainResponseHeaders(context, response), 'content-length', String(body.length)]
  context.whenAdmitted(() => context.exchange.reply(200, headers, body))
}
