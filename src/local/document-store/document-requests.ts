import { buffer as readAll } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { bodySizeBytes } from './document-table.ts'
import type { DocumentHead, DocumentTable, StoredBody, StoredDocument } from './document-table.ts'
import { applyJsonPatch } from './json-patch.ts'
import { isJson } from './json-spans.ts'
import { openStoredBody } from './list-documents.ts'
import { applyMergePatch } from './merge-patch.ts'
import { checkWritePreconditions, isNotModified } from './preconditions.ts'
import { discardBody, receiveBody } from './receive-body.ts'
import { StoreRefusal } from './store-refusal.ts'

/** Patching holds both documents in memory. */
const PATCH_BYTES_MAX = 64 * 1024 * 1024
const JSON_MEDIA_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i

/** What every request on a document works on. */
export interface DocumentRequest {
  readonly table: DocumentTable
  readonly collection: string
  readonly bodyBytesMax: number
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** GET and HEAD: the stored bytes with their type, encoding and entity tag; 304 when not modified. */
export async function readDocument(context: DocumentRequest, id: string): Promise<void> {
  const { request, response, table } = context
  const document = existing(context, id)
  const headers: OutgoingHttpHeaders = { ETag: document.etag }
  if (isNotModified(request.headers, document.etag)) {
    response.writeHead(304, headers).end()
    return
  }
  if (document.contentType !== undefined) headers['Content-Type'] = document.contentType
  if (document.contentEncoding !== undefined) headers['Content-Encoding'] = document.contentEncoding
  headers['Content-Length'] = bodySizeBytes(document.body)
  if (request.method === 'HEAD') response.writeHead(200, headers).end()
  else if (document.body.kind === 'inline') response.writeHead(200, headers).end(document.body.bytes)
  else {
    const source = openStoredBody(document.body, table)
    response.writeHead(200, headers)
    await pipeline(source, response)
  }
}

/** POST: stores the body under a generated id; 201 with Location and `{"id":…}`. */
export async function createDocument(context: DocumentRequest): Promise<void> {
  const { table, collection, response } = context
  const body = await receiveBody(context.request, table, context.bodyBytesMax)
  const id = table.generateId(collection)
  const etag = table.write(collection, id, headOf(context.request, body), body, undefined)
  const answer = Buffer.from(JSON.stringify({ id }))
  response.writeHead(201, {
    Location: `/${collection}/${id}`,
    ETag: etag,
    'Content-Type': 'application/json',
    'Content-Length': answer.byteLength,
  })
  response.end(answer)
}

/** PUT: 201 with Location where it creates the document, 204 where it replaces one. */
export async function putDocument(context: DocumentRequest, id: string): Promise<void> {
  const { table, collection, request, response } = context
  const body = await receiveBody(request, table, context.bodyBytesMax)
  // looked up only now: from here to the commit nothing else can run
  const previous = table.find(collection, id)
  try {
    checkWritePreconditions(request.headers, previous?.etag)
  } catch (error) {
    await discardBody(body, table)
    throw error
  }
  const etag = table.write(collection, id, headOf(request, body), body, previous)
  if (previous !== undefined) response.writeHead(204, { ETag: etag }).end()
  else {
    const location = `/${collection}/${encodeURIComponent(id)}`
    response.writeHead(201, { Location: location, ETag: etag, 'Content-Length': 0 }).end()
  }
}

/** PATCH: RFC 7396 merge patch (also when sent as plain JSON) or RFC 6902 JSON patch; 204. */
export async function patchDocument(context: DocumentRequest, id: string): Promise<void> {
  const { table, collection, request, response } = context
  const mediaType = (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase()
  if (
    !['application/merge-patch+json', 'application/json', 'application/json-patch+json'].includes(mediaType)
  ) {
    throw new StoreRefusal(415, 'A patch is application/merge-patch+json or application/json-patch+json.', {
      'Accept-Patch': 'application/merge-patch+json, application/json-patch+json',
    })
  }
  if (request.headers['content-encoding'] !== undefined) {
    throw new StoreRefusal(415, 'A patch cannot have a content encoding.')
  }
  const received = await receiveBody(request, table, PATCH_BYTES_MAX)
  const patch = await loadAndDiscard(received, table)
  if (!isJson(patch)) throw new StoreRefusal(400, 'The patch is not well-formed JSON.')
  for (;;) {
    const document = existing(context, id)
    checkWritePreconditions(request.headers, document.etag)
    const target = await loadTarget(document, table)
    // another write may have come between while a large target was read
    if (existing(context, id).etag !== document.etag) continue
    const bytes =
      mediaType === 'application/json-patch+json'
        ? applyJsonPatch(target, patch)
        : applyMergePatch(target, patch)
    const head: DocumentHead = { ...document, listable: true }
    const etag = table.write(collection, id, head, { kind: 'inline', bytes }, document)
    response.writeHead(204, { ETag: etag }).end()
    return
  }
}

/** DELETE: 204, or 404 where there is nothing. */
export function deleteDocument(context: DocumentRequest, id: string): void {
  const document = existing(context, id)
  checkWritePreconditions(context.request.headers, document.etag)
  context.table.remove(document)
  context.response.writeHead(204).end()
}

function existing({ table, collection, request }: DocumentRequest, id: string): StoredDocument {
  const document = table.find(collection, id)
  if (document !== undefined) return document
  checkWritePreconditions(request.headers, undefined)
  throw new StoreRefusal(404, 'There is no such document.')
}

function headOf(request: IncomingMessage, body: StoredBody): DocumentHead {
  const contentType = request.headers['content-type']
  const declared = contentType === undefined || JSON_MEDIA_TYPE.test(contentType)
  return {
    contentType,
    contentEncoding: request.headers['content-encoding'],
    listable: declared ? bodySizeBytes(body) > 0 : body.kind === 'inline' && isJson(body.bytes),
  }
}

async function loadAndDiscard(body: StoredBody, table: DocumentTable): Promise<Uint8Array> {
  if (body.kind === 'inline') return body.bytes
  const stream = openStoredBody(body, table)
  await discardBody(body, table)
  return readAll(stream)
}

async function loadTarget(document: StoredDocument, table: DocumentTable): Promise<Uint8Array> {
  if (document.contentEncoding !== undefined) {
    throw new StoreRefusal(409, 'A document stored with a content encoding cannot be patched.')
  }
  if (bodySizeBytes(document.body) > PATCH_BYTES_MAX) {
    throw new StoreRefusal(413, `A document beyond ${PATCH_BYTES_MAX} bytes cannot be patched.`)
  }
  const bytes =
    document.body.kind === 'inline'
      ? document.body.bytes
      : await readAll(openStoredBody(document.body, table))
  if (!isJson(bytes)) throw new StoreRefusal(409, 'A document that is not JSON cannot be patched.')
  return bytes
}
