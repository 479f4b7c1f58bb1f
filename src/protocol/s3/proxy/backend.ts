import { hash } from 'node:crypto'
import { PortcullisError } from '../../../errors.ts'
import type { Exchange } from '../../../listener/exchange.ts'
import type { RawHeaders } from '../../../wire/raw-headers.ts'
import type { PushedBody } from '../../../upstream/upstream.ts'
import { signRequest } from '../sign-request.ts'
import type { S3Credential } from '../signing-key.ts'
import { EMPTY_SHA256 } from '../signing-key.ts'
import { encodeText } from '../uri-encoding.ts'
import { BackendResponse } from './backend-response.ts'
import type { ObjectMount } from './object-mount.ts'

/** A request to the store, in S3's terms. */
export interface BackendRequest {
  readonly method: string
  readonly bucket?: string
  readonly key?: string
  /** Decoded names and values, in order. */
  readonly query?: readonly (readonly [name: string, value: string])[]
  readonly headers?: RawHeaders
  /** The buffer is sealed content, and nobody needs it afterwards; a stream always is that. */
  readonly sealed?: boolean
  readonly body?: Buffer | { readonly stream: PushedBody; readonly bytes: number } | undefined
}

/** Sends requests to a store for one exchange: signed with the store's credentials, cut when the exchange ends. */
export class Backend {
  readonly #mount: ObjectMount
  readonly #exchange: Pick<Exchange, 'ended' | 'onAbort'>
  readonly #credential: S3Credential
  readonly #wallTimeMs: () => number

  constructor(
    mount: ObjectMount,
    exchange: Pick<Exchange, 'ended' | 'onAbort'>,
    credential: S3Credential,
    wallTimeMs: () => number,
  ) {
    this.#mount = mount
    this.#exchange = exchange
    this.#credential = credential
    this.#wallTimeMs = wallTimeMs
  }

  /** Sends requests that go on when the exchange has ended. */
  detached(): Backend {
    return new Backend(this.#mount, { ended: false, onAbort: () => {} }, this.#credential, this.#wallTimeMs)
  }

  /** Sends a request; resolves with the head of the response, its body paused. */
  send(request: BackendRequest): Promise<BackendResponse> {
    const { method, body } = request
    const path = pathOf(request)
    const query = (request.query ?? [])
      .map(([name, value]) => `${encodeText(name)}=${encodeText(value)}`)
      .join('&')
    const headers = signRequest(
      {
        method,
        path: this.#mount.pathPrefix + path,
        query,
        host: this.#mount.host,
        headers: request.headers ?? [],
        payloadHash: payloadHashOf(request),
      },
      this.#credential,
      this.#mount.region,
      this.#wallTimeMs(),
    )
    return new Promise((resolve, reject) => {
      if (this.#exchange.ended) {
        reject(new PortcullisError('request-malformed', 'The exchange is over.'))
        return
      }
      const response = new BackendResponse(resolve, reject)
      const stream = body === undefined || Buffer.isBuffer(body) ? undefined : body
      const abort = this.#mount.upstream.dispatch(
        {
          method,
          path: query === '' ? path : `${path}?${query}`,
          // Without the host, the first: the upstream writes it itself.
          headers: headers.slice(2),
          body: stream?.stream ?? (body as Buffer | undefined),
          ownsBody: request.sealed === true,
          ...(stream === undefined ? {} : { contentLength: stream.bytes }),
        },
        response,
      )
      this.#exchange.onAbort((reason) => {
        abort()
        reject(reason)
      })
    })
  }

  /** Sends a request and reads the whole answer, of at most `bytesMax`. */
  async call(
    request: BackendRequest,
    bytesMax: number,
  ): Promise<{ response: BackendResponse; body: Buffer }> {
    const response = await this.send(request)
    return { response, body: await response.collect(bytesMax) }
  }
}

function pathOf({ bucket, key }: BackendRequest): string {
  if (bucket === undefined) return '/'
  return key === undefined ? `/${bucket}` : `/${bucket}/${encodeText(key, true)}`
}

// Sealed content is authenticated by its envelope, and the connection by TLS: hashing it once more would only cost time.
function payloadHashOf({ body, sealed }: BackendRequest): string {
  if (body === undefined) return EMPTY_SHA256
  return Buffer.isBuffer(body) && sealed !== true ? hash('sha256', body) : 'UNSIGNED-PAYLOAD'
}
