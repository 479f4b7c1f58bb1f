import type { RawHeaders } from '../../wire/raw-headers.ts'
import { DIGEST_HEADERS } from './body-digest.ts'

/** Where a store's own addresses lead, seen from outside. */
export interface Mount {
  /** Path prefix at the gateway, such as `/jira`. */
  readonly mount: string
  /** Origin and path prefix of the store. */
  readonly upstreamUrl: string
}

/** The fields of a store's response head that decide what to do with its body. */
export interface ResponseHead {
  readonly headers: RawHeaders
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  /** Bytes as the store sends them. */
  readonly contentLength: number | undefined
}

/**
 * Cleans a store's response head. With `transformed`, everything that describes the stored bytes is taken out:
 * length, coding, digests, range support. Location is rewritten to the mount (RFC 9110 section 10.2.2).
 */
export function readResponseHead(headers: RawHeaders, transformed: boolean, mount: Mount): ResponseHead {
  const kept: RawHeaders = []
  let contentType: string | undefined
  let contentEncoding: string | undefined
  let contentLength: number | undefined
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]!
    let value = headers[index + 1]!
    const lower = name.toLowerCase()
    if (lower === 'content-length') {
      contentLength = Number(value)
      continue
    }
    if (lower === 'content-type') contentType = value
    else if (lower === 'content-encoding') {
      contentEncoding = value
      if (transformed) continue
    } else if (lower === 'location' || lower === 'content-location') value = rewriteLocation(value, mount)
    else if (transformed && (lower === 'accept-ranges' || DIGEST_HEADERS.has(lower))) continue
    kept.push(name, value)
  }
  return { headers: kept, contentType, contentEncoding, contentLength }
}

/** A store's Location as the client must follow it: through the gateway, under the mount. */
export function rewriteLocation(location: string, { mount, upstreamUrl }: Mount): string {
  const upstream = new URL(upstreamUrl)
  const prefix = upstream.pathname.replace(/\/$/, '')
  const path = location.startsWith(upstream.origin) ? location.slice(upstream.origin.length) || '/' : location
  if (!path.startsWith('/') || path.startsWith('//')) return location
  return mount + (prefix !== '' && path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path)
}
