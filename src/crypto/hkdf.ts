import { HMAC_BYTES, hmacSha256 } from './hmac.ts'

/** RFC 5869 section 2.3: L <= 255 * HashLen. */
const OUTPUT_BYTES_MAX = 255 * HMAC_BYTES
const NO_SALT = Buffer.alloc(HMAC_BYTES)
// Reused between calls: all of this module is synchronous.
const pseudoRandomKey = Buffer.alloc(HMAC_BYTES)
const block = Buffer.alloc(HMAC_BYTES)

/**
 * HKDF-SHA256 (RFC 5869): extract-and-expand into the caller's buffer, which is filled to its end.
 *
 * HMAC keeps no copy of its key, and each intermediate digest is wiped here, so after the call the only secrets are
 * `inputKey` and `output`.
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
  // The block before, the info and a counter, which each block is made from (RFC 5869 section 2.3).
  const message = Buffer.allocUnsafe(HMAC_BYTES + info.length + 1)
  message.set(info, HMAC_BYTES)
  try {
    hmacSha256(pseudoRandomKey, salt.length === 0 ? NO_SALT : salt, inputKey)
    for (let offset = 0; offset < output.length; offset += HMAC_BYTES) {
      message[message.length - 1] = offset / HMAC_BYTES + 1
      hmacSha256(block, pseudoRandomKey, offset === 0 ? message.subarray(HMAC_BYTES) : message)
      output.set(block.subarray(0, output.length - offset), offset)
      message.set(block)
    }
  } finally {
    pseudoRandomKey.fill(0)
    block.fill(0)
    message.fill(0)
  }
}
