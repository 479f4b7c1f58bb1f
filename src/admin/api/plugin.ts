import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { AuditSink } from '../../audit/sink.ts'
import { SYSTEM_CHAIN } from '../../audit/row.ts'
import { PortcullisError } from '../../errors.ts'
import type { IdempotencyStore } from '../../registry/idempotency.ts'
import type { Administrator } from '../authorization.ts'
import { refusalOf } from '../problem.ts'
import { RateLimiter } from '../rate-limit.ts'
import { type OperationId, operations } from './contract/contract.ts'
import type { ApiRoute } from './contract/route.ts'
import type { ApiAnswer, ApiCall, ApiHandler, ApiHandlers, ApiServices, ApiStream } from './handler.ts'
import { byokHandlers } from './handlers/byok.ts'
import { credentialHandlers } from './handlers/credentials.ts'
import { operationHandlers } from './handlers/operations.ts'
import { tenantHandlers } from './handlers/tenants.ts'
import { openApiDocument } from './openapi.ts'
import { type KeptAnswer, Repetition } from './repetition.ts'
import { entityTag, expectedRevision, validated } from './validation.ts'

/** What the admin API is made from. */
export interface AdminApiOptions {
  readonly services: ApiServices
  readonly idempotency: IdempotencyStore
  readonly audit: AuditSink
  /** False while nothing more can be recorded: then nothing is changed either. */
  readonly recordable: () => boolean
  readonly version: string
}

/** Operations that cost calls to AWS or a walk through a whole chain, by one organization. */
const COSTLY_LIMIT = { burst: 10, perSecond: 0.2 }

const HANDLERS: ApiHandlers<OperationId> = {
  ...tenantHandlers,
  ...byokHandlers,
  ...credentialHandlers,
  ...operationHandlers,
}

/** The admin API as a plugin of the admin listener. */
export function adminApi(options: AdminApiOptions): FastifyPluginAsync {
  return async (server) => {
    const document = openApiDocument(options.version)
    server.get('/openapi.json', { config: { open: true } }, async () => document)
    const costly = new RateLimiter(COSTLY_LIMIT)
    for (const [id, route] of operations()) register(server, id, route, options, costly)
  }
}

function register(
  server: FastifyInstance,
  id: OperationId,
  route: ApiRoute,
  options: AdminApiOptions,
  costly: RateLimiter,
): void {
  server.route({
    method: route.method,
    url: route.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    config: { access: route.access },
    handler: async (request, reply) => {
      if (route.costly === true) costly.take(`${id} ${paramsOf(request)['organization']}`)
      if (route.method !== 'GET' && !options.recordable()) throw unrecordable()
      return await answer(id, route, options, request, reply)
    },
    ...(route.method === 'GET' ? {} : auditHooks(id, options)),
  })
}

async function answer(
  id: OperationId,
  route: ApiRoute,
  options: AdminApiOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const administrator = request.administrator!
  const call = {
    services: options.services,
    administrator,
    params: paramsOf(request),
    query: route.query && validated(route.query, request.query, 'query'),
    body: route.body && validated(route.body, request.body ?? {}, 'body'),
    expectedRevision: route.etag === true ? expectedRevision(request.headers['if-match']) : undefined,
    alternative: route.alternative !== undefined && request.headers.accept === route.alternative,
  }
  // what is streamed is not kept
  const repeatable = route.method === 'POST' && !call.alternative
  const key = repeatable ? request.headers['idempotency-key'] : undefined
  if (key === undefined) return send(route, reply, await run(id, call))
  const asked = [id, call.params, call.body]
  const repetition = await Repetition.begin(options.idempotency, administrator.id, String(key), asked)
  if (!(repetition instanceof Repetition)) return repeat(reply, repetition)
  try {
    const result = await run(id, call)
    if ('stream' in result) return send(route, reply, result)
    const body = route.response?.parse(result.body)
    const etag = result.revision === undefined ? undefined : entityTag(result.revision)
    await repetition.keep({ status: route.status, body, etag }, route.secret)
    return send(route, reply, result)
  } catch (thrown) {
    await repetition.abandon()
    throw thrown
  }
}

function run(
  id: OperationId,
  call: Omit<ApiCall<OperationId>, 'query' | 'body'> & { query: unknown; body: unknown },
): Promise<ApiAnswer<unknown> | ApiStream> | ApiAnswer<unknown> | ApiStream {
  // each handler has the types of its own row; the row is what `query` and `body` were validated by
  return (HANDLERS[id] as ApiHandler<never>)(call as never)
}

function send(route: ApiRoute, reply: FastifyReply, result: ApiAnswer<unknown> | ApiStream): unknown {
  if ('stream' in result) {
    void reply.type(route.alternative!)
    return Readable.from(result.stream)
  }
  void reply.code(route.status)
  if (result.revision !== undefined) void reply.header('ETag', entityTag(result.revision))
  // only documented members leave
  return route.response?.parse(result.body)
}

function repeat(reply: FastifyReply, { status, body, etag }: KeptAnswer): unknown {
  void reply.code(status).header('Idempotent-Replayed', 'true')
  if (etag !== undefined) void reply.header('ETag', etag)
  return body
}

/** Every change that was asked for goes into the audit trail, whatever became of it. */
function auditHooks(operation: OperationId, { audit, services }: AdminApiOptions) {
  const problems = new WeakMap<FastifyRequest, string>()
  return {
    onError: async (request: FastifyRequest, _reply: FastifyReply, error: Error) => {
      problems.set(request, refusalOf(error).code)
    },
    onResponse: async (request: FastifyRequest, reply: FastifyReply) => {
      const { administrator } = request
      if (administrator === null) return
      const problem = problems.get(request)
      const organization = chainOf(request, administrator, services)
      audit.record({
        type: 'admin.acted',
        at: new Date(services.wallTimeMs()).toISOString(),
        authority: organization ?? SYSTEM_CHAIN,
        actor: administrator.name,
        role: administrator.role,
        operation,
        resource: request.url.split('?', 1)[0]!.slice(0, 512),
        outcome: outcomeOf(reply.statusCode),
        requestId: request.id,
        ...(problem === undefined ? {} : { problem }),
        ...(organization === undefined ? {} : { organization }),
      })
    },
  }
}

/** Chain that an action belongs to: never one that the caller could make up. */
function chainOf(
  request: FastifyRequest,
  administrator: Administrator,
  { catalog }: ApiServices,
): string | undefined {
  if (administrator.organization !== undefined) return administrator.organization
  const named = paramsOf(request)['organization']
  return named !== undefined && catalog.organization(named) !== undefined ? named : undefined
}

function outcomeOf(status: number): 'succeeded' | 'refused' | 'failed' {
  if (status < 400) return 'succeeded'
  return status < 500 ? 'refused' : 'failed'
}

function paramsOf(request: FastifyRequest): Readonly<Record<string, string>> {
  return request.params as Record<string, string>
}

function unrecordable(): PortcullisError {
  return new PortcullisError('overloaded', 'The audit trail cannot take more events now.', {
    retryAfterSeconds: 1,
  })
}
