import { createCipheriv } from 'node:crypto'
import { gcmOpen, gcmSeal } from './aes-256-gcm.ts'
import { GCM_TAG_BYTES } from './gcm.ts'
import { writeNonce } from './random.ts'

export const XAES_KEY_BYTES = 32
const NONCE_BYTES = 24
const HALF_BYTES = 12
const BLOCK_BYTES = 16
/** Nonce in front, tag behind. */
export const XAES_OVERHEAD_BYTES = NONCE_BYTES + GCM_TAG_BYTES

const ZERO_BLOCK = Buffer.alloc(BLOCK_BYTES)

// Reused between calls: all of this module is synchronous.
const messages = Buffer.alloc(2 * BLOCK_BYTES)
const gcmNonce = Buffer.alloc(HALF_BYTES)

/** XAES-256-GCM (C2SP) with a random nonce: writes nonce, ciphertext, tag. */
export function xaesSeal(
  sealed: Buffer,
  at: number,
  source: Uint8Array,
  start: number,
  end: number,
  aad: Uint8Array,
  key: Uint8Array,
): void {
  writeNonce(sealed, at, NONCE_BYTES)
  const gcmKey = deriveKey(key, sealed, at)
  try {
    gcmSeal(sealed, at + NONCE_BYTES, source.subarray(start, end), aad, gcmNonce, gcmKey)
  } finally {
    gcmKey.fill(0)
  }
}

/** Opens what `xaesSeal` wrote to `sealed[at, until)`; false, and `target` untouched, when the tag does not verify. */
export function xaesOpen(
  target: Buffer,
  targetAt: number,
  sealed: Buffer,
  at: number,
  until: number,
  aad: Uint8Array,
  key: Uint8Array,
): boolean {
  const gcmKey = deriveKey(key, sealed, at)
  try {
    return gcmOpen(target, targetAt, sealed.subarray(at + NONCE_BYTES, until), aad, gcmNonce, gcmKey)
  } finally {
    gcmKey.fill(0)
  }
}

/**
 * The key of one message (C2SP XAES-256-GCM, steps 1 to 6) from the nonce at `nonce[at]`; leaves the nonce of
 * AES-256-GCM in `gcmNonce`. The cipher object is finished at once, so that OpenSSL wipes its key schedule.
 */
function deriveKey(key: Uint8Array, nonce: Buffer, at: number): Buffer {
  const cipher = createCipheriv('aes-256-ecb', key, null)
  cipher.setAutoPadding(false)
  const subkey = cipher.update(ZERO_BLOCK)
  doubleInField(subkey)
  for (let counter = 1; counter <= 2; counter++) {
    const block = (counter - 1) * BLOCK_BYTES
    messages[block] = 0
    messages[block + 1] = counter
    messages[block + 2] = 0x58
    messages[block + 3] = 0
    nonce.copy(messages, block + 4, at, at + HALF_BYTES)
    for (let i = 0; i < BLOCK_BYTES; i++) messages[block + i]! ^= subkey[i]!
  }
  const derived = cipher.update(messages)
  cipher.final()
  subkey.fill(0)
  messages.fill(0)
  nonce.copy(gcmNonce, 0, at + HALF_BYTES, at + NONCE_BYTES)
  return derived
}

/** Multiplies by x in GF(2^128) in constant time (NIST SP 800-38B section 6.1). */
function doubleInField(block: Buffer): void {
  const carry = block[0]! >>> 7
  for (let i = 0; i < BLOCK_BYTES - 1; i++) block[i] = (block[i]! << 1) | (block[i + 1]! >>> 7)
  block[BLOCK_BYTES - 1] = (block[BLOCK_BYTES - 1]! << 1) ^ (carry * 0x87)
}
