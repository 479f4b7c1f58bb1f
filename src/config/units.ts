const DURATION_UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

const SIZE_UNITS_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1_000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  KiB: 1_024,
  MiB: 1_048_576,
  GiB: 1_073_741_824,
}

/** Milliseconds of `250`, `"250ms"`, `"5s"`, `"1.5m"`, `"12h"`, `"1d"`; undefined when it is none of these. */
export function parseDuration(value: unknown): number | undefined {
  return parseQuantity(value, DURATION_UNITS_MS)
}

/** Bytes of `4096`, `"64KiB"`, `"16MiB"`, `"10MB"`, `"1GiB"`; undefined when it is none of these. */
export function parseSize(value: unknown): number | undefined {
  return parseQuantity(value, SIZE_UNITS_BYTES)
}

/** The shortest exact notation of a duration: `5s`, `1500ms`. */
export function formatDuration(milliseconds: number): string {
  return formatQuantity(milliseconds, ['d', 'h', 'm', 's', 'ms'], DURATION_UNITS_MS)
}

/** The shortest exact notation of a size: `16MiB`, `1000B`. */
export function formatSize(bytes: number): string {
  return formatQuantity(bytes, ['GiB', 'MiB', 'KiB', 'B'], SIZE_UNITS_BYTES)
}

function parseQuantity(value: unknown, units: Readonly<Record<string, number>>): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined
  if (typeof value !== 'string') return undefined
  const match = /^(\d{1,15}(?:\.\d{1,6})?) ?([A-Za-z]{1,3})$/.exec(value)
  if (match === null || !Object.hasOwn(units, match[2]!)) return undefined
  const amount = Number(match[1]) * units[match[2]!]!
  return Number.isSafeInteger(amount) ? amount : undefined
}

function formatQuantity(
  amount: number,
  names: readonly string[],
  units: Readonly<Record<string, number>>,
): string {
  for (const name of names) {
    const unit = units[name]!
    if (amount >= unit && amount % unit === 0) return `${amount / unit}${name}`
  }
  return `${amount}${names.at(-1)!}`
}
