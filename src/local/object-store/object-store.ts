import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { asPortcullisError } from '../../errors.ts'
import { headerValue } from '../../wire/raw-headers.ts'
import type { Address } from '../../protocol/s3/address.ts'
import { parseAddress } from '../../protocol/s3/address.ts'
import { s3ErrorDocument } from '../../protocol/s3/error-document.ts'
import { S3Error } from '../../protocol/s3/errors.ts'
import { recognise } from '../../protocol/s3/operations.ts'
import type { S3Credential } from '../../protocol/s3/signing-key.ts'
import { parseQuery } from '../../protocol/s3/uri-encoding.ts'
import { verifiedFor, verifySignature } from '../../protocol/s3/verify-signature.ts'
import { BlobFiles } from './blob-files.ts'
import { BUCKET_HANDLERS } from './bucket-handlers.ts'
import { COPY_HANDLERS } from './copy-handlers.ts'
import { CORS_HANDLERS, originHeaders, preflightHeaders } from './cors-handlers.ts'
import { DELETE_HANDLERS } from './delete-handlers.ts'
import { LIST_HANDLERS } from './list-handlers.ts'
import { MULTIPART_HANDLERS } from './multipart-handlers.ts'
import { OBJECT_HANDLERS } from './object-handlers.ts'
import { ObjectIndex } from './object-index.ts'
import { StoreRequest } from './store-request.ts'
import type { StoreState } from './store-state.ts'

/** How to start a store. */
export interface ObjectStoreOptions {
  /** Created if absent; holds everything, and is enough to start again. */
  readonly directory: string
  /** 0 = any free one, on loopback. */
  readonly port: number
  readonly credentials: S3Credential
  /** Created if absent. */
  readonly bucket: string
  readonly region: string
}

/** A running store. */
export interface ObjectStore {
  /** `http://127.0.0.1:port`. */
  readonly endpoint: string
  stop(): Promise<void>
}

const HANDLERS = new Map([
  ...BUCKET_HANDLERS,
  ...OBJECT_HANDLERS,
  ...DELETE_HANDLERS,
  ...LIST_HANDLERS,
  ...MULTIPART_HANDLERS,
  ...COPY_HANDLERS,
  ...CORS_HANDLERS,
])
const REFUSED_BODY_BYTES_MAX = 4 * 1024 * 1024

/** Starts an S3 server on loopback for development and tests: one account, one region. */
export async function startObjectStore(options: ObjectStoreOptions): Promise<ObjectStore> {
  mkdirSync(options.directory, { recursive: true })
  const index = new ObjectIndex(join(options.directory, 'index.sqlite'))
  const blobs = new BlobFiles(join(options.directory, 'blobs'), index.blobs())
  index.addBucket(options.bucket, Date.now())
  const state: StoreState = { index, blobs, region: options.region }
  const credentialOf = (id: string): S3Credential | undefined =>
    id === options.credentials.accessKeyId ? options.credentials : undefined

  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 })
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const requestId = randomUUID()
    response.setHeader('x-amz-request-id', requestId)
    serve(state, credentialOf, request, response).catch((thrown: unknown) => {
      refuse(request, response, requestId, thrown)
    })
  }
  server.on('request', answer)
  // An expectation that is not known is ignored, as S3 does.
  server.on('checkExpectation', answer)
  await listen(server, options.port)
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
      index.close()
    },
  }
}

async function serve(
  state: StoreState,
  credentialOf: (accessKeyId: string) => S3Credential | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const headers = request.rawHeaders
  const target = request.url ?? '/'
  const question = target.indexOf('?')
  const path = question === -1 ? target : target.slice(0, question)
  const query = parseQuery(question === -1 ? '' : target.slice(question + 1))
  const method = request.method ?? ''
  const addressed = (): Address =>
    parseAddress(path, request.headers.host, { virtualHostDomains: ['localhost'] })
  // Browsers do not sign them.
  if (method === 'OPTIONS') {
    const allowed = preflightHeaders(state, addressed(), headers)
    response.writeHead(200, { ...allowed, 'content-length': '0' }).end()
    return
  }
  const verified = verifySignature(
    { method, path, query, headers },
    { credentialOf, region: state.region, now: Date.now },
  )
  const address = addressed()
  for (const [name, value] of Object.entries(originHeaders(state, address, method, headers))) {
    response.setHeader(name, value)
  }
  const copies = headerValue(headers, 'x-amz-copy-source') !== undefined
  const operation = recognise(method, address, query, copies)
  const handler = HANDLERS.get(operation.name)
  if (handler === undefined) throw new S3Error('NotImplemented', undefined, { Operation: operation.name })
  await handler(
    state,
    new StoreRequest(request, response, address, query, verifiedFor(operation.name, verified), operation),
  )
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  thrown: unknown,
): void {
  if (response.headersSent || request.socket.destroyed) {
    request.socket.destroy()
    return
  }
  const error = asPortcullisError(thrown)
  const resource = (request.url ?? '/').split('?', 1)[0]!
  const body = Buffer.from(s3ErrorDocument(error, { requestId, resource }))
  let discarded = 0
  request.removeAllListeners('data')
  request.on('data', (chunk: Buffer) => {
    discarded += chunk.length
    if (discarded > REFUSED_BODY_BYTES_MAX) request.socket.destroy()
  })
  request.resume()
  response.writeHead(error.status, {
    ...error.headers,
    'content-type': 'application/xml',
    'content-length': String(body.length),
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
}
