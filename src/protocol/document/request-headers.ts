import type { RawHeaders } from '../../listener/raw-headers.ts'
import { DIGEST_HEADERS } from './body-digest.ts'

// These ask for, or describe, the bytes as stored: ranges and codings of ciphertext mean nothing to a client.
const UNTRUE_BEHIND_TRANSFORM = new Set([
  'accept-encoding',
  'range',
  'if-range',
  'content-encoding',
  ...DIGEST_HEADERS,
])

// Names the gateway in the chain of intermediaries (RFC 9110 section 7.6.3).
const VIA = ['Via', '1.1 portcullis'] as const

/** Headers for the store on a covered route: what would describe the wrong bytes is out, codings are declined. */
export function coveredRequestHeaders(headers: RawHeaders, requestId: string): RawHeaders {
  const kept: RawHeaders = []
  for (let index = 0; index < headers.length; index += 2) {
    if (UNTRUE_BEHIND_TRANSFORM.has(headers[index]!.toLowerCase())) continue
    kept.push(headers[index]!, headers[index + 1]!)
  }
  kept.push('Accept-Encoding', 'identity', ...VIA, 'X-Request-Id', requestId)
  return kept
}

/** Headers for the store on a route that passes. */
export function passedRequestHeaders(headers: RawHeaders, requestId: string): RawHeaders {
  return [...headers, ...VIA, 'X-Request-Id', requestId]
}
