import { GCM_TAG_BYTES } from './gcm.ts'
import { gcmEngine } from './gcm-engine.ts'

/** AES-256-GCM (NIST SP 800-38D) of one message with a 12-byte nonce. Writes ciphertext and tag to `target` at `at`. */
export function gcmSeal(
  target: Buffer,
  at: number,
  plaintext: Uint8Array,
  aad: Uint8Array,
  nonce: Uint8Array,
  key: Uint8Array,
): void {
  const tagAt = at + plaintext.length
  if (target.length - tagAt < GCM_TAG_BYTES) throw new RangeError('the target is too short')
  target.set(plaintext, at)
  const cipher = gcmEngine.sealing(key)
  try {
    cipher.begin(nonce, aad)
    cipher.update(target.subarray(at, tagAt))
    cipher.end(target.subarray(tagAt, tagAt + GCM_TAG_BYTES))
  } finally {
    cipher.free()
  }
}

/** Opens ciphertext and tag into `target` at `at`; false, and zeros there, when the tag does not verify. */
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
  const opened = target.subarray(at, at + tagAt)
  opened.set(sealed.subarray(0, tagAt))
  const cipher = gcmEngine.opening(key)
  let verified = false
  try {
    cipher.begin(nonce, aad)
    cipher.update(opened)
    verified = cipher.end(sealed.subarray(tagAt))
    return verified
  } finally {
    if (!verified) opened.fill(0)
    cipher.free()
  }
}
