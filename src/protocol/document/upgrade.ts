import type { Duplex } from 'node:stream'
import { PortcullisError } from '../../errors.ts'
import type { Admission } from '../../listener/exchange.ts'
import { refuseRaw } from '../../listener/listener.ts'
import type { RequestHead } from '../../listener/request-head.ts'
import { findRoute } from './document-protocol.ts'
import type { DocumentStore } from './document-store.ts'
import { passedRequestHeaders } from './request-headers.ts'

/** A request to change protocol, with the connection it came on. */
export interface UpgradeExchange {
  readonly id: string
  readonly path: string
  readonly query: string
  /** Value of the `Upgrade` header. */
  readonly protocol: string
  readonly head: RequestHead
  readonly socket: Duplex
  readonly firstBytes: Buffer
}

/**
 * Passes an `Upgrade` (WebSocket) to the store and joins the two connections, unencrypted: only where the store allows
 * it and the coverage has the route as `upgrade`, or knows nothing of it and unknown routes pass. Cut when the lease ends.
 */
export function passUpgrade(exchange: UpgradeExchange, store: DocumentStore, lease: Admission): void {
  const route = findRoute({ path: exchange.path, method: 'GET' }, store)
  if (!store.upgrade || (route !== undefined && route.action !== 'upgrade')) {
    throw new PortcullisError('route-not-covered', 'This route does not change protocol.')
  }
  const { socket } = exchange
  const path = exchange.path.slice(store.mount.length) + exchange.query
  const headers = passedRequestHeaders(exchange.head.forwarded, exchange.id)
  store.upstream.upgrade(
    { path, headers, protocol: exchange.protocol },
    {
      upgraded: (answer, storeSocket) => {
        if (!lease.valid) {
          storeSocket.destroy()
          refuseRaw(
            socket,
            new PortcullisError('key-service-unavailable', 'Access ended meanwhile.', {
              retryAfterSeconds: 1,
            }),
          )
          return
        }
        join(exchange, answer, storeSocket, lease)
      },
      refused: (status) => {
        refuseRaw(
          socket,
          new PortcullisError('store-response-invalid', `The store answered the upgrade with ${status}.`),
        )
      },
      error: (error) => refuseRaw(socket, error),
    },
  )
}

function join(exchange: UpgradeExchange, answer: string[], storeSocket: Duplex, lease: Admission): void {
  const { socket, firstBytes, protocol } = exchange
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', `Upgrade: ${protocol}`]
  for (let index = 0; index < answer.length; index += 2) lines.push(`${answer[index]}: ${answer[index + 1]}`)
  socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  const cut = (): void => {
    leave()
    socket.destroy()
    storeSocket.destroy()
  }
  const leave = lease.onEnd(cut)
  for (const end of [socket, storeSocket]) {
    end.on('error', cut)
    end.once('close', cut)
  }
  if (firstBytes.length > 0) storeSocket.write(firstBytes)
  socket.pipe(storeSocket).pipe(socket)
}
