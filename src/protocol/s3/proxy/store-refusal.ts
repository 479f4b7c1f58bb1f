import { PortcullisError } from '../../../errors.ts'
import type { BackendResponse } from './backend-response.ts'
import type { ObjectExchange } from './object-exchange.ts'
import { plainResponseHeaders } from './response-headers.ts'

const BODY_BYTES_MAX = 256 * 1024
// These are about the gateway's own signature: the client could do nothing about them.
const OWN_FAULT =
  /<Code>(InvalidAccessKeyId|SignatureDoesNotMatch|RequestTimeTooSkewed|ExpiredToken|InvalidToken|TokenRefreshRequired|AuthorizationHeaderMalformed|InvalidSecurity)<\/Code>/

/** Passes on a store's refusal of a read or write: its status, headers and error document. */
export async function passRefusal(context: ObjectExchange, response: BackendResponse): Promise<void> {
  const refused = await response.collect(BODY_BYTES_MAX)
  if (OWN_FAULT.test(refused.toString('latin1'))) {
    throw new PortcullisError('store-response-invalid', 'The store refused the gateway itself.')
  }
  context.exchange.request.resume()
  const body = withOwnId(refused, context.exchange.id)
  const headers = plainResponseHeaders(context, response)
  if (response.status !== 304) headers.push('content-length', String(body.length))
  context.whenAdmitted(() => {
    context.exchange.reply(response.status, headers, context.exchange.method === 'HEAD' ? undefined : body)
  })
}

/** The request identifier in an error document must be that of the answer's header, and found in the gateway's log. */
function withOwnId(body: Buffer, id: string): Buffer {
  const text = body.toString('latin1')
  const own = text.replace(/<RequestId>[^<]{0,256}<\/RequestId>/, `<RequestId>${id}</RequestId>`)
  return Buffer.from(own, 'latin1')
}
