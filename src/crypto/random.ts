import { randomFillSync } from 'node:crypto'

/** Refilled at once: one call into the generator costs as much as about a hundred copies out of the pool. */
const POOL_BYTES = 8192
/** Anything longer is drawn directly. */
const POOLED_BYTES_MAX = 64

const pool = Buffer.allocUnsafeSlow(POOL_BYTES)
let position = POOL_BYTES

/**
 * Writes fresh random bytes for a nonce or a salt into `target` at `offset`, without allocating.
 * Bytes of the pool are given out once and overwritten. Not for keys: the pool is ordinary memory.
 *
 * @param length 1 to 64 bytes
 */
export function writeNonce(target: Buffer, offset: number, length: number): void {
  if (length < 1 || length > POOLED_BYTES_MAX || offset < 0 || offset + length > target.length) {
    throw new RangeError('a nonce has 1 to 64 bytes and must fit its target')
  }
  if (position + length > POOL_BYTES) {
    randomFillSync(pool)
    position = 0
  }
  // So few bytes move faster here than by a call into native code.
  for (let i = 0; i < length; i++, position++) {
    target[offset + i] = pool[position]!
    pool[position] = 0
  }
}

/** Fills `target` from the operating system's seeded generator with no copy left elsewhere: for key material. */
export function fillRandom(target: Uint8Array): void {
  randomFillSync(target)
}
