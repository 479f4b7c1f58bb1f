import { S3Error } from './errors.ts'

const UNRESERVED = /^[A-Za-z0-9\-._~]*$/
const UNRESERVED_PATH = /^[A-Za-z0-9\-._~/]*$/
const MALFORMED_ESCAPE = /%(?![0-9A-Fa-f]{2})/

const UNRESERVED_BYTES = byteSet('')
const UNRESERVED_PATH_BYTES = byteSet('/')
const ENCODED_BYTES = Array.from({ length: 256 }, (_, byte) => {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
})

function byteSet(further: string): Uint8Array {
  const set = new Uint8Array(256)
  for (const character of `ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~${further}`) {
    set[character.charCodeAt(0)] = 1
  }
  return set
}

/**
 * Bytes behind a percent-encoded string as it stands in a request target, where every character is one byte
 * (node:http gives targets as Latin-1). Throws `InvalidURI` for an incomplete escape.
 */
export function percentDecode(encoded: string, plusIsSpace = false): Buffer {
  if (encoded.includes('%') && MALFORMED_ESCAPE.test(encoded)) throw new S3Error('InvalidURI')
  const bytes = Buffer.allocUnsafe(encoded.length)
  let length = 0
  for (let index = 0; index < encoded.length; index += 1) {
    let code = encoded.charCodeAt(index)
    if (code === 0x25) {
      code = Number.parseInt(encoded.slice(index + 1, index + 3), 16)
      index += 2
    } else if (code === 0x2b && plusIsSpace) {
      code = 0x20
    }
    bytes[length++] = code
  }
  return bytes.subarray(0, length)
}

/** RFC 3986 encoding of bytes with upper-case hex, as SigV4 wants it; `/` stays when `keepSlash`. */
export function percentEncode(bytes: Uint8Array, keepSlash: boolean): string {
  const kept = keepSlash ? UNRESERVED_PATH_BYTES : UNRESERVED_BYTES
  let encoded = ''
  for (const byte of bytes) encoded += kept[byte] === 1 ? String.fromCharCode(byte) : ENCODED_BYTES[byte]!
  return encoded
}

/** RFC 3986 encoding of text as UTF-8. */
export function encodeText(text: string, keepSlash = false): string {
  if ((keepSlash ? UNRESERVED_PATH : UNRESERVED).test(text)) return text
  return percentEncode(Buffer.from(text), keepSlash)
}

/** One canonical form for a target's path: every byte decoded, then encoded unless unreserved or `/`. */
export function canonicalPath(path: string): string {
  return UNRESERVED_PATH.test(path) ? path : percentEncode(percentDecode(path), true)
}

/** Text of a percent-encoded name or value. Throws `InvalidURI` where the bytes are not UTF-8. */
export function decodeText(encoded: string, plusIsSpace = false): string {
  if (UNRESERVED_PATH.test(encoded)) return encoded
  const bytes = percentDecode(encoded, plusIsSpace)
  const text = bytes.toString('utf8')
  if (text.includes('\ufffd') && !Buffer.from(text).equals(bytes)) throw new S3Error('InvalidURI')
  return text
}

/** One query parameter, decoded, with the canonical encodings that a signature covers. */
export interface QueryParameter {
  readonly name: string
  readonly value: string
  readonly encodedName: string
  readonly encodedValue: string
}

const QUERY_PARAMETERS_MAX = 64

/** Parameters of a query without its `?`, in order. A parameter without `=` has an empty value. */
export function parseQuery(query: string): QueryParameter[] {
  if (query === '') return []
  const parts = query.split('&').filter((part) => part !== '')
  if (parts.length > QUERY_PARAMETERS_MAX) throw new S3Error('InvalidURI')
  return parts.map((part) => {
    const equals = part.indexOf('=')
    const rawName = equals === -1 ? part : part.slice(0, equals)
    const rawValue = equals === -1 ? '' : part.slice(equals + 1)
    const name = decodeText(rawName, true)
    const value = decodeText(rawValue, true)
    return { name, value, encodedName: encodeText(name), encodedValue: encodeText(value) }
  })
}
