import type { Duplex } from 'node:stream'
import { asPortcullisError } from '../errors.ts'
import { type ErrorPlace, problemFace } from './problem.ts'
import { nextRequestId } from './request-id.ts'

/** What is known of a request that is refused on a bare socket. */
export interface RawRefusal {
  readonly place?: ErrorPlace
  /** The request was a HEAD. */
  readonly withoutBody?: boolean
}

/** Answers on a bare socket, where there is no response, and closes it. */
export function refuseRaw(
  socket: Duplex,
  thrown: unknown,
  { place = { requestId: nextRequestId(), tenant: undefined }, withoutBody = false }: RawRefusal = {},
): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const error = asPortcullisError(thrown)
  const face = problemFace(error, place)
  const lines = [
    `HTTP/1.1 ${face.status} ${error.title}`,
    'Connection: close',
    `X-Request-Id: ${place.requestId}`,
  ]
  for (let index = 0; index < face.headers.length; index += 2) {
    lines.push(`${face.headers[index]}: ${face.headers[index + 1]}`)
  }
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  socket.end(withoutBody ? head : Buffer.concat([head, face.body]))
}
