/** Where one member of an object lies: its name token, its value, and the segment between the separators. */
export interface MemberSpan {
  readonly name: string
  readonly nameStart: number
  readonly valueStart: number
  readonly valueEnd: number
  /** From behind `{` or `,` up to the next `,` or `}`: the member with the spacing around it. */
  readonly segmentStart: number
  readonly segmentEnd: number
}

/** Where one element of an array lies. */
export interface ElementSpan {
  readonly valueStart: number
  readonly valueEnd: number
  readonly segmentStart: number
  readonly segmentEnd: number
}

const QUOTE = 0x22
const COMMA = 0x2c
export const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
export const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const BACKSLASH = 0x5c

/**
 * Members of the object that starts at `start`. Every function here expects well-formed JSON: check the whole
 * document with `isJson` first.
 */
export function objectMembers(bytes: Uint8Array, start: number): MemberSpan[] {
  const members: MemberSpan[] = []
  let at = skipSpace(bytes, start + 1)
  let segmentStart = start + 1
  while (bytes[at] !== CLOSE_BRACE) {
    const nameStart = at
    const nameEnd = skipString(bytes, at)
    const valueStart = skipSpace(bytes, skipSpace(bytes, nameEnd) + 1)
    const valueEnd = skipValue(bytes, valueStart)
    const segmentEnd = skipSpace(bytes, valueEnd)
    members.push({
      name: JSON.parse(text(bytes, nameStart, nameEnd)) as string,
      nameStart,
      valueStart,
      valueEnd,
      segmentStart,
      segmentEnd,
    })
    if (bytes[segmentEnd] !== COMMA) break
    segmentStart = segmentEnd + 1
    at = skipSpace(bytes, segmentStart)
  }
  return members
}

/** Elements of the array that starts at `start`. */
export function arrayElements(bytes: Uint8Array, start: number): ElementSpan[] {
  const elements: ElementSpan[] = []
  let at = skipSpace(bytes, start + 1)
  let segmentStart = start + 1
  while (bytes[at] !== CLOSE_BRACKET) {
    const valueEnd = skipValue(bytes, at)
    const segmentEnd = skipSpace(bytes, valueEnd)
    elements.push({ valueStart: at, valueEnd, segmentStart, segmentEnd })
    if (bytes[segmentEnd] !== COMMA) break
    segmentStart = segmentEnd + 1
    at = skipSpace(bytes, segmentStart)
  }
  return elements
}

/** Index behind the value that starts at `start`; iterative, so depth costs no stack. */
export function skipValue(bytes: Uint8Array, start: number): number {
  let depth = 0
  let at = start
  do {
    const byte = bytes[at]
    if (byte === QUOTE) at = skipString(bytes, at)
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth++
      at++
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth--
      at++
    } else if (depth === 0) return skipScalar(bytes, at)
    else at++
  } while (depth > 0)
  return at
}

/** Index of the first byte at or behind `at` that is not JSON white space. */
export function skipSpace(bytes: Uint8Array, at: number): number {
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++
  return at
}

/** Whether the bytes are one JSON value in UTF-8 (RFC 8259). */
export function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
    return true
  } catch {
    return false
  }
}

/** The text of `bytes[start, end)`. */
export function text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8')
}

function skipString(bytes: Uint8Array, start: number): number {
  let at = start + 1
  while (bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1
  return at + 1
}

function skipScalar(bytes: Uint8Array, start: number): number {
  let at = start
  while (at < bytes.byteLength && /[-+.\w]/.test(String.fromCharCode(bytes[at]!))) at++
  return at
}
