import { AwsError } from '../aws-error.ts'
import type { Input } from './input.ts'

/** One page of a list (`Limit`, `Marker`, `Truncated`, `NextMarker`); the marker is an offset. */
export function page(
  input: Input,
  items: readonly unknown[],
  member: string,
  limitDefault: number,
  limitMax: number,
): Record<string, unknown> {
  const limit = input.integer('Limit', 1, limitMax) ?? limitDefault
  const marker = input.text('Marker', { min: 1, max: 1024 })
  let start = 0
  if (marker !== undefined) {
    start = Number(Buffer.from(marker, 'base64url').toString('latin1'))
    if (!Number.isInteger(start) || start < 0) throw new AwsError('InvalidMarkerException', 'Invalid marker')
  }
  const end = start + limit
  const truncated = end < items.length
  return {
    [member]: items.slice(start, end),
    NextMarker: truncated ? Buffer.from(String(end)).toString('base64url') : undefined,
    Truncated: truncated,
  }
}
