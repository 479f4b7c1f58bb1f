import { createHmac } from 'node:crypto'

/** Output length of SHA-256, and so of every block of the expansion. */
const HASH_BYTES = 32
/** RFC 5869 section 2.3: L <= 255 * HashLen. */
const OUTPUT_BYTES_MAX = 255 * HASH_BYTES
const NO_SALT = Buffer.alloc(HASH_BYTES)

/**
 * HKDF-SHA256 (RFC 5869): extract-and-expand into the caller's buffer, which is filled to its end.
 *
 * OpenSSL's HMAC keeps no copy of its key once the digest is taken, and each intermediate digest is wiped here,
 * so after the call the only secrets are `inputKey` and `output`.
 *
 * @param output 1 to 8,160 bytes; should lie in secure memory. Must not overlap `inputKey`.
 * @param inputKey key material of at least one byte
 * @param salt empty for none (RFC 5869 section 2.2: then HashLen zeros)
 * @param info context that separates one purpose from another
 */
export function hkdfSha256(
  output: Uint8Array,
  inputKey: Uint8Array,
  salt: Uint8Array,
  info: Uint8Array,
): void {
  if (inputKey.length === 0) throw new RangeError('HKDF needs key material')
  if (output.length === 0 || output.length > OUTPUT_BYTES_MAX) {
    throw new RangeError(`HKDF output must have 1 to ${OUTPUT_BYTES_MAX} bytes`)
  }
  const pseudoRandomKey = createHmac('sha256', salt.length === 0 ? NO_SALT : salt)
    .update(inputKey)
    .digest()
  try {
    expand(output, pseudoRandomKey, info)
  } finally {
    pseudoRandomKey.fill(0)
  }
}

/** RFC 5869 section 2.3: T(i) = HMAC(PRK, T(i-1) | info | i). */
function expand(output: Uint8Array, pseudoRandomKey: Buffer, info: Uint8Array): void {
  const counter = new Uint8Array(1)
  let previous = Buffer.alloc(0)
  for (let offset = 0; offset < output.length; offset += HASH_BYTES) {
    counter[0] = offset / HASH_BYTES + 1
    const block = createHmac('sha256', pseudoRandomKey).update(previous).update(info).update(counter).digest()
    block.copy(output, offset, 0, Math.min(HASH_BYTES, output.length - offset))
    previous.fill(0)
    previous = block
  }
  previous.fill(0)
}
