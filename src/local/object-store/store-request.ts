import type { IncomingMessage, ServerResponse } from 'node:http'
import { headerValue } from '../../wire/raw-headers.ts'
import type { Address } from '../../protocol/s3/address.ts'
import type { S3Credential } from '../../protocol/s3/signing-key.ts'
import { S3Error } from '../../protocol/s3/errors.ts'
import type { Operation } from '../../protocol/s3/operations.ts'
import type { QueryParameter } from '../../protocol/s3/uri-encoding.ts'
import type { VerifiedRequest } from '../../protocol/s3/verify-signature.ts'
import type { XmlElement } from '../../protocol/s3/xml-reader.ts'
import { parseXml, XML_LIMITS } from '../../protocol/s3/xml-reader.ts'
import type { XmlFields } from '../../protocol/s3/xml-writer.ts'
import { xmlDocument } from '../../protocol/s3/xml-writer.ts'
import { receiveBody } from './receive-body.ts'

/** One verified request to the store. */
export class StoreRequest {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly address: Address
  readonly query: readonly QueryParameter[]
  readonly verified: VerifiedRequest<S3Credential>
  readonly operation: Operation

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    address: Address,
    query: readonly QueryParameter[],
    verified: VerifiedRequest<S3Credential>,
    operation: Operation,
  ) {
    this.request = request
    this.response = response
    this.address = address
    this.query = query
    this.verified = verified
    this.operation = operation
  }

  get bucket(): string {
    if (this.address.level === 'service') throw new S3Error('InvalidRequest')
    return this.address.bucket
  }

  get key(): string {
    if (this.address.level !== 'object') throw new S3Error('InvalidRequest')
    return this.address.key
  }

  header(lowerCaseName: string): string | undefined {
    return headerValue(this.request.rawHeaders, lowerCaseName)
  }

  parameter(name: string): string | undefined {
    return this.query.find((parameter) => parameter.name === name)?.value
  }

  /** A whole number of a parameter within bounds. Throws `InvalidArgument`. */
  count(name: string, otherwise: number, max: number): number {
    const text = this.parameter(name)
    if (text === undefined || text === '') return otherwise
    if (!/^\d{1,9}$/.test(text))
      throw new S3Error('InvalidArgument', `Argument ${name} must be an integer between 0 and 2147483647.`, {
        ArgumentName: name,
        ArgumentValue: text,
      })
    return Math.min(Number(text), max)
  }

  /** The body as an XML document, digest and signature verified. */
  async xmlBody(): Promise<XmlElement> {
    const pieces: Buffer[] = []
    let bytes = 0
    await receiveBody(this, (data) => {
      bytes += data.length
      if (bytes > XML_LIMITS.bytesMax) throw new S3Error('MaxMessageLengthExceeded')
      pieces.push(Buffer.from(data))
      return Promise.resolve()
    })
    return parseXml(Buffer.concat(pieces))
  }

  reply(status: number, headers: Readonly<Record<string, string>> = {}, body?: Buffer): void {
    this.response.writeHead(status, {
      ...headers,
      ...(status === 204 || status === 304 ? {} : { 'content-length': String(body?.length ?? 0) }),
    })
    this.response.end(this.request.method === 'HEAD' ? undefined : body)
  }

  replyXml(root: string, fields: XmlFields, headers: Readonly<Record<string, string>> = {}): void {
    this.reply(200, { 'content-type': 'application/xml', ...headers }, xmlDocument(root, fields))
  }
}
