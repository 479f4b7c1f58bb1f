import { createHmac, randomBytes } from 'node:crypto'
import { openssl } from './openssl.ts'

export const HMAC_BYTES = 32

/** Writes the HMAC-SHA256 (RFC 2104) of `message` to `output`, 32 bytes that `message` and `key` do not share. */
export type Hmac = (output: Uint8Array, key: Uint8Array, message: Uint8Array) => void

/** By node:crypto, which needs three objects for one value. */
export const nodeHmac: Hmac = (output, key, message) => {
  requireOutput(output)
  const digest = createHmac('sha256', key).update(message).digest()
  output.set(digest)
  digest.fill(0)
}

/**
 * By OpenSSL called directly; it wipes what it made of the key.
 *
 * @throws Error as `openssl` does
 */
export function directHmac(): Hmac {
  const library = openssl()
  const digest = library.fetchDigest(null, 'SHA256', null)
  if (digest === null) throw new Error('OpenSSL has no SHA-256')
  const written = new Uint32Array(1)
  return (output, key, message) => {
    requireOutput(output)
    if (!(key instanceof Uint8Array) || !(message instanceof Uint8Array))
      throw new TypeError('HMAC takes buffers')
    written[0] = 0
    const result = library.hmac(digest, key, key.length, message, message.length, output, written)
    if (result !== null && written[0] === HMAC_BYTES) return
    library.clearErrors()
    throw new Error('OpenSSL refused an HMAC')
  }
}

/** What this process uses: OpenSSL called directly where that works, else node:crypto. */
export const hmacSha256: Hmac = choose()

function choose(): Hmac {
  try {
    const direct = directHmac()
    const [one, other] = [new Uint8Array(HMAC_BYTES), new Uint8Array(HMAC_BYTES)]
    const agrees = [0, 1, 63, 64, 65, 200].every((length) => {
      const [key, message] = [randomBytes(length), randomBytes(200 - length)]
      direct(one, key, message)
      nodeHmac(other, key, message)
      return Buffer.compare(one, other) === 0
    })
    return agrees ? direct : nodeHmac
  } catch {
    return nodeHmac
  }
}

function requireOutput(output: Uint8Array): void {
  if (!(output instanceof Uint8Array) || output.length !== HMAC_BYTES)
    throw new RangeError('an HMAC-SHA256 has 32 bytes')
}
