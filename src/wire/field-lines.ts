import type { RawHeaders } from './raw-headers.ts'

/** Name, and the value without the white space around it (RFC 9110 section 5.5, RFC 9112 section 5). */
const FIELD =
  /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*(?:([\x21-\x7e\x80-\xff]+(?:[\t ]+[\x21-\x7e\x80-\xff]+)*)[\t ]*)?$/

/** Reads lines, from the one at `first`, as header fields; undefined where one is not well-formed. */
export function fieldsOf(lines: readonly string[], first: number): RawHeaders | undefined {
  const headers: RawHeaders = []
  for (let index = first; index < lines.length; index += 1) {
    const field = FIELD.exec(lines[index]!)
    if (field === null) return undefined
    headers.push(field[1]!, field[2] ?? '')
  }
  return headers
}
