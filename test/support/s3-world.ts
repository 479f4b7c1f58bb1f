import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { S3Client } from '@aws-sdk/client-s3'
import { type ObjectStore, startObjectStore } from '../../src/local/object-store/object-store.ts'
import { signRequest } from '../../src/protocol/s3/sign-request.ts'
import type { S3Credential } from '../../src/protocol/s3/signing-key.ts'
import type { ConfigurationData } from './dev-stack.ts'
import { tightenBound } from './dev-stack.ts'
import { GatewayWorld, type RunningGateway } from './gateway-world.ts'
import { presign, type PresignedRequest } from './presign.ts'

export const REGION = 'eu-central-1'
/** Below this a bucket stands in front of the host name. */
export const VIRTUAL_HOST_DOMAIN = 's3.gateway.example'
/** The one bucket of all tenants. */
export const BUCKET = 'attachments'
const STORE_CREDENTIAL = {
  accessKeyId: 'AKIASTORE000000001',
  secretAccessKey: 'secret-of-the-gateway-at-the-store',
}

/** Access keys: one of each organization, and one of acme that may use another bucket only. */
export const ACCESS_KEYS = {
  acme: keyOf('ACME'),
  umbrella: keyOf('UMBRELLA'),
  elsewhere: keyOf('ELSEWHERE'),
} as const satisfies Record<string, S3Credential>

function keyOf(name: string): S3Credential {
  return { accessKeyId: `PORTCULLIS0000${name}`, secretAccessKey: `secret-of-the-access-key-of-${name}` }
}

/** One S3 request, signed as given and then sent as given, which may differ. */
export interface RawS3Request {
  readonly method: string
  /** Encoded, with its slash in front. */
  readonly path: string
  readonly query?: string
  readonly headers?: readonly string[]
  readonly body?: Buffer
  readonly payloadHash?: string
  readonly credential?: S3Credential
  /** As in the address that is signed and sent, in place of the gateway's own. */
  readonly host?: string
  /** Milliseconds that the clock of the client is ahead. */
  readonly skewMs?: number
  /** Changes what was signed before it is sent. */
  readonly tamper?: (sent: { path: string; headers: string[] }) => void
}

/** What a raw request was answered. */
export interface RawS3Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** The `<Code>` of the error document. */
  readonly code: string | undefined
}

/** A real gateway before the embedded S3 store, with two organizations on one bucket. */
export class S3World {
  readonly world: GatewayWorld
  readonly store: ObjectStore
  readonly #clients: S3Client[] = []
  #running: RunningGateway | undefined

  private constructor(world: GatewayWorld, store: ObjectStore) {
    this.world = world
    this.store = store
  }

  static async start(): Promise<S3World> {
    const world = await GatewayWorld.start()
    const store = await startObjectStore({
      directory: join(world.directory, 'objects'),
      port: 0,
      credentials: STORE_CREDENTIAL,
      bucket: BUCKET,
      region: REGION,
    })
    return new S3World(world, store)
  }

  /** Adds the store to a configuration, and tightens the bound of revocation. */
  configure(configuration: ConfigurationData, port = 0): void {
    tightenBound(configuration, 1_500)
    const secret = (id: string, value: string) => ({ file: this.world.file(`secret-${id}`, value) })
    const accessKey = ({ accessKeyId, secretAccessKey }: S3Credential, site: string, buckets: string[]) => ({
      accessKeyId,
      secretAccessKey: secret(accessKeyId, secretAccessKey),
      site,
      buckets,
    })
    configuration['objectStores'] = [
      {
        name: 'attachments',
        port,
        clientRegion: REGION,
        virtualHostDomains: [VIRTUAL_HOST_DOMAIN],
        upstream: this.store.endpoint,
        region: REGION,
        credentials: {
          accessKeyId: STORE_CREDENTIAL.accessKeyId,
          secretAccessKey: secret('store', STORE_CREDENTIAL.secretAccessKey),
        },
        apps: ['jira', 'confluence'],
        accessKeys: [
          accessKey(ACCESS_KEYS.acme, 'acme', []),
          accessKey(ACCESS_KEYS.umbrella, 'umbrella', [BUCKET]),
          accessKey(ACCESS_KEYS.elsewhere, 'acme', ['elsewhere']),
        ],
      },
    ]
  }

