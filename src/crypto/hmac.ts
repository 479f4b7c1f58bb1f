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

// Takes the place of a key that has been used. A shorter key is padded with zeros (RFC 2104), so an empty one is this.
const NO_KEY = new Uint8Array(HMAC_BYTES)

/**
 * By OpenSSL called directly, through one context that is there for all: what it made of a key is overwritten with the
 * end of the call.
 *
 * @throws Error as `openssl` does
 */
export function directHmac(): Hmac {
  const library = openssl()
  const { mac } = library
  const context = mac.newHmacSha256()
  if (context === null) throw new Error('OpenSSL has no HMAC-SHA256')
  return (output, key, message) => {
    requireOutput(output)
    if (!(key instanceof Uint8Array) || !(message instanceof Uint8Array))
      throw new TypeError('HMAC takes buffers')
    // OpenSSL takes a null pointer, which an empty buffer may be, for the key before.
    const used = key.length === 0 ? NO_KEY : key
    const succeeded =
      mac.init(context, used, used.length, null) === 1 &&
      mac.update(context, message, message.length) === 1 &&
      mac.final(context, output, null, HMAC_BYTES) === 1
    const isWiped = mac.init(context, NO_KEY, HMAC_BYTES, null) === 1
    if (succeeded && isWiped) return
    library.clearErrors()
    output.fill(0)
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
