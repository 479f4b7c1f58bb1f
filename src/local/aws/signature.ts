import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** A request as it was signed (AWS Signature Version 4, header form). */
export interface SignedRequest {
  readonly method: string
  /** Raw request target: path, and query after `?`. */
  readonly target: string
  /** Name, value, name, value … as received. */
  readonly rawHeaders: readonly string[]
  readonly body: Uint8Array
}

/** The parsed `Authorization` header. */
export interface Authorization {
  readonly accessKeyId: string
  readonly date: string
  readonly region: string
  readonly service: string
  readonly signedHeaders: readonly string[]
  readonly signature: string
}

const ALGORITHM = 'AWS4-HMAC-SHA256'
const SIGNED_HEADERS_MAX = 64

/** Parses the header; returns what is wrong with it as text when it cannot be used. */
export function parseAuthorization(header: string): Authorization | string {
  const space = header.indexOf(' ')
  if (space < 0 || header.slice(0, space) !== ALGORITHM) return "Unsupported AWS 'algorithm'"
  const parts = new Map<string, string>()
  for (const part of header.slice(space + 1).split(',')) {
    const equals = part.indexOf('=')
    if (equals < 0)
      return `'${part.trim()}' not a valid key=value pair (missing equal-sign) in Authorization header`
    parts.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim())
  }
  for (const name of ['Credential', 'Signature', 'SignedHeaders']) {
    if (!parts.get(name)) return `Authorization header requires '${name}' parameter.`
  }
  const scope = (parts.get('Credential') ?? '').split('/')
  if (scope.length !== 5 || scope[4] !== 'aws4_request' || scope.some((part) => part === '')) {
    return 'Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term'
  }
  const [accessKeyId = '', date = '', region = '', service = ''] = scope
  const signedHeaders = (parts.get('SignedHeaders') ?? '').toLowerCase().split(';')
  if (signedHeaders.length > SIGNED_HEADERS_MAX) return 'Too many signed headers'
  return { accessKeyId, date, region, service, signedHeaders, signature: parts.get('Signature') ?? '' }
}

/** Whether `signature` is the one that `secretAccessKey` makes; compared in constant time. */
export function signatureMatches(
  authorization: Authorization,
  request: SignedRequest,
  amzDate: string,
  secretAccessKey: string,
): boolean {
  const expected = hmac(
    signingKey(secretAccessKey, authorization),
    stringToSign(authorization, amzDate, canonicalRequest(request, authorization.signedHeaders)),
  )
  const given = Buffer.from(authorization.signature, 'hex')
  return given.length === expected.length && timingSafeEqual(given, expected)
}

/** The string to sign. */
export function stringToSign(
  scope: Pick<Authorization, 'date' | 'region' | 'service'>,
  amzDate: string,
  canonical: string,
): string {
  const scopeText = `${scope.date}/${scope.region}/${scope.service}/aws4_request`
  return `${ALGORITHM}\n${amzDate}\n${scopeText}\n${sha256Hex(canonical)}`
}

/** The canonical request; the path is normalised and encoded twice, as for every service but S3. */
export function canonicalRequest(request: SignedRequest, signedHeaders: readonly string[]): string {
  const mark = request.target.indexOf('?')
  const path = mark < 0 ? request.target : request.target.slice(0, mark)
  const query = mark < 0 ? '' : request.target.slice(mark + 1)
  const headers = signedHeaders.map((name) => `${name}:${headerValue(request.rawHeaders, name)}\n`).join('')
  return [
    request.method,
    canonicalPath(path),
    canonicalQuery(query),
    headers,
    signedHeaders.join(';'),
    sha256Hex(request.body),
  ].join('\n')
}

function canonicalPath(path: string): string {
  const segments: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue
    if (segment === '..') segments.pop()
    else segments.push(percentEncode(segment))
  }
  const joined = `/${segments.join('/')}`
  const last = path.slice(path.lastIndexOf('/') + 1)
  const directory = segments.length > 0 && (last === '' || last === '.' || last === '..')
  return directory ? `${joined}/` : joined
}

function canonicalQuery(query: string): string {
  if (query === '') return ''
  return query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=')
      const name = equals < 0 ? pair : pair.slice(0, equals)
      const value = equals < 0 ? '' : pair.slice(equals + 1)
      return [percentEncode(percentDecode(name)), percentEncode(percentDecode(value))] as const
    })
    .sort(([nameA, valueA], [nameB, valueB]) => compare(nameA, nameB) || compare(valueA, valueB))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}

/** All values of a header in order, each trimmed and with runs of spaces folded into one. */
function headerValue(rawHeaders: readonly string[], name: string): string {
  const values: string[] = []
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() === name) {
      values.push((rawHeaders[index + 1] ?? '').trim().replace(/\s+/g, ' '))
    }
  }
  return values.join(',')
}

/** RFC 3986 unreserved characters stay, everything else is `%XX` over UTF-8. */
function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
  })
}

function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function signingKey(secretAccessKey: string, scope: Authorization): Buffer {
  const date = hmac(`AWS4${secretAccessKey}`, scope.date)
  return hmac(hmac(hmac(date, scope.region), scope.service), 'aws4_request')
}

function hmac(key: string | Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest()
}

function sha256Hex(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}
