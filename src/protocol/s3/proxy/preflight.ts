import type { Exchange } from '../../../listener/exchange.ts'
import type { RawHeaders } from '../../../wire/raw-headers.ts'
import { headerValue } from '../../../wire/raw-headers.ts'
import { parseAddress } from '../address.ts'
import { S3Error } from '../errors.ts'
import type { Backend } from './backend.ts'
import type { ObjectMount } from './object-mount.ts'

const ANSWER_BYTES_MAX = 64 * 1024
const ASKED = ['origin', 'access-control-request-method', 'access-control-request-headers']
const ANSWERED = /^(access-control-.*|vary|content-type)$/i

/**
 * A browser's preflight, which is never signed: the store says what its bucket's CORS rules allow. Nothing else of the
 * request reaches the store, and nothing else of the answer the client.
 */
export async function answerPreflight(
  exchange: Exchange,
  mount: ObjectMount,
  backend: Backend,
): Promise<void> {
  exchange.route = 'Preflight'
  const address = parseAddress(exchange.path, exchange.head.host, mount.addressing)
  if (address.level === 'service') throw new S3Error('MethodNotAllowed')
  const headers: RawHeaders = []
  for (const name of ASKED) {
    const value = headerValue(exchange.request.rawHeaders, name)
    if (value === undefined && name !== 'access-control-request-headers') {
      throw new S3Error('BadRequest', `Insufficient information. ${name} request header needed.`)
    }
    if (value !== undefined) headers.push(name, value)
  }
  exchange.request.resume()
  const { response, body } = await backend.call(
    {
      method: 'OPTIONS',
      bucket: address.bucket,
      ...(address.level === 'object' ? { key: address.key } : {}),
      headers,
    },
    ANSWER_BYTES_MAX,
  )
  const allowed = response.headers.filter((_, index, all) => ANSWERED.test(all[index - (index % 2)]!))
  exchange.reply(
    response.status,
    [...allowed, 'content-length', String(body.length), 'x-amz-request-id', exchange.id],
    body,
  )
}
