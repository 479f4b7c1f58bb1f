import type { Duplex } from 'node:stream'
import { Transform } from 'node:stream'
import { PortcullisError } from '../../errors.ts'
import type { Admission } from '../../listener/exchange.ts'
import type { RawHeaders } from '../../wire/raw-headers.ts'
import type { RequestHead } from '../../listener/request-head.ts'
import { findRoute } from './document-protocol.ts'
import type { DocumentStore } from './document-store.ts'
import { passedRequestHeaders } from './request-headers.ts'

/** A request to change protocol, with the connection it came on. */
export interface UpgradeExchange {
  readonly requestId: string
  readonly path: string
  readonly query: string
  /** Value of the `Upgrade` header. */
  readonly protocol: string
  readonly head: RequestHead
  readonly socket: Duplex
  readonly firstBytes: Buffer
  /** Answers with a refusal and ends the connection. */
  refuse(thrown: unknown): void
}

/**
 * Passes an `Upgrade` (WebSocket) to the store and joins the two connections, unencrypted: only where the store allows
 * it and the coverage has the route as `upgrade`, or knows nothing of it and unknown routes pass. Cut when the lease ends;
 * while it has lapsed, bytes wait until `renewed` resolves.
 */
export function passUpgrade(
  exchange: UpgradeExchange,
  store: DocumentStore,
  lease: Admission,
  renewed: () => Promise<unknown>,
): void {
  const route = findRoute({ path: exchange.path, method: 'GET' }, store)
  if (!store.upgrade || (route !== undefined && route.action !== 'upgrade')) {
    throw new PortcullisError('route-not-covered', 'This route does not change protocol.')
  }
  const { socket } = exchange
  const path = exchange.path.slice(store.mount.length) + exchange.query
  const headers = passedRequestHeaders(exchange.head.forwarded, exchange.requestId)
  const leave = lease.onEnd((reason) => exchange.refuse(reason))
  store.upstream.upgrade(
    { path, headers, protocol: exchange.protocol },
    {
      upgraded: (answer, storeSocket) => {
        leave()
        const refuse = (thrown: unknown): void => {
          storeSocket.destroy()
          exchange.refuse(thrown)
        }
        whenValid(lease, renewed, refuse, () => {
          if (socket.writable) join(exchange, answer, storeSocket, lease, renewed)
          else refuse(accessEnded())
        })
      },
      refused: (status, answer) => {
        leave()
        passRefusal(exchange, status, answer)
      },
      error: (error) => {
        leave()
        exchange.refuse(error)
      },
    },
  )
}

function accessEnded(): PortcullisError {
  return new PortcullisError('key-service-unavailable', 'Access ended meanwhile.', { retryAfterSeconds: 1 })
}

/** The store's own refusal, such as 401 or 404, without its body. */
function passRefusal({ socket }: UpgradeExchange, status: number, headers: RawHeaders): void {
  const kept = headers.filter((_, index) => !BODY_HEADERS.has(headers[index - (index % 2)]!.toLowerCase()))
  const lines = [`HTTP/1.1 ${status} `, 'Connection: close', 'Content-Length: 0', ...headerLines(kept)]
  if (socket.writable) socket.end(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

const BODY_HEADERS = new Set(['content-length', 'content-type', 'content-encoding'])

function headerLines(headers: RawHeaders): string[] {
  const lines: string[] = []
  for (let index = 0; index < headers.length; index += 2)
    lines.push(`${headers[index]}: ${headers[index + 1]}`)
  return lines
}

/** Calls `go` at once while the lease is valid, else after it was renewed, or `refuse` when it was not. */
function whenValid(
  lease: Admission,
  renewed: () => Promise<unknown>,
  refuse: (reason: unknown) => void,
  go: () => void,
): void {
  if (lease.valid) go()
  else renewed().then(() => (lease.valid ? go() : refuse(accessEnded())), refuse)
}

function join(
  exchange: UpgradeExchange,
  answer: RawHeaders,
  storeSocket: Duplex,
  lease: Admission,
  renewed: () => Promise<unknown>,
): void {
  const { socket, firstBytes, protocol } = exchange
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Connection: Upgrade',
    `Upgrade: ${protocol}`,
    ...headerLines(answer),
  ]
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
  const gate = (): Transform => gateOf(lease, renewed, cut)
  socket.pipe(gate()).pipe(storeSocket).pipe(gate()).pipe(socket)
}

/** Lets bytes through while the lease is valid: a process that stood still may find them before the lease's timer. */
function gateOf(lease: Admission, renewed: () => Promise<unknown>, cut: () => void): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      whenValid(lease, renewed, cut, () => done(null, chunk))
    },
  })
}
