import { hkdfSha256 } from '../crypto/hkdf.ts'

/** Bytes of a tenant key's identifier. */
export const KEY_ID_BYTES = 16
/** Bytes of a tenant key. */
export const TENANT_KEY_BYTES = 32

const INFO = Buffer.from('portcullis/key-id/v1')
const NO_SALT = new Uint8Array(0)
const HEX = /^[0-9a-f]{32}$/

/** Identifiers that share one buffer: each in a buffer of its own takes ten times its length. */
const IDS_PER_SLAB = 64
let slab = new Uint8Array(0)
let slabBytesUsed = 0

/** The identifier of a tenant key: derived from the key itself, so it commits to it. */
export function deriveKeyId(tenantKey: Uint8Array): Uint8Array {
  const id = placeInSlab()
  hkdfSha256(id, tenantKey, NO_SALT, INFO)
  return id
}

function placeInSlab(): Uint8Array {
  if (slabBytesUsed === slab.length) {
    slab = new Uint8Array(IDS_PER_SLAB * KEY_ID_BYTES)
    slabBytesUsed = 0
  }
  slabBytesUsed += KEY_ID_BYTES
  return slab.subarray(slabBytesUsed - KEY_ID_BYTES, slabBytesUsed)
}

/** A key identifier as 32 lower-case hex digits. */
export function keyIdToHex(id: Uint8Array, offset = 0): string {
  return Buffer.copyBytesFrom(id, offset, KEY_ID_BYTES).toString('hex')
}

/** The 16 bytes of a hexadecimal key identifier, or undefined when it is not one. */
export function keyIdFromHex(hex: string): Uint8Array | undefined {
  return HEX.test(hex) ? Uint8Array.from(Buffer.from(hex, 'hex')) : undefined
}

/** True when `bytes` holds `id` at `offset`. */
export function isKeyIdAt(id: Uint8Array, bytes: Uint8Array, offset: number): boolean {
  for (let index = 0; index < KEY_ID_BYTES; index += 1) {
    if (id[index] !== bytes[offset + index]) return false
  }
  return true
}