  /** Starts a gateway before the store. */
  async gateway(change: (configuration: ConfigurationData) => void = () => {}): Promise<void> {
    this.#running = await this.world.gateway((configuration) => {
      this.configure(configuration)
      change(configuration)
    })
    await this.#warm()
  }

  get running(): RunningGateway {
    return this.#running!
  }

  /** Endpoint of the gateway for S3. */
  get url(): string {
    return this.running.gateway.objectStoreUrls.get('attachments')!
  }

  client(credential: S3Credential, endpoint = this.url): S3Client {
    const client = new S3Client({
      endpoint,
      region: REGION,
      credentials: credential,
      forcePathStyle: true,
      maxAttempts: 1,
    })
    this.#clients.push(client)
    return client
  }

  /** A client of the store itself. */
  direct(): S3Client {
    return this.client(STORE_CREDENTIAL, this.store.endpoint)
  }

  /** Sends one signed request as it is and waits for the answer. */
  send(request: RawS3Request): Promise<RawS3Answer> {
    const url = new URL(this.url)
    const { method, query = '', payloadHash = 'UNSIGNED-PAYLOAD', skewMs = 0 } = request
    const headers = signRequest(
      {
        method,
        path: request.path,
        query,
        host: request.host ?? url.host,
        headers: [...(request.headers ?? [])],
        payloadHash,
      },
      request.credential ?? ACCESS_KEYS.acme,
      REGION,
      Date.now() + skewMs,
    )
    const sent = { path: query === '' ? request.path : `${request.path}?${query}`, headers: [...headers] }
    request.tamper?.(sent)
    return exchange(url, method, sent.path, sent.headers, request.body)
  }

  /** Sends a presigned request with no header but `host` and those given, and waits for the answer. */
  async sendPresigned(
    request: Omit<PresignedRequest, 'host'> & { readonly host?: string },
  ): Promise<RawS3Answer> {
    const url = new URL(this.url)
    const { host = url.host, headers = {}, method } = request
    const target = await presign({ ...request, host }, ACCESS_KEYS.acme, REGION)
    return await exchange(url, method, target, ['host', host, ...Object.entries(headers).flat()], undefined)
  }

  /** A key service that has just started can be too slow for tight timeouts. */
  async #warm(): Promise<void> {
    for (const credential of [ACCESS_KEYS.acme, ACCESS_KEYS.umbrella]) {
      for (let attempt = 0; attempt < 100; attempt += 1) {
        const path = `/${BUCKET}/warm-${credential.accessKeyId}`
        const { status } = await this.send({ method: 'PUT', path, body: Buffer.from('warm'), credential })
        if (status === 200) break
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.destroy()
    await this.world.stop()
    await this.store.stop()
  }
}

function exchange(
  url: URL,
  method: string,
  path: string,
  headers: readonly string[],
  body: Buffer | undefined,
): Promise<RawS3Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      { host: url.hostname, port: url.port, method, path, setHost: false, agent: false },
      (response) => {
        const pieces: Buffer[] = []
        response.on('data', (chunk: Buffer) => pieces.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(pieces).toString()
          const code = /<Code>([^<]*)<\/Code>/.exec(text)?.[1]
          resolve({ status: response.statusCode!, headers: response.headers, text, code })
        })
      },
    )
    outgoing.on('error', reject)
    for (let index = 0; index < headers.length; index += 2)
      outgoing.setHeader(headers[index]!, headers[index + 1]!)
    outgoing.end(body)
  })
}
