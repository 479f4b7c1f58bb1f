import { createHash, createHmac } from 'node:crypto'
import { SignatureV4 } from '@smithy/signature-v4'
import type { Credentials } from './clients.ts'

/** An answer in the shape that boto3 gives it, which is the shape the recordings are in. */
export type Answer = Record<string, unknown>

class Sha256 {
  readonly #hash
  constructor(secret?: string | Uint8Array | ArrayBuffer | ArrayBufferView) {
    this.#hash =
      secret === undefined ? createHash('sha256') : createHmac('sha256', secret as string | Uint8Array)
  }
  update(data: string | Uint8Array | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(data as string | Uint8Array)
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }
  reset(): void {
    throw new Error('not used by the signer')
  }
}

/** What a signed request is made of. */
export interface WireCall {
  readonly endpoint: string
  readonly service: string
  readonly region: string
  readonly credentials: Credentials
  readonly headers: Record<string, string>
  readonly body: string
  readonly signingDate?: Date
}

/** Signs with the SDK's own signer and sends; nothing is retried and nothing is parsed. */
export async function sendSigned(call: WireCall): Promise<Response> {
  const url = new URL(call.endpoint)
  const signer = new SignatureV4({
    service: call.service,
    region: call.region,
    credentials: {
      accessKeyId: call.credentials.accessKeyId,
      secretAccessKey: call.credentials.secretAccessKey,
      ...(call.credentials.sessionToken !== undefined && { sessionToken: call.credentials.sessionToken }),
    },
    sha256: Sha256,
  })
  const signed = await signer.sign(
    {
      method: 'POST',
      protocol: url.protocol,
      hostname: url.hostname,
      port: Number(url.port),
      path: '/',
      query: {},
      headers: { host: url.host, ...call.headers },
      body: call.body,
    },
    { signingDate: call.signingDate ?? new Date() },
  )
  const { host: _host, ...headers } = signed.headers
  return fetch(url, { method: 'POST', headers, body: call.body })
}

/** One KMS call, as boto3 would show its answer: an error is an answer too. */
export async function kmsAnswer(
  endpoint: string,
  credentials: Credentials,
  region: string,
  operation: string,
  members: Record<string, unknown>,
): Promise<Answer> {
  const response = await sendSigned({
    endpoint,
    service: 'kms',
    region,
    credentials,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `TrentService.${operation}` },
    body: JSON.stringify(encodeBlobs(members)),
  })
  const text = await response.text()
  const body = (text === '' ? {} : JSON.parse(text)) as Answer
  const metadata = { HTTPStatusCode: response.status }
  if (response.ok) return { ...body, ResponseMetadata: metadata }
  const { __type, message } = body
  return { Error: { Code: __type, Message: message ?? '' }, message, ResponseMetadata: metadata }
}

/** Blobs are base64 on the wire. */
function encodeBlobs(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(members).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
    ]),
  )
}
