import { createReadStream } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import type { DocumentTable, StoredBody } from './document-table.ts'
import { StoreRefusal } from './store-refusal.ts'

const LIMIT_DEFAULT = 50
const LIMIT_MAX = 10_000
/** Small pages go out in one piece with a Content-Length. */
const BUFFERED_BYTES_MAX = 256 * 1024

const DECODERS: Readonly<Record<string, () => NodeJS.ReadWriteStream>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
}

/** One page of a listing: `after` is the position it starts behind. */
export interface ListRequest {
  readonly limit: number
  readonly after: number
}

/** Reads `limit` and `cursor`; refuses (400) what is not one of ours. A too large limit is lowered. */
export function parseListRequest(query: URLSearchParams): ListRequest {
  const limit = query.get('limit') ?? String(LIMIT_DEFAULT)
  if (!/^[1-9]\d{0,9}$/.test(limit)) throw new StoreRefusal(400, 'limit is not a positive whole number.')
  const cursor = query.get('cursor') ?? ''
  if (!/^(p[1-9]\d{0,14})?$/.test(cursor)) throw new StoreRefusal(400, 'cursor is not one of this store.')
  return { limit: Math.min(Number(limit), LIMIT_MAX), after: Number(cursor.slice(1)) }
}

/**
 * Streams `{"items":[…],"next":…}` with the stored bytes spliced in verbatim, oldest document first, one document
 * in memory at a time. `next` is the cursor of the following page, or null on the last one.
 */
export async function sendList(
  response: ServerResponse,
  table: DocumentTable,
  collection: string,
  page: ListRequest,
): Promise<void> {
  let pending: Uint8Array[] = [Buffer.from('{"items":[')]
  let pendingBytes = 0
  let position = page.after
  const flush = async (): Promise<void> => {
    if (!response.headersSent) response.writeHead(200, { 'Content-Type': 'application/json' })
    const chunk = Buffer.concat(pending)
    pending = []
    pendingBytes = 0
    if (!response.write(chunk)) await drained(response)
  }
  for (let count = 0; count < page.limit; count++) {
    const document = table.findNext(collection, position)
    if (document === undefined) break
    position = document.position
    if (count > 0) pending.push(Buffer.from(','))
    if (document.body.kind === 'inline' && document.contentEncoding === undefined) {
      pending.push(document.body.bytes)
      pendingBytes += document.body.bytes.byteLength
      if (pendingBytes > BUFFERED_BYTES_MAX) await flush()
    } else {
      const source = openStoredBody(document.body, table)
      await flush()
      await copy(decoded(source, document.contentEncoding), response)
    }
    if (response.destroyed) return
  }
  const more = table.findNext(collection, position) !== undefined
  pending.push(Buffer.from(`],"next":${more ? `"p${position}"` : 'null'}}`))
  if (response.headersSent) {
    response.end(Buffer.concat(pending))
    return
  }
  const body = Buffer.concat(pending)
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.byteLength })
  response.end(body)
}

/** The stored bytes as a stream; the file is opened at once, so a later replacement does not disturb it. */
export function openStoredBody(body: StoredBody, table: DocumentTable): Readable {
  if (body.kind === 'inline') return Readable.from([body.bytes])
  return createReadStream('', { fd: table.openBody(body.fileName) })
}

function decoded(source: Readable, contentEncoding: string | undefined): NodeJS.ReadableStream {
  if (contentEncoding === undefined) return source
  const decoder = DECODERS[contentEncoding.trim().toLowerCase()]
  if (decoder === undefined) {
    source.destroy()
    throw new StoreRefusal(500, 'A listed document has a content encoding that cannot be decoded.')
  }
  const target = decoder()
  // the decoder's consumer sees the error; the source only has to be released
  pipeline(source, target).catch(() => undefined)
  return target
}

async function copy(source: NodeJS.ReadableStream, response: ServerResponse): Promise<void> {
  for await (const chunk of source) {
    if (!response.write(chunk)) await drained(response)
    // leaving the loop closes the source
    if (response.destroyed) return
  }
}

async function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed) return
  await new Promise<void>((resolve) => {
    const settle = (): void => {
      response.off('drain', settle).off('close', settle)
      resolve()
    }
    response.on('drain', settle).on('close', settle)
  })
}
