/**
 * Puts a tenant key into a KMS request body and takes it out of a response body byte by byte. Left to the SDK it
 * would pass through JavaScript strings, which nobody can wipe; here the SDK only ever sees zeros in its place.
 */

/** What the SDK serializes instead of the key: as many zero bytes. */
export const PLACEHOLDER_BYTES = 32
/** Base64 of 32 bytes: 42 full symbols, one that carries 4 bits, one pad. */
const BASE64_LENGTH = 44
const PLACEHOLDER = `"Plaintext":"${'A'.repeat(43)}="`
const VALUE_OFFSET = '"Plaintext":"'.length
const MEMBER = Buffer.from('"Plaintext"')
const QUOTE = 0x22
const COLON = 0x3a
const PAD = 0x3d
const ZERO_SYMBOL = 0x41
/** On a buffer of its own: V8 keeps small arrays in its heap, and where it copies those the bytes stay behind. */
const decoded = new Uint8Array(new ArrayBuffer(PLACEHOLDER_BYTES + 1))

/** Replaces the placeholder in a serialized request body by the base64 of `plaintext`. The caller wipes the result. */
export function insertPlaintext(body: string | Uint8Array, plaintext: Uint8Array): Buffer {
  if (plaintext.length !== PLACEHOLDER_BYTES) throw new RangeError('a tenant key has 32 bytes')
  const spliced = typeof body === 'string' ? Buffer.from(body) : Buffer.copyBytesFrom(body)
  const at = spliced.indexOf(PLACEHOLDER, 0, 'latin1')
  if (at < 0) throw new Error('the request body has no place for the plaintext')
  encode(plaintext, spliced, at + VALUE_OFFSET)
  return spliced
}

/**
 * Moves the plaintext out of a response body into `target` and leaves zeros (in base64) behind.
 * False, with `target` untouched, when the body has no 32-byte plaintext.
 */
export function extractPlaintext(body: Buffer, target: Uint8Array): boolean {
  let at = body.indexOf(MEMBER)
  if (at < 0) return false
  at = skipSpace(body, at + MEMBER.length)
  if (body[at] !== COLON) return false
  at = skipSpace(body, at + 1)
  if (body[at] !== QUOTE || body[at + 1 + BASE64_LENGTH] !== QUOTE) return false
  const value = body.subarray(at + 1, at + 1 + BASE64_LENGTH)
  const valid = decode(value, target)
  value.fill(ZERO_SYMBOL, 0, BASE64_LENGTH - 1)
  return valid
}

function skipSpace(body: Buffer, from: number): number {
  let at = from
  while (body[at] === 0x20 || body[at] === 0x0a || body[at] === 0x0d || body[at] === 0x09) at += 1
  return at
}

function encode(bytes: Uint8Array, target: Buffer, offset: number): void {
  let at = offset
  for (let index = 0; index < 30; index += 3) {
    const group = (bytes[index]! << 16) | (bytes[index + 1]! << 8) | bytes[index + 2]!
    target[at++] = symbol(group >>> 18)
    target[at++] = symbol((group >>> 12) & 63)
    target[at++] = symbol((group >>> 6) & 63)
    target[at++] = symbol(group & 63)
  }
  const last = (bytes[30]! << 16) | (bytes[31]! << 8)
  target[at++] = symbol(last >>> 18)
  target[at++] = symbol((last >>> 12) & 63)
  target[at++] = symbol((last >>> 6) & 63)
  target[at] = PAD
}

function decode(text: Buffer, target: Uint8Array): boolean {
  if (target.length !== PLACEHOLDER_BYTES || text[BASE64_LENGTH - 1] !== PAD) return false
  try {
    for (let at = 0, index = 0; at < BASE64_LENGTH; at += 4, index += 3) {
      let group = 0
      for (let digit = 0; digit < 4; digit += 1) {
        const value = at + digit === BASE64_LENGTH - 1 ? 0 : sextet(text[at + digit]!)
        if (value < 0) return false
        group = (group << 6) | value
      }
      decoded[index] = group >>> 16
      decoded[index + 1] = (group >>> 8) & 255
      decoded[index + 2] = group & 255
    }
    if (decoded[PLACEHOLDER_BYTES] !== 0) return false
    target.set(decoded.subarray(0, PLACEHOLDER_BYTES))
    return true
  } finally {
    decoded.fill(0)
  }
}

function symbol(sextet: number): number {
  if (sextet < 26) return 65 + sextet
  if (sextet < 52) return 71 + sextet
  if (sextet < 62) return sextet - 4
  return sextet === 62 ? 43 : 47
}

function sextet(symbol: number): number {
  if (symbol >= 65 && symbol <= 90) return symbol - 65
  if (symbol >= 97 && symbol <= 122) return symbol - 71
  if (symbol >= 48 && symbol <= 57) return symbol + 4
  if (symbol === 43) return 62
  return symbol === 47 ? 63 : -1
}
