import { createCipheriv, createDecipheriv } from 'node:crypto'

export const GCM_TAG_BYTES = 16
const OPTIONS = { authTagLength: GCM_TAG_BYTES }

/**
 * AES-256-GCM (NIST SP 800-38D) of one message with a 12-byte nonce. Writes ciphertext and tag to `target` at `at`.
 * The key comes raw out of secure memory: a KeyObject would leave a copy for the garbage collector, and is no faster.
 */
export function gcmSeal(
  target: Buffer,
  at: number,
  plaintext: Uint8Array,
  aad: Uint8Array,
  nonce: Uint8Array,
  key: Uint8Array,
): void {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, OPTIONS)
  cipher.setAAD(aad)
  const bytes = cipher.update(plaintext).copy(target, at)
  cipher.final()
  cipher.getAuthTag().copy(target, at + bytes)
}

/** Opens ciphertext and tag into `target` at `at`; false, and `target` untouched, when the tag does not verify. */
export function gcmOpen(
  target: Buffer,
  at: number,
  sealed: Uint8Array,
  aad: Uint8Array,
  nonce: Uint8Array,
  key: Uint8Array,
): boolean {
  const tagAt = sealed.length - GCM_TAG_BYTES
  if (tagAt < 0) return false
  if (target.length - at < tagAt) throw new RangeError('the target is too short')
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, OPTIONS)
  decipher.setAAD(aad)
  decipher.setAuthTag(sealed.subarray(tagAt))
  const plaintext = decipher.update(sealed.subarray(0, tagAt))
  try {
    decipher.final()
    plaintext.copy(target, at)
    return true
  } catch {
    return false
  } finally {
    plaintext.fill(0)
  }
}
