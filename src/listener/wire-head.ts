import { METHODS } from 'node:http'
import { PortcullisError } from '../errors.ts'
import { fieldsOf } from '../wire/field-lines.ts'
import type { RawHeaders } from '../wire/raw-headers.ts'

/** The head of a request as it came (RFC 9112 sections 3 and 5). */
export interface WireHead {
  readonly method: string
  /** Path and query as sent, from the leading slash on. */
  readonly target: string
  readonly httpVersion: '1.0' | '1.1'
  readonly rawHeaders: RawHeaders
}

const REQUEST_LINE = /^([A-Z-]{1,32}) ([\x21-\x7e\x80-\xff]+) HTTP\/1\.([01])$/
const KNOWN = new Set(METHODS)

/**
 * Reads a head, without its empty line.
 *
 * @throws PortcullisError `request-malformed`, `headers-too-large`
 */
export function parseWireHead(text: string, headersCountMax: number): WireHead {
  const lines = text.split('\r\n')
  const start = REQUEST_LINE.exec(lines[0]!)
  if (start === null || !KNOWN.has(start[1]!)) throw malformed()
  if (lines.length - 1 > headersCountMax) {
    throw new PortcullisError('headers-too-large', 'There are more header fields than allowed.')
  }
  const rawHeaders = fieldsOf(lines, 1)
  if (rawHeaders === undefined) throw malformed()
  const target = start[2]!
  if (target.charCodeAt(0) !== 0x2f) {
    throw new PortcullisError(
      'request-malformed',
      'The request target must be a path that begins with a slash.',
    )
  }
  return { method: start[1]!, target, httpVersion: start[3] === '0' ? '1.0' : '1.1', rawHeaders }
}

/** False when these first bytes can never become a request: nobody need wait for more. */
export function mayBeginRequest(bytes: Buffer): boolean {
  const text = bytes.toString('latin1', 0, 64)
  const space = text.indexOf(' ')
  const method = space === -1 ? text : text.slice(0, space)
  if (space !== -1) return KNOWN.has(method)
  return METHODS.some((known) => known.startsWith(method))
}

function malformed(): PortcullisError {
  return new PortcullisError('request-malformed', 'This is not a well-formed HTTP/1.1 request.')
}
