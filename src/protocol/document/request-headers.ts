import { PortcullisError } from '../../errors.ts'
import type { RawHeaders } from '../../wire/raw-headers.ts'
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
    const lower = headers[index]!.toLowerCase()
    if (UNTRUE_BEHIND_TRANSFORM.has(lower)) continue
    // A part of a document (RFC 9110 section 14.5) would land somewhere in the stored ciphertext.
    if (lower === 'content-range')
      throw new PortcullisError('request-malformed', 'A covered document is written whole, not in ranges.')
    kept.push(headers[index]!, headers[index + 1]!)
  }
  kept.push('Accept-Encoding', 'identity', ...VIA, 'X-Request-Id', requestId)
  return kept
}

/** Headers for the store on a route that passes. */
export function passedRequestHeaders(headers: RawHeaders, requestId: string): RawHeaders {
  return [...headers, ...VIA, 'X-Request-Id', requestId]
}
