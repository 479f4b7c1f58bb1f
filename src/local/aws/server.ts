import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { AwsError } from './aws-error.ts'
import { control, CONTROL_PREFIX } from './control.ts'
import { newRequestId } from './identifiers.ts'
import { errorAnswer } from './protocol.ts'
import { readBody, serviceOf } from './request.ts'
import { serve, type ServiceParts } from './service.ts'

const BODY_BYTES_MAX = 256 * 1024
const HEADER_BYTES_MAX = 32 * 1024
const HEADERS_MAX = 64

/** A listening server. */
export interface RunningServer {
  readonly port: number
  /** Stops listening and cuts every connection, hanging ones included. */
  stop(): Promise<void>
}

/** Serves KMS, STS, IAM and the control endpoint on one loopback address. */
export async function startServer(
  parts: ServiceParts,
  host: string,
  port: number,
  reset: () => Promise<void>,
): Promise<RunningServer> {
  const stopping = new AbortController()
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      requestTimeout: 30_000,
      headersTimeout: 10_000,
      keepAliveTimeout: 30_000,
    },
    (request, response) => {
      handle(parts, request, response, reset, stopping.signal).catch(() => response.destroy())
    },
  )
  server.maxHeadersCount = HEADERS_MAX
  await listen(server, host, port)
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      stopping.abort()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}

async function handle(
  parts: ServiceParts,
  request: IncomingMessage,
  response: ServerResponse,
  reset: () => Promise<void>,
  stopping: AbortSignal,
): Promise<void> {
  const body = await readBody(request, BODY_BYTES_MAX)
  if (!body) {
    const requestId = newRequestId()
    const error = new AwsError('RequestEntityTooLargeException', 'Request body is too large.', 413)
    const { status, contentType, body: text } = errorAnswer(serviceOf(request), error, requestId)
    send(response, status, contentType, text, requestId, { connection: 'close' })
    return
  }
  if (request.url?.startsWith(CONTROL_PREFIX)) {
    const answer = await control(parts, request, body, reset)
    const text = answer.body === undefined ? '' : JSON.stringify(answer.body)
    send(response, answer.status, 'application/json', text, newRequestId())
    return
  }
  const outcome = await serve(parts, request, body, async (ms) => {
    await sleep(ms, undefined, { signal: stopping })
  })
  if (outcome.kind === 'reset') request.socket.resetAndDestroy()
  if (outcome.kind !== 'answer') return
  const { answer, requestId } = outcome
  send(response, answer.status, answer.contentType, answer.body, requestId)
}

function send(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string,
  requestId: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, {
    'x-amzn-RequestId': requestId,
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    ...headers,
  })
  response.end(body)
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.removeListener('error', reject)
      resolve()
    })
  })
}
