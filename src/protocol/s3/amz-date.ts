import { Remembered } from './remembered.ts'

// Requests of one second share their timestamp.
const timestamps = new Remembered<string>()
const instants = new Remembered<number>()

/** `yyyyMMdd'T'HHmmss'Z'` for milliseconds since the epoch. */
export function amzTimestamp(epochMs: number): string {
  const second = String(Math.floor(epochMs / 1000))
  return timestamps.get(second) ?? timestamps.keep(second, writeTimestamp(epochMs))
}

/** Milliseconds since the epoch of a `yyyyMMdd'T'HHmmss'Z'` timestamp; undefined unless it is a real instant. */
export function parseAmzTimestamp(text: string): number | undefined {
  const known = instants.get(text)
  if (known !== undefined) return known
  const epochMs = parse(text)
  return epochMs === undefined ? undefined : instants.keep(text, epochMs)
}

function writeTimestamp(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/[-:]|\.\d{3}/g, '')
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
