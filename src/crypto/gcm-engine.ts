import { randomBytes } from 'node:crypto'
import type { GcmEngine } from './gcm.ts'
import { GCM_KEY_BYTES, GCM_NONCE_BYTES, GCM_TAG_BYTES } from './gcm.ts'
import { nodeGcm } from './node-gcm.ts'
import { opensslGcm } from './openssl-gcm.ts'

/** Around blocks, around what is enciphered eight blocks at a time, and a frame. */
const SAMPLE_BYTES = [0, 1, 15, 16, 17, 127, 128, 129, 65_536]

/** What this process seals and opens with: OpenSSL called directly where that works, else node:crypto. */
export const gcmEngine: GcmEngine = choose()

function choose(): GcmEngine {
  try {
    const direct = opensslGcm()
    return agree(direct, nodeGcm) ? direct : nodeGcm
  } catch {
    // Not installed, or node was built without these symbols: slower, and otherwise the same.
    return nodeGcm
  }
}

/** True when both make the same of several messages, open each other's, and refuse what was changed. */
export function agree(engine: GcmEngine, reference: GcmEngine): boolean {
  const key = randomBytes(GCM_KEY_BYTES)
  const [sealing, known] = [engine.sealing(key), reference.sealing(key)]
  const [opening, knownOpening] = [engine.opening(key), reference.opening(key)]
  try {
    return SAMPLE_BYTES.every((length) => {
      const [nonce, aad, message] = [
        randomBytes(GCM_NONCE_BYTES),
        randomBytes(length % 32),
        randomBytes(length),
      ]
      const [sealed, expected] = [Buffer.from(message), Buffer.from(message)]
      const [tag, expectedTag] = [Buffer.alloc(GCM_TAG_BYTES), Buffer.alloc(GCM_TAG_BYTES)]
      sealing.begin(nonce, aad)
      sealing.update(sealed.subarray(0, length >> 1))
      sealing.update(sealed.subarray(length >> 1))
      sealing.end(tag)
      known.begin(nonce, aad)
      known.update(expected)
      known.end(expectedTag)
      if (!sealed.equals(expected) || !tag.equals(expectedTag)) return false
      const opens = [opening, knownOpening].every((each) => {
        const opened = Buffer.from(sealed)
        each.begin(nonce, aad)
        each.update(opened)
        return each.end(tag) && opened.equals(message)
      })
      tag[length % GCM_TAG_BYTES]! ^= 1
      opening.begin(nonce, aad)
      opening.update(sealed)
      return opens && !opening.end(tag)
    })
  } finally {
    for (const each of [sealing, known, opening, knownOpening]) each.free()
    key.fill(0)
  }
}
