const BACKSLASH = 0x5c
const LOWER_U = 0x75

/** Byte that a two-character escape stands for. */
const SHORT_ESCAPES = new Uint8Array(128)
for (const [written, meant] of ['""', '\\\\', '//', 'b\b', 'f\f', 'n\n', 'r\r', 't\t']) {
  SHORT_ESCAPES[written!.charCodeAt(0)] = meant!.charCodeAt(0)
}

/**
 * Writes the UTF-8 bytes that the content of a JSON string, `source[start, end)`, stands for to `target` and
 * returns how many they are: never more than were read. The content must be of valid form already.
 * A surrogate that has no partner is written in three bytes (WTF-8), so that different names stay different.
 */
export function unescapeString(source: Uint8Array, start: number, end: number, target: Uint8Array): number {
  let length = 0
  let at = start
  while (at < end) {
    const byte = source[at]!
    if (byte !== BACKSLASH) {
      target[length++] = byte
      at++
      continue
    }
    const kind = source[at + 1]!
    if (kind !== LOWER_U) {
      target[length++] = SHORT_ESCAPES[kind]!
      at += 2
      continue
    }
    let codePoint = hexUnit(source, at + 2)
    at += 6
    if (
      isHighSurrogate(codePoint) &&
      source[at] === BACKSLASH &&
      source[at + 1] === LOWER_U &&
      at + 6 <= end
    ) {
      const low = hexUnit(source, at + 2)
      if (low >= 0xdc00 && low <= 0xdfff) {
        codePoint = 0x10000 + ((codePoint - 0xd800) << 10) + (low - 0xdc00)
        at += 6
      }
    }
    length = writeCodePoint(target, length, codePoint)
  }
  return length
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

function hexUnit(source: Uint8Array, at: number): number {
  let unit = 0
  for (let index = at; index < at + 4; index++) {
    const byte = source[index]!
    unit = (unit << 4) | (byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57)
  }
  return unit
}

function writeCodePoint(target: Uint8Array, from: number, codePoint: number): number {
  let at = from
  if (codePoint < 0x80) {
    target[at++] = codePoint
    return at
  }
  if (codePoint < 0x800) {
    target[at++] = 0xc0 | (codePoint >> 6)
  } else {
    if (codePoint < 0x10000) {
      target[at++] = 0xe0 | (codePoint >> 12)
    } else {
      target[at++] = 0xf0 | (codePoint >> 18)
      target[at++] = 0x80 | ((codePoint >> 12) & 0x3f)
    }
    target[at++] = 0x80 | ((codePoint >> 6) & 0x3f)
  }
  target[at++] = 0x80 | (codePoint & 0x3f)
  return at
}
