/** `yyyyMMdd'T'HHmmss'Z'` for milliseconds since the epoch. */
export function amzTimestamp(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/[-:]|\.\d{3}/g, '')
}

/** Milliseconds since the epoch of a `yyyyMMdd'T'HHmmss'Z'` timestamp; undefined unless it is a real instant. */
export function parseAmzTimestamp(text: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text)
  if (match === null) return undefined
  const [, year, month, day, hour, minute, second] = match
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`
  const epochMs = Date.parse(iso)
  return Number.isNaN(epochMs) || new Date(epochMs).toISOString() !== iso ? undefined : epochMs
}
