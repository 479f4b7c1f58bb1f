import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { asPortcullisError, type ErrorCode, PortcullisError } from '../errors.ts'

const CODES_BY_STATUS = new Map<number, ErrorCode>([
  [400, 'request-malformed'],
  [405, 'method-not-allowed'],
  [408, 'request-timeout'],
  [411, 'length-required'],
  [413, 'body-too-large'],
  [415, 'media-type-unsupported'],
  [417, 'expectation-failed'],
  [429, 'too-many-requests'],
  [431, 'headers-too-large'],
  [503, 'overloaded'],
])

/** Answers with `application/problem+json` (RFC 9457). */
export async function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  error: PortcullisError,
): Promise<void> {
  if (error.code === 'credentials-required')
    reply.header('WWW-Authenticate', 'Bearer realm="portcullis-admin"')
  if (error.retryAfterSeconds !== undefined) reply.header('Retry-After', String(error.retryAfterSeconds))
  reply.headers(error.headers)
  await reply
    .code(error.status)
    .type('application/problem+json')
    .serializer((body: unknown) => JSON.stringify(body))
    .send({
      type: `urn:portcullis:error:${error.code}`,
      title: error.title,
      status: error.status,
      detail: error.message,
      reason: error.code,
      requestId: request.id,
      ...error.members,
      ...(error.findings.length === 0 ? {} : { errors: error.findings }),
    })
}

/** An error that the framework or a handler threw, as a refusal; messages that may repeat input are left out. */
export function refusalOf(error: FastifyError | Error): PortcullisError {
  if (error instanceof PortcullisError) return error
  const status = 'statusCode' in error ? error.statusCode : undefined
  const code = status === undefined ? undefined : (CODES_BY_STATUS.get(status) ?? clientError(status))
  if (code === undefined) return asPortcullisError(error)
  return new PortcullisError(code, DETAILS[code] ?? 'The request cannot be handled as it is.', {
    cause: error,
  })
}

const DETAILS: Partial<Record<ErrorCode, string>> = {
  'request-malformed': 'The request or its body is not well-formed.',
  'body-too-large': 'The body is longer than the admin plane takes.',
  'media-type-unsupported': 'Send application/json.',
}

function clientError(status: number): ErrorCode | undefined {
  return status >= 400 && status < 500 ? 'request-malformed' : undefined
}
