import type { RawHeaders } from '../wire/raw-headers.ts'

/** Fields that belong to one connection and never travel on (RFC 9110 section 7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** End-to-end headers of a response head given as raw latin1 buffers or strings, names and values alternating. */
export function endToEndHeaders(raw: readonly (Buffer | string)[]): RawHeaders {
  const headers: RawHeaders = []
  let nominated: string | undefined
  for (let index = 0; index < raw.length; index += 2) {
    const name = text(raw[index]!)
    const lower = name.toLowerCase()
    if (HOP_BY_HOP.has(lower)) {
      if (lower === 'connection') nominated = `${nominated ?? ''},${text(raw[index + 1]!)}`
      continue
    }
    headers.push(name, text(raw[index + 1]!))
  }
  return nominated === undefined ? headers : withoutNominated(headers, nominated)
}

function withoutNominated(headers: RawHeaders, nominated: string): RawHeaders {
  const names = nominated
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'close' && name !== 'keep-alive')
  if (names.length === 0) return headers
  return headers.filter((_, index) => !names.includes(headers[index - (index % 2)]!.toLowerCase()))
}

function text(value: Buffer | string): string {
  return typeof value === 'string' ? value : value.toString('latin1')
}
