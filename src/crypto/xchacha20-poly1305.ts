import sodium from 'sodium-native'
import { writeNonce } from './random.ts'

export const XCHACHA_KEY_BYTES = 32
const NONCE_BYTES = 24
const TAG_BYTES = 16
/** Nonce in front, tag behind. */
export const XCHACHA_OVERHEAD_BYTES = NONCE_BYTES + TAG_BYTES

// libsodium wants a view of exactly the nonce; one that is filled anew costs less than a view per call.
const nonce = Buffer.alloc(NONCE_BYTES)

/** XChaCha20-Poly1305 with a random nonce (draft-irtf-cfrg-xchacha-03): writes nonce, ciphertext, tag. */
export function xchachaSeal(
  sealed: Buffer,
  at: number,
  source: Uint8Array,
  start: number,
  end: number,
  aad: Uint8Array,
  key: Uint8Array,
): void {
  writeNonce(nonce, 0, NONCE_BYTES)
  for (let i = 0; i < NONCE_BYTES; i++) sealed[at + i] = nonce[i]!
  const from = at + NONCE_BYTES
  sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
    sealed.subarray(from, from + (end - start) + TAG_BYTES),
    source.subarray(start, end) as Buffer,
    aad as Buffer,
    null,
    nonce,
    key as Buffer,
  )
}

/** Opens what `xchachaSeal` wrote to `sealed[at, until)`; false, and `target` zeroed, when the tag does not verify. */
export function xchachaOpen(
  target: Buffer,
  targetAt: number,
  sealed: Buffer,
  at: number,
  until: number,
  aad: Uint8Array,
  key: Uint8Array,
): boolean {
  if (key.length !== XCHACHA_KEY_BYTES) throw new RangeError('XChaCha20-Poly1305 needs a key of 32 bytes')
  const from = at + NONCE_BYTES
  for (let i = 0; i < NONCE_BYTES; i++) nonce[i] = sealed[at + i]!
  const plaintext = target.subarray(targetAt, targetAt + (until - from - TAG_BYTES))
  if (plaintext.length !== until - from - TAG_BYTES) throw new RangeError('the target is too short')
  try {
    sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
      plaintext,
      null,
      sealed.subarray(from, until),
      aad as Buffer,
      nonce,
      key as Buffer,
    )
    return true
  } catch {
    return false
  }
}
