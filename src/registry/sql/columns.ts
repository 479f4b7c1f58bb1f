import type { SqlRow } from './statement.ts'

/** A text column. Throws `TypeError` for anything else: a damaged registry is refused rather than half read. */
export function text(row: SqlRow, column: string): string {
  const value = row[column]
  if (typeof value !== 'string') throw damaged(column)
  return value
}

/** A text column that may be null. */
export function textOrNull(row: SqlRow, column: string): string | null {
  return row[column] === null ? null : text(row, column)
}

/** An integer column. */
export function integer(row: SqlRow, column: string): number {
  const value = row[column]
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw damaged(column)
  return value
}

/** A column with one of a few values. */
export function oneOf<Value extends string>(values: readonly Value[], row: SqlRow, column: string): Value {
  const value = values.find((candidate) => candidate === row[column])
  if (value === undefined) throw new TypeError(`the registry holds an unknown ${column}`)
  return value
}

/** A column of bytes. */
export function bytes(row: SqlRow, column: string): Uint8Array {
  const value = row[column]
  if (!(value instanceof Uint8Array)) throw damaged(column)
  return value
}

/** A list of texts, kept as JSON. */
export function texts(row: SqlRow, column: string): string[] {
  const value = JSON.parse(text(row, column)) as unknown
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) throw damaged(column)
  return value as string[]
}

function damaged(column: string): TypeError {
  return new TypeError(`the registry holds a damaged ${column}`)
}
