import type { PortcullisError } from '../errors.ts'
import type { RawHeaders } from '../wire/raw-headers.ts'

/** An error as it goes over the wire. */
export interface ErrorBody {
  readonly status: number
  readonly headers: RawHeaders
  readonly body: Buffer
}

/** What an error body may say about where it happened. */
export interface ErrorPlace {
  readonly requestId: string
  readonly tenant: string | undefined
}

/** Turns an error into the shape that a protocol's clients understand. */
export type ErrorFace = (error: PortcullisError, place: ErrorPlace) => ErrorBody

/** `application/problem+json` (RFC 9457), the face of every plane but S3 and search. */
export const problemFace: ErrorFace = (error, place) => {
  const body = Buffer.from(
    JSON.stringify({
      type: `urn:portcullis:error:${error.code}`,
      title: error.title,
      status: error.status,
      detail: error.message,
      reason: error.code,
      ...(place.tenant === undefined ? {} : { tenant: place.tenant }),
      requestId: place.requestId,
      ...error.members,
    }),
  )
  return {
    status: error.status,
    headers: [
      ...errorHeaders(error),
      'Content-Type',
      'application/problem+json',
      'Content-Length',
      String(body.length),
    ],
    body,
  }
}

/** The headers every error carries, whatever the shape of its body. */
export function errorHeaders(error: PortcullisError): RawHeaders {
  const headers: RawHeaders = ['Cache-Control', 'no-store']
  if (error.retryAfterSeconds !== undefined) headers.push('Retry-After', String(error.retryAfterSeconds))
  if (error.code === 'credentials-required') headers.push('WWW-Authenticate', 'Bearer realm="portcullis"')
  for (const [name, value] of Object.entries(error.headers)) headers.push(name, value)
  return headers
}
