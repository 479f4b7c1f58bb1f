import { aessiv } from '@noble/ciphers/aes.js'

/** Two AES-256 keys (RFC 5297 section 2.2). */
export const SIV_KEY_BYTES = 64
/** The synthetic initialization vector, in front of the ciphertext, is the tag. */
export const SIV_TAG_BYTES = 16

/** AES-SIV (RFC 5297) with one associated-data string and no nonce: writes synthetic IV, ciphertext. */
export function sivSeal(
  sealed: Buffer,
  at: number,
  source: Uint8Array,
  start: number,
  end: number,
  aad: Uint8Array,
  key: Uint8Array,
): void {
  requireKey(key)
  sealed.set(aessiv(key, aad).encrypt(source.subarray(start, end)), at)
}

/** Opens what `sivSeal` wrote to `sealed[at, until)`; false, and `target` untouched, when it does not verify. */
export function sivOpen(
  target: Buffer,
  targetAt: number,
  sealed: Buffer,
  at: number,
  until: number,
  aad: Uint8Array,
  key: Uint8Array,
): boolean {
  requireKey(key)
  if (target.length - targetAt < until - at - SIV_TAG_BYTES) throw new RangeError('the target is too short')
  let plaintext: Uint8Array
  try {
    plaintext = aessiv(key, aad).decrypt(sealed.subarray(at, until))
  } catch {
    return false
  }
  target.set(plaintext, targetAt)
  plaintext.fill(0)
  return true
}

/** noble also takes 32 and 48 bytes, for AES-128 and AES-192; those are no suite of ours. */
function requireKey(key: Uint8Array): void {
  if (key.length !== SIV_KEY_BYTES) throw new RangeError('AES-SIV needs a key of 64 bytes')
}
