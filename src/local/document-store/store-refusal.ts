import { STATUS_CODES } from 'node:http'
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'

/** A request the document store refuses; `headers` go out beside the problem body. */
export class StoreRefusal extends Error {
  readonly status: number
  readonly headers: OutgoingHttpHeaders

  constructor(status: number, detail: string, headers: OutgoingHttpHeaders = {}) {
    super(detail)
    this.name = 'StoreRefusal'
    this.status = status
    this.headers = headers
  }
}

/** Answers with an RFC 9457 problem document; the body is left out for HEAD. */
export function sendRefusal(response: ServerResponse, refusal: StoreRefusal, headOnly: boolean): void {
  const body = Buffer.from(
    JSON.stringify({
      type: 'about:blank',
      title: STATUS_CODES[refusal.status] ?? 'Error',
      status: refusal.status,
      detail: refusal.message,
    }),
  )
  response.writeHead(refusal.status, {
    'Content-Type': 'application/problem+json',
    'Content-Length': body.byteLength,
    ...refusal.headers,
  })
  response.end(headOnly ? undefined : body)
}
