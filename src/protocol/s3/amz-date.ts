// Requests of one second share their timestamp.
let lastSecond = Number.NaN
let lastTimestamp = ''
let lastParsed = ''
let lastParsedMs = Number.NaN

/** `yyyyMMdd'T'HHmmss'Z'` for milliseconds since the epoch. */
export function amzTimestamp(epochMs: number): string {
  const second = Math.floor(epochMs / 1000)
  if (second !== lastSecond) {
    lastTimestamp = new Date(epochMs).toISOString().replace(/[-:]|\.\d{3}/g, '')
    lastSecond = second
  }
  return lastTimestamp
}

/** Milliseconds since the epoch of a `yyyyMMdd'T'HHmmss'Z'` timestamp; undefined unless it is a real instant. */
export function parseAmzTimestamp(text: string): number | undefined {
  if (text === lastParsed) return lastParsedMs
  const epochMs = parse(text)
  if (epochMs === undefined) return undefined
  lastParsed = text
  lastParsedMs = epochMs
  return epochMs
}

function parse(text: string): number | undefined {
  if (!/^\d{8}T\d{6}Z$/.test(text)) return undefined
  const part = (from: number, to: number): number => Number(text.slice(from, to))
  const [year, month, day] = [part(0, 4), part(4, 6), part(6, 8)]
  const [hour, minute, second] = [part(9, 11), part(11, 13), part(13, 15)]
  const epochMs = Date.UTC(year, month - 1, day, hour, minute, second)
  // A day or hour that does not exist would silently become another one.
  const date = new Date(epochMs)
  const real = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && date.getUTCHours() === hour
  return real && minute < 60 && second < 60 ? epochMs : undefined
}
