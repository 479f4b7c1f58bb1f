import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  createDocument,
  deleteDocument,
  patchDocument,
  putDocument,
  readDocument,
} from './document-requests.ts'
import type { DocumentRequest } from './document-requests.ts'
import { DocumentTable } from './document-table.ts'
import { parseListRequest, sendList } from './list-documents.ts'
import { sendRefusal, StoreRefusal } from './store-refusal.ts'

/** Where and what an embedded document store serves. */
export interface DocumentStoreOptions {
  /** Holds the database and the large bodies; created if absent. One store per directory. */
  readonly directory: string
  /** The collections that exist; any other is answered 404. */
  readonly collections: readonly string[]
  /** Loopback port; 0 picks a free one. */
  readonly port: number
  /** Largest document accepted. Default 8 GiB. */
  readonly bodyBytesMax?: number
}

/** A running embedded document store. */
export interface DocumentStore {
  /** Base address without a trailing slash. */
  readonly url: string
  /** Stops accepting, cuts open connections and closes the database. */
  stop(): Promise<void>
}

const BODY_BYTES_MAX_DEFAULT = 8 * 1024 ** 3
const ID_CHARACTERS_MAX = 256
const IDLE_TIMEOUT_MS = 120_000

/**
 * Starts a plain HTTP document store on loopback that keeps bodies byte for byte and survives a kill at any time:
 * `POST|GET /{collection}`, `GET|HEAD|PUT|PATCH|DELETE /{collection}/{id}`. For development and tests only.
 */
export async function startDocumentStore(options: DocumentStoreOptions): Promise<DocumentStore> {
  const table = new DocumentTable(options.directory)
  const collections = new Set(options.collections)
  const bodyBytesMax = options.bodyBytesMax ?? BODY_BYTES_MAX_DEFAULT
  const server = createServer((request, response) => {
    const url = request.url ?? '/'
    handle({ table, collections, bodyBytesMax, request, response, url }).catch((error: unknown) => {
      refuse(request, response, error)
    })
  })
  // big uploads may take long: what counts is that bytes keep coming
  server.requestTimeout = 0
  server.timeout = IDLE_TIMEOUT_MS
  await listen(server, options.port)
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      table.close()
    },
  }
}

interface StoreRequest extends Omit<DocumentRequest, 'collection'> {
  readonly collections: ReadonlySet<string>
  readonly url: string
}

async function handle(context: StoreRequest): Promise<void> {
  const { request, collections, url } = context
  const queryStart = url.indexOf('?')
  const path = queryStart === -1 ? url : url.slice(0, queryStart)
  const [empty, collection, id, ...rest] = path.split('/').map(decodeSegment)
  if (empty !== '' || collection === undefined || !collections.has(collection) || rest.length > 0) {
    throw new StoreRefusal(404, 'There is no such collection.')
  }
  const document: DocumentRequest = { ...context, collection }
  if (id === undefined) {
    const query = new URLSearchParams(queryStart === -1 ? '' : url.slice(queryStart + 1))
    await handleCollection(document, query)
  } else if (id === '' || id.length > ID_CHARACTERS_MAX) {
    throw new StoreRefusal(404, `An id has 1 to ${ID_CHARACTERS_MAX} characters.`)
  } else {
    await handleDocument(document, id)
  }
  // a body that no handler wanted must not be taken for the next request
  if (!request.complete) request.resume()
}

async function handleCollection(context: DocumentRequest, query: URLSearchParams): Promise<void> {
  switch (context.request.method) {
    case 'POST':
      await createDocument(context)
      break
    case 'GET':
    case 'HEAD':
      await sendList(context.response, context.table, context.collection, parseListRequest(query))
      break
    default:
      throw new StoreRefusal(405, 'A collection answers POST, GET and HEAD.', { Allow: 'POST, GET, HEAD' })
  }
}

async function handleDocument(context: DocumentRequest, id: string): Promise<void> {
  switch (context.request.method) {
    case 'GET':
    case 'HEAD':
      await readDocument(context, id)
      break
    case 'PUT':
      await putDocument(context, id)
      break
    case 'PATCH':
      await patchDocument(context, id)
      break
    case 'DELETE':
      deleteDocument(context, id)
      break
    default:
      throw new StoreRefusal(405, 'A document answers GET, HEAD, PUT, PATCH and DELETE.', {
        Allow: 'GET, HEAD, PUT, PATCH, DELETE',
      })
  }
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new StoreRefusal(400, 'The path is not valid percent-encoded UTF-8.')
  }
}

function refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (response.headersSent || request.socket.destroyed) {
    response.destroy()
    return
  }
  const refusal = error instanceof StoreRefusal ? error : new StoreRefusal(500, 'The store failed.')
  if (!request.complete) {
    // the rest of the body is unwanted, and without it the connection cannot carry another request
    response.shouldKeepAlive = false
    request.resume()
  }
  sendRefusal(response, refusal, request.method === 'HEAD')
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
}
