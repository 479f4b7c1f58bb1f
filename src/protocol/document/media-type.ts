/**
 * What a body is, as far as the transform is concerned. `text` is JSON sent by a client that gave a string to `fetch`
 * and no type: the transform proves it.
 */
export type BodyKind = 'json' | 'text' | 'ndjson' | 'merge-patch' | 'json-patch' | 'other'

const NDJSON_TYPES = new Set([
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/json-lines',
])

/**
 * Reads a Content-Type (RFC 9110 section 8.3). An absent one counts as JSON, because a covered route takes nothing else
 * and the transform proves it; a charset other than UTF-8 is `other` (RFC 8259 section 8.1).
 */
export function bodyKind(contentType: string | undefined): BodyKind {
  if (contentType === undefined || contentType === 'application/json') return 'json'
  const [type = '', ...parameters] = contentType.toLowerCase().split(';')
  const name = type.trim()
  for (const parameter of parameters) {
    const [key = '', value = ''] = parameter.split('=')
    if (key.trim() === 'charset' && !/^"?utf-?8"?$/.test(value.trim())) return 'other'
  }
  if (NDJSON_TYPES.has(name)) return 'ndjson'
  if (name === 'application/merge-patch+json') return 'merge-patch'
  if (name === 'application/json-patch+json') return 'json-patch'
  if (name === 'text/plain') return 'text'
  return name === 'application/json' || name.endsWith('+json') ? 'json' : 'other'
}
