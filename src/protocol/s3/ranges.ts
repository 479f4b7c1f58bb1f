/** A range of bytes, both ends included. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** A `Range` header before the size of the object is known. */
export type RangeRequest =
  | { readonly kind: 'from'; readonly start: number; readonly end: number | undefined }
  | { readonly kind: 'suffix'; readonly bytes: number }

const POSITION = /^\d+$/

/**
 * Reads a `Range` header (RFC 9110 section 14.2). Undefined for one that S3 ignores: another unit, more than one
 * range, a malformed one, or one whose end lies before its start.
 */
export function parseRange(header: string | undefined): RangeRequest | undefined {
  if (header === undefined) return undefined
  const match = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header)
  if (match === null) return undefined
  const [, first = '', last = ''] = match
  if (first === '') return POSITION.test(last) ? { kind: 'suffix', bytes: positionOf(last) } : undefined
  if (!POSITION.test(first) || (last !== '' && !POSITION.test(last))) return undefined
  const start = positionOf(first)
  const end = last === '' ? undefined : positionOf(last)
  if (end !== undefined && end < start) return undefined
  return { kind: 'from', start, end }
}

/** The bytes of an object of `size` that a range selects; undefined when none (416 `InvalidRange`). */
export function resolveRange(range: RangeRequest, size: number): ByteRange | undefined {
  if (range.kind === 'suffix') {
    if (range.bytes === 0 || size === 0) return undefined
    return { start: Math.max(0, size - range.bytes), end: size - 1 }
  }
  if (range.start >= size) return undefined
  return { start: range.start, end: Math.min(range.end ?? size - 1, size - 1) }
}

/** `Content-Range` of a 206. */
export function contentRange(range: ByteRange, size: number): string {
  return `bytes ${range.start}-${range.end}/${size}`
}

/** A position of any number of digits; no object reaches one that is not exact. */
function positionOf(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER)
}
