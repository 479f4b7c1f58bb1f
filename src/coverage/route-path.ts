import { PortcullisError } from '../errors.ts'

/** Segments a path may have. */
const SEGMENTS_MAX = 64

// RFC 3986: unreserved, sub-delims, ":" and "@"; ";" is left out because servlet stores cut segments there
const PLAIN = new Uint8Array(128)
for (const character of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,=:@") {
  PLAIN[character.charCodeAt(0)] = 1
}
const SLASH = 0x2f
const PERCENT = 0x25
const DOT = 0x2e
/** What a store could take for a separator, a parameter, an end or another layer of encoding. */
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const AMBIGUOUS = /[/\\;\u0000-\u001f\u007f]|%[0-9a-f]{2}/i

/**
 * Splits a raw request path into decoded segments. Refuses (`request-malformed`) every path that a store might
 * resolve to another one: empty and dot segments, encoded slashes, backslashes, path parameters, double encoding,
 * control characters, invalid escapes or UTF-8, raw characters that a URI cannot have.
 */
export function splitPath(rawPath: string): string[] {
  if (rawPath.charCodeAt(0) !== SLASH) throw ambiguous('does not start with a slash')
  const segments: string[] = []
  if (rawPath.length === 1) return segments
  let start = 1
  let encoded = false
  for (let at = 1; at <= rawPath.length; at++) {
    const code = at === rawPath.length ? SLASH : rawPath.charCodeAt(at)
    if (code === SLASH) {
      const segment = rawPath.slice(start, at)
      segments.push(encoded ? decode(segment) : checkDots(segment))
      if (segments.length > SEGMENTS_MAX) throw ambiguous('has too many segments')
      start = at + 1
      encoded = false
    } else if (code === PERCENT) encoded = true
    else if (code > 127 || PLAIN[code] === 0)
      throw ambiguous('has a character that has to be percent-encoded')
  }
  return segments
}

function checkDots(segment: string): string {
  if (segment.length === 0) throw ambiguous('has an empty segment')
  if (segment.charCodeAt(0) === DOT && (segment === '.' || segment === '..'))
    throw ambiguous('has a dot segment')
  return segment
}

function decode(segment: string): string {
  let decoded: string
  try {
    decoded = decodeURIComponent(segment)
  } catch {
    throw ambiguous('has an invalid percent-encoding')
  }
  if (AMBIGUOUS.test(decoded)) throw ambiguous('has an encoded separator, control character or encoding')
  return checkDots(decoded)
}

function ambiguous(reason: string): PortcullisError {
  return new PortcullisError('request-malformed', `The path ${reason}.`)
}
