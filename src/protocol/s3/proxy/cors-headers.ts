import type { RawHeaders } from '../../../wire/raw-headers.ts'
import { headerValue } from '../../../wire/raw-headers.ts'
import type { ObjectExchange } from './object-exchange.ts'

const ANSWER_BYTES_MAX = 64 * 1024
/** What an answer says to the page of another origin. */
export const ABOUT_ORIGIN: readonly string[] = [
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-expose-headers',
  'vary',
]

/**
 * What the bucket's CORS rules say to a browser that posts a form: the store sees a PUT and so cannot say it with its answer.
 * Nothing is asked for a request without `Origin`.
 */
export async function corsHeadersOfPost(context: ObjectExchange): Promise<RawHeaders> {
  const origin = headerValue(context.exchange.request.rawHeaders, 'origin')
  if (origin === undefined) return []
  const { bucket, key } = context
  const headers = ['origin', origin, 'access-control-request-method', 'POST']
  const { response } = await context.backend.call(
    { method: 'OPTIONS', bucket, key, headers },
    ANSWER_BYTES_MAX,
  )
  if (response.status >= 300) return []
  return response.headers.filter((_, index, all) =>
    ABOUT_ORIGIN.includes(all[index - (index % 2)]!.toLowerCase()),
  )
}
