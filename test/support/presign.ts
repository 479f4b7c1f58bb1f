import { createHash, createHmac } from 'node:crypto'
import { SignatureV4 } from '@smithy/signature-v4'
import type { S3Credential } from '../../src/protocol/s3/signing-key.ts'

/** A request that is to be presigned. */
export interface PresignedRequest {
  readonly method: string
  /** With its slash in front, not encoded. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  /** `host[:port]`. */
  readonly host: string
  /** Signed headers besides `host`. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Presigns as AWS SDKs do, by their own code; returns path and query. */
export async function presign(
  request: PresignedRequest,
  credentials: S3Credential,
  region: string,
  options: { readonly expiresIn?: number; readonly at?: Date } = {},
): Promise<string> {
  const { method, path, host, query = {}, headers = {} } = request
  const signer = new SignatureV4({
    service: 's3',
    region,
    credentials,
    sha256: Sha256,
    uriEscapePath: false,
    applyChecksum: false,
  })
  const signed = await signer.presign(
    {
      method,
      protocol: 'http:',
      hostname: host,
      path,
      headers: { ...headers, host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
      query: { ...query },
    },
    {
      expiresIn: options.expiresIn ?? 60,
      unhoistableHeaders: new Set(Object.keys(headers)),
      ...(options.at === undefined ? {} : { signingDate: options.at }),
    },
  )
  const pairs = Object.entries(signed.query ?? {})
  return `${path}?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&')}`
}

class Sha256 {
  readonly #running: { update(data: Uint8Array): unknown; digest(): Buffer }

  constructor(secret?: unknown) {
    this.#running = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Uint8Array)
  }

  update(data: Uint8Array | string): void {
    this.#running.update(Buffer.from(data as string))
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#running.digest())
  }
}
