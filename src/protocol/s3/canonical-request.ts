import type { RawHeaders } from '../../wire/raw-headers.ts'
import { hash } from 'node:crypto'
import type { QueryParameter } from './uri-encoding.ts'

/** The parts of a request that Signature Version 4 covers. */
export interface CanonicalParts {
  readonly method: string
  /** Canonical path; S3 neither normalises nor encodes twice. */
  readonly path: string
  readonly query: readonly QueryParameter[]
  readonly headers: RawHeaders
  /** Lower-case, sorted. */
  readonly signedHeaders: readonly string[]
  /** `x-amz-content-sha256`, or what stands for it. */
  readonly payloadHash: string
}

/** Task 1 of SigV4: the canonical request. */
export function canonicalRequest(parts: CanonicalParts): string {
  return [
    parts.method,
    parts.path,
    canonicalQuery(parts.query),
    canonicalHeaders(parts.headers, parts.signedHeaders),
    parts.signedHeaders.join(';'),
    parts.payloadHash,
  ].join('\n')
}

/** Task 2 of SigV4: what is signed. `scope` is `date/region/service/aws4_request`. */
export function stringToSign(timestamp: string, scope: string, canonical: string): string {
  return `AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n${hash('sha256', Buffer.from(canonical, 'latin1'))}`
}

function canonicalQuery(query: readonly QueryParameter[]): string {
  return query
    .map((parameter) => `${parameter.encodedName}=${parameter.encodedValue}`)
    .sort(compareParameters)
    .join('&')
}

// By name, then value; a plain comparison of `name=value` would put `a-b` before `a`, as `-` sorts before `=`.
function compareParameters(left: string, right: string): number {
  const leftName = left.slice(0, left.indexOf('='))
  const rightName = right.slice(0, right.indexOf('='))
  if (leftName !== rightName) return leftName < rightName ? -1 : 1
  return left < right ? -1 : left === right ? 0 : 1
}

/** One line per signed header: values of a repeated header joined by commas, inner white space collapsed. */
function canonicalHeaders(headers: RawHeaders, signedHeaders: readonly string[]): string {
  const values = new Map<string, string>()
  for (const name of signedHeaders) values.set(name, '')
  const seen = new Set<string>()
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]!.toLowerCase()
    const known = values.get(name)
    if (known === undefined) continue
    const value = collapseSpace(headers[index + 1]!)
    values.set(name, seen.has(name) ? `${known},${value}` : value)
    seen.add(name)
  }
  let lines = ''
  for (const [name, value] of values) lines += `${name}:${value}\n`
  return lines
}

function collapseSpace(value: string): string {
  const trimmed = value.trim()
  return /\s\s|[\t\r\n]/.test(trimmed) ? trimmed.replace(/\s+/g, ' ') : trimmed
}
