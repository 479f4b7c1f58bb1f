import type { AddressInfo, Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'
import {
  fastify,
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyPluginCallback,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import { type ErrorCode, PortcullisError } from '../errors.ts'
import type { ApiAccess } from './api/contract/route.ts'
import {
  AdminAuthorization,
  type Administrator,
  type AdministratorSources,
  type AdminToken,
} from './authorization.ts'
import { healthRoutes, type Readiness } from './health.ts'
import { metricsRoute, type MetricsText } from './metrics-route.ts'
import { assertPermitted } from './permission.ts'
import { refusalOf, sendProblem } from './problem.ts'
import { RateLimiter } from './rate-limit.ts'
import { KnownRoutes } from './routes.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Serves the route without a token; absent means closed. */
    open?: boolean
    /** Who may use a closed route; absent means operators and auditors who are bound to no organization. */
    access?: ApiAccess
  }
  interface FastifyRequest {
    /** Who asks; null on open routes. */
    administrator: Administrator | null
  }
}

/** What the admin plane is made from. */
export interface AdminListenerOptions {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  readonly tls?: Pick<TlsOptions, 'cert' | 'key'> | undefined
  readonly tokens: readonly AdminToken[]
  /** Administrators beside those of `tokens`. */
  readonly administrators?: AdministratorSources
  /** Serves `/metrics` without a token. */
  readonly metricsOpen: boolean
  readonly readiness: () => Readiness
  readonly metrics: () => Promise<MetricsText>
  /** Further parts, each with its own routes; routes are closed unless their config says `open`. */
  readonly plugins?: readonly (FastifyPluginAsync | FastifyPluginCallback)[]
  /** Told of what a handler threw and no one is told in the response. */
  readonly onDefect?: (error: unknown, requestId: string) => void
}

const BODY_BYTES_MAX = 1024 * 1024
const HEADER_BYTES_MAX = 16 * 1024
const HEADERS_COUNT_MAX = 100
const REQUEST_TIMEOUT_MS = 30_000
const HEADERS_TIMEOUT_MS = 10_000
const KEEP_ALIVE_TIMEOUT_MS = 65_000
const CONNECTIONS_MAX = 1_000
const CLOSE_TIMEOUT_MS = 5_000

/** Refused credentials of one address: guessing a token is hopeless, trying costs us a digest each. */
const REFUSALS_LIMIT = { burst: 100, perSecond: 5 }
/** Requests of one administrator; a console polls, a script may create many things in a row. */
const REQUESTS_LIMIT = { burst: 400, perSecond: 50 }

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
}

/** The admin plane: a socket of its own, closed by default. */
export class AdminListener {
  readonly #options: AdminListenerOptions
  readonly #server: FastifyInstance
  readonly #sockets = new Set<Socket>()

  constructor(options: AdminListenerOptions) {
    this.#options = options
    this.#server = createServer(options)
    this.#server.server.maxConnections = CONNECTIONS_MAX
    this.#server.server.maxHeadersCount = HEADERS_COUNT_MAX
    this.#server.server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    protect(this.#server, new AdminAuthorization(options.tokens, options.administrators), options)
    void this.#server.register(healthRoutes(options.readiness))
    void this.#server.register(metricsRoute(options.metrics, options.metricsOpen))
    for (const plugin of options.plugins ?? []) void this.#server.register(plugin as FastifyPluginAsync)
  }

  /** Starts listening; resolves to the base URL. */
  async listen(): Promise<string> {
    await this.#server.listen({ host: this.#options.host, port: this.#options.port })
    const { address, family, port } = this.#server.server.address() as AddressInfo
    const scheme = this.#options.tls === undefined ? 'http' : 'https'
    return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  }

  /** Lets running requests finish, for a few seconds at most, and closes. */
  async close(): Promise<void> {
    const deadline = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy()
    }, CLOSE_TIMEOUT_MS)
    await this.#server.close()
    clearTimeout(deadline)
  }
}

function createServer(options: AdminListenerOptions): FastifyInstance {
  const common = {
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    exposeHeadRoutes: true,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    requestIdHeader: false,
    clientErrorHandler: refuseUnparsable,
    // What the router refuses never reaches a hook.
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      void sendProblem(request, reply.headers(SECURITY_HEADERS), refusalOf(error))
    },
    routerOptions: { maxParamLength: 256 },
  } as const
  const http = { maxHeaderSize: HEADER_BYTES_MAX, headersTimeout: HEADERS_TIMEOUT_MS }
  if (options.tls === undefined) return fastify({ ...common, http })
  const https = { ...http, ...options.tls, minVersion: 'TLSv1.2' as const }
  return fastify({ ...common, https })
}

const UNPARSABLE: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout',
}

function refuseUnparsable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const code = UNPARSABLE[error.code ?? ''] ?? 'request-malformed'
  const { status, title } = new PortcullisError(code, '')
  const body = JSON.stringify({ type: `urn:portcullis:error:${code}`, title, status, reason: code })
  const head = [`HTTP/1.1 ${status} ${title}`, 'Connection: close', 'Content-Type: application/problem+json']
  socket.end(
    `${head.join('\r\n')}\r\nCache-Control: no-store\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
}

function protect(
  server: FastifyInstance,
  authorization: AdminAuthorization,
  options: AdminListenerOptions,
): void {
  const known = new KnownRoutes()
  known.watch(server)
  const refusals = new RateLimiter(REFUSALS_LIMIT)
  const requests = new RateLimiter(REQUESTS_LIMIT)
  server.decorateRequest('administrator', null)
  server.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS)
    if (options.tls !== undefined) reply.header('Strict-Transport-Security', 'max-age=31536000')
    // A path that does not exist says so to anyone; what exists is closed unless it says otherwise.
    const { open, access = 'oversee' } = request.routeOptions.config
    if (request.is404 || open === true) return
    refusals.assertLeft(request.ip)
    try {
      request.administrator = await authorization.authenticate(request)
    } catch (thrown) {
      refusals.take(request.ip)
      throw thrown
    }
    requests.take(request.administrator.id)
    assertPermitted(request.administrator, access, organizationOf(request.params))
  })
  server.setNotFoundHandler(async (request, reply) => {
    const methods = known.methodsOf(request.url.split('?', 1)[0]!)
    if (methods.length === 0) {
      await sendProblem(request, reply, new PortcullisError('path-unknown', 'There is nothing at this path.'))
      return
    }
    const detail = `This path takes ${methods.join(', ')}.`
    await sendProblem(
      request,
      reply,
      new PortcullisError('method-not-allowed', detail, { headers: { Allow: methods.join(', ') } }),
    )
  })
  server.setErrorHandler(async (error: Error, request, reply) => {
    const refusal = refusalOf(error)
    if (refusal.status >= 500) options.onDefect?.(error, request.id)
    await sendProblem(request, reply, refusal)
  })
}

function organizationOf(params: unknown): string | undefined {
  const { organization } = params as { organization?: string }
  return organization
}
