import { z } from 'zod'
import { operations } from './contract/contract.ts'
import type { ApiRoute } from './contract/route.ts'

type Json = Record<string, unknown>

const PROBLEM: Json = {
  type: 'object',
  description:
    'RFC 9457. `reason` is for programs; `rule` and `remedy` say which rule was broken and what to do instead.',
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    reason: { type: 'string' },
    requestId: { type: 'string' },
    rule: { type: 'string' },
    remedy: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          path: { type: 'string' },
          rule: { type: 'string' },
          reason: { type: 'string' },
          remedy: { type: 'string' },
        },
        required: ['path', 'rule', 'reason', 'remedy'],
      },
    },
  },
  required: ['type', 'title', 'status', 'detail', 'reason'],
}

/** The OpenAPI 3.1 description of the admin API, made from the same table that requests are validated by. */
export function openApiDocument(version: string): Json {
  const schemas: Record<string, unknown> = { Problem: PROBLEM }
  const paths: Record<string, Json> = {}
  for (const [id, route] of operations()) {
    const path = (paths[route.path] ??= {})
    path[route.method.toLowerCase()] = operation(id, route, schemas)
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Portcullis admin API',
      version,
      description:
        'Times are RFC 3339, UTC, milliseconds. Every refusal is `application/problem+json`. Every change is audited.',
    },
    security: [{ bearer: [] }],
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'A token of the configuration or of an organization, or an OIDC access token.',
        },
      },
    },
  }
}

function operation(id: string, route: ApiRoute, schemas: Record<string, unknown>): Json {
  const parameters = [
    ...[...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...queryParameters(route, schemas),
    ...headerParameters(route),
  ]
  return {
    operationId: id,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    'x-access': route.access,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: jsonSchema(route.body, schemas, 'input') } },
          },
        }),
    responses: { [String(route.status)]: success(route, schemas), default: refusal() },
  }
}

function queryParameters(route: ApiRoute, schemas: Record<string, unknown>): Json[] {
  if (route.query === undefined) return []
  const { properties = {}, required = [] } = jsonSchema(route.query, schemas, 'input') as {
    properties?: Record<string, Json>
    required?: string[]
  }
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }))
}

function headerParameters(route: ApiRoute): Json[] {
  const names = [
    ...(route.method === 'POST' ? ['Idempotency-Key'] : []),
    ...(route.etag === true && route.method !== 'GET' && route.method !== 'POST' ? ['If-Match'] : []),
  ]
  return names.map((name) => ({ name, in: 'header', required: false, schema: { type: 'string' } }))
}

function success(route: ApiRoute, schemas: Record<string, unknown>): Json {
  if (route.response === undefined) return { description: 'Done.' }
  return {
    description: 'Done.',
    ...(route.etag === true ? { headers: { ETag: { schema: { type: 'string' } } } } : {}),
    content: {
      'application/json': { schema: jsonSchema(route.response, schemas, 'output') },
      ...(route.alternative === undefined ? {} : { [route.alternative]: {} }),
    },
  }
}

function refusal(): Json {
  return {
    description: 'Refused or failed.',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  }
}

/** A schema with its named parts moved to the components of the document. */
function jsonSchema(schema: z.ZodType, schemas: Record<string, unknown>, io: 'input' | 'output'): Json {
  const converted = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json
  const { $schema: _, $defs = {}, ...rest } = converted as Json & { $defs?: Record<string, Json> }
  for (const [name, definition] of Object.entries($defs)) schemas[name] = relocated(definition, io)
  return relocated(rest, io) as Json
}

function relocated(value: unknown, io: 'input' | 'output'): unknown {
  if (Array.isArray(value)) return value.map((item) => relocated(item, io))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) => {
      // the name of a component; a property called id is an object
      if (name === 'id' && typeof member === 'string') return []
      // answers may gain members within a version
      if (name === 'additionalProperties' && member === false && io === 'output') return []
      if (name !== '$ref' || typeof member !== 'string') return [[name, relocated(member, io)]]
      return [[name, member.replace('#/$defs/', '#/components/schemas/')]]
    }),
  )
}
