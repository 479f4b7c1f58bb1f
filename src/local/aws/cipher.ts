import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'

const SALT_BYTES = 16
const NONCE_BYTES = 12
const TAG_BYTES = 16

function derivedKey(material: Uint8Array, salt: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', material, salt, 'local-aws/aes-256-gcm', 32))
}

/**
 * AES-256-GCM under a key derived from `material` (32 bytes) with a random salt, so one key material may
 * serve any number of calls. Output: salt 16, nonce 12, ciphertext, tag 16.
 */
export function seal(material: Uint8Array, plaintext: Uint8Array, associatedData: Uint8Array): Buffer {
  const salt = randomBytes(SALT_BYTES)
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', derivedKey(material, salt), nonce)
  cipher.setAAD(associatedData)
  return Buffer.concat([salt, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** Inverse of {@link seal}; undefined when `sealed` does not authenticate. */
export function unseal(
  material: Uint8Array,
  sealed: Uint8Array,
  associatedData: Uint8Array,
): Buffer | undefined {
  if (sealed.length < SALT_BYTES + NONCE_BYTES + TAG_BYTES) return undefined
  const salt = sealed.subarray(0, SALT_BYTES)
  const nonce = sealed.subarray(SALT_BYTES, SALT_BYTES + NONCE_BYTES)
  const tag = sealed.subarray(sealed.length - TAG_BYTES)
  const decipher = createDecipheriv('aes-256-gcm', derivedKey(material, salt), nonce, {
    authTagLength: TAG_BYTES,
  })
  decipher.setAAD(associatedData)
  decipher.setAuthTag(tag)
  try {
    return Buffer.concat([
      decipher.update(sealed.subarray(SALT_BYTES + NONCE_BYTES, sealed.length - TAG_BYTES)),
      decipher.final(),
    ])
  } catch {
    return undefined
  }
}

/**
 * Encryption context as associated data: pairs sorted by name, each part length-prefixed (u32, big endian),
 * so that no two contexts share an encoding.
 */
export function encodeEncryptionContext(context: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = []
  for (const name of Object.keys(context).sort()) {
    for (const text of [name, context[name] ?? '']) {
      const bytes = Buffer.from(text, 'utf8')
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      parts.push(length, bytes)
    }
  }
  return Buffer.concat(parts)
}

/** SHA-256 as hex. */
export function sha256Hex(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}
