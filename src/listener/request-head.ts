import { PortcullisError } from '../errors.ts'
import type { RawHeaders } from '../wire/raw-headers.ts'
import type { WireHead } from './wire-head.ts'

/** The parts of a request's head that the stages need, read in one pass over the raw headers. */
export interface RequestHead {
  /** Headers to forward: hop-by-hop, connection-nominated and gateway-only fields are gone (RFC 9110 section 7.6.1). */
  readonly forwarded: RawHeaders
  readonly host: string | undefined
  readonly tenant: string | undefined
  readonly tenantApp: string | undefined
  readonly authorization: string | undefined
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  /** Bytes; undefined when the body is chunked or absent. */
  readonly contentLength: number | undefined
  readonly chunked: boolean
  readonly requestId: string | undefined
  /** The client takes another response on this connection (RFC 9112 section 9.3). */
  readonly keepAlive: boolean
  /** The protocol that the client offers to change to, where that is worth asking a store about. */
  readonly upgrade: string | undefined
  /** The client waits to be told before it sends its body (RFC 9110 section 10.1.1). */
  readonly expectsContinue: boolean
}

/** Protocols that this server does not speak, and whose offer it so ignores (RFC 9110 section 7.8). */
const IGNORED_PROTOCOLS = /^(?:h2c?|http|tls)(?:\/|$)/i

/** What becomes of a header: kept as it is, dropped, refused, or read into the head (and kept or dropped). */
type Treatment = 'drop' | 'connection' | 'expect' | 'upgrade' | 'refuse' | 'read' | 'read-and-drop'

const TREATMENTS = new Map<string, Treatment>([
  ['connection', 'connection'],
  ['keep-alive', 'drop'],
  ['proxy-connection', 'drop'],
  ['proxy-authorization', 'drop'],
  ['proxy-authenticate', 'drop'],
  ['te', 'drop'],
  ['trailer', 'drop'],
  ['upgrade', 'upgrade'],
  ['expect', 'expect'],
  // A store that honours one of these would read another request than the coverage was asked about.
  ['x-http-method-override', 'refuse'],
  ['x-http-method', 'refuse'],
  ['x-method-override', 'refuse'],
  ['x-original-method', 'refuse'],
  ['x-original-url', 'refuse'],
  ['x-original-uri', 'refuse'],
  ['x-rewrite-url', 'refuse'],
  ['transfer-encoding', 'read-and-drop'],
  ['content-length', 'read-and-drop'],
  ['host', 'read-and-drop'],
  ['portcullis-tenant', 'read-and-drop'],
  ['portcullis-app', 'read-and-drop'],
  ['portcullis-authorization', 'read-and-drop'],
  ['content-type', 'read'],
  ['content-encoding', 'read'],
  ['x-request-id', 'read'],
])

const REQUEST_ID_PATTERN = /^[\w.:-]{1,128}$/

/**
 * Reads and cleans the head of a request. A field that decides routing, framing or identity may appear only once:
 * a second one throws `request-malformed`, so that gateway and store can never read two different requests.
 */
export function readRequestHead({ method, rawHeaders: raw, httpVersion }: WireHead): RequestHead {
  const read = new Map<string, string>()
  const kept: RawHeaders = []
  let nominated: string[] | undefined
  let connection = ''
  let expectsContinue = false
  let upgrade: string | undefined
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!
    const value = raw[index + 1]!
    const lower = name.toLowerCase()
    const treatment = TREATMENTS.get(lower)
    if (treatment === undefined) {
      if (lower.startsWith('portcullis-')) continue
      kept.push(name, value)
    } else if (treatment === 'connection') {
      nominated = connectionOptions(nominated, value)
      connection = `${connection},${value.toLowerCase()}`
    } else if (treatment === 'expect') {
      expectsContinue ||= httpVersion === '1.1' && value.toLowerCase() === '100-continue'
    } else if (treatment === 'upgrade') {
      upgrade = value
    } else if (treatment === 'refuse') {
      throw new PortcullisError('request-malformed', `Header ${lower} is not taken: it changes the request.`)
    } else if (treatment !== 'drop') {
      if (read.has(lower))
        throw new PortcullisError('request-malformed', `Header ${lower} appears more than once.`)
      read.set(lower, value)
      if (treatment === 'read' && lower !== 'x-request-id') kept.push(name, value)
    }
  }
  if (httpVersion !== '1.0' && !read.has('host'))
    throw new PortcullisError('request-malformed', 'An HTTP/1.1 request must have a Host header.')
  const isChunked = chunked(read.get('transfer-encoding'))
  if (isChunked && (httpVersion === '1.0' || read.has('content-length')))
    throw new PortcullisError('request-malformed', 'The length of the body is ambiguous.')
  const requestId = read.get('x-request-id')
  return {
    forwarded: nominated === undefined ? kept : withoutNominated(kept, nominated),
    host: read.get('host'),
    tenant: read.get('portcullis-tenant'),
    tenantApp: read.get('portcullis-app'),
    authorization: read.get('portcullis-authorization'),
    contentType: read.get('content-type'),
    contentEncoding: read.get('content-encoding'),
    contentLength: contentLength(read.get('content-length')),
    chunked: isChunked,
    requestId: requestId !== undefined && REQUEST_ID_PATTERN.test(requestId) ? requestId : undefined,
    keepAlive: keepsAlive(httpVersion, connection),
    upgrade: method === 'GET' && offersUpgrade(upgrade, nominated) ? upgrade : undefined,
    expectsContinue,
  }
}

function connectionOptions(known: string[] | undefined, value: string): string[] | undefined {
  const options = value
    .split(',')
    .map((option) => option.trim().toLowerCase())
    .filter((option) => option !== '' && option !== 'keep-alive' && option !== 'close')
  return options.length === 0 ? known : [...(known ?? []), ...options]
}

function offersUpgrade(protocol: string | undefined, nominated: string[] | undefined): boolean {
  return (
    protocol !== undefined &&
    nominated?.includes('upgrade') === true &&
    /^[\w./-]+$/.test(protocol) &&
    !IGNORED_PROTOCOLS.test(protocol)
  )
}

function keepsAlive(httpVersion: WireHead['httpVersion'], options: string): boolean {
  if (options === '') return httpVersion === '1.1'
  if (/(?:^|,)[\t ]*close[\t ]*(?:,|$)/.test(options)) return false
  return httpVersion === '1.1' || /(?:^|,)[\t ]*keep-alive[\t ]*(?:,|$)/.test(options)
}

// A client must not be able to take away a header that the store's own authorization rests on.
const NEVER_NOMINATED = new Set(['authorization', 'content-type', 'content-encoding', 'cookie'])

function withoutNominated(headers: RawHeaders, nominated: string[]): RawHeaders {
  const kept: RawHeaders = []
  for (let index = 0; index < headers.length; index += 2) {
    const lower = headers[index]!.toLowerCase()
    if (nominated.includes(lower)) {
      if (NEVER_NOMINATED.has(lower)) {
        throw new PortcullisError('request-malformed', `Header ${lower} cannot be a connection option.`)
      }
      continue
    }
    kept.push(headers[index]!, headers[index + 1]!)
  }
  return kept
}

function contentLength(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (!/^\d{1,15}$/.test(value))
    throw new PortcullisError('request-malformed', 'Content-Length is not a number.')
  return Number(value)
}

function chunked(value: string | undefined): boolean {
  if (value === undefined) return false
  if (value.trim().toLowerCase() === 'chunked') return true
  throw new PortcullisError('request-malformed', 'The only transfer coding taken is chunked.')
}
