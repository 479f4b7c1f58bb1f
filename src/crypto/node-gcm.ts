import type { CipherGCM, DecipherGCM } from 'node:crypto'
import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { GcmEngine, GcmOpening, GcmSealing } from './gcm.ts'
import { GCM_KEY_BYTES, GCM_NONCE_BYTES, GCM_TAG_BYTES, requireBytes } from './gcm.ts'

const ALGORITHM = 'aes-256-gcm'
const OPTIONS = { authTagLength: GCM_TAG_BYTES }

/**
 * AES-256-GCM by node:crypto, which makes a buffer for each piece. The key comes raw out of secure memory: a KeyObject
 * would leave a copy for the garbage collector, and is no faster.
 */
export const nodeGcm: GcmEngine = {
  name: 'node',
  sealing: (key) => new NodeSealing(key),
  opening: (key) => new NodeOpening(key),
}

/** The message under way of either direction, and the key until it is freed. */
abstract class NodeGcm<Cipher extends CipherGCM | DecipherGCM> {
  protected message: Cipher | undefined
  #key: Uint8Array | undefined

  constructor(key: Uint8Array) {
    requireBytes(key, GCM_KEY_BYTES, 'the key')
    this.#key = key
  }

  begin(nonce: Uint8Array, aad?: Uint8Array): void {
    requireBytes(nonce, GCM_NONCE_BYTES, 'the nonce')
    if (this.#key === undefined) throw new Error('the cipher was freed')
    this.#abandon()
    this.message = this.create(this.#key, nonce)
    if (aad !== undefined) this.message.setAAD(aad)
  }

  update(piece: Uint8Array): void {
    const output = this.begun().update(piece)
    piece.set(output)
    output.fill(0)
  }

  free(): void {
    this.#abandon()
    this.#key = undefined
  }

  protected abstract create(key: Uint8Array, nonce: Uint8Array): Cipher

  protected begun(): Cipher {
    if (this.message === undefined) throw new Error('no message was begun')
    return this.message
  }

  /** Ends a message that is not wanted any more, so that its key schedule does not wait for the garbage collector. */
  #abandon(): void {
    try {
      this.message?.final()
    } catch {
      // Without its tag it cannot verify; only the release of its memory matters here.
    }
    this.message = undefined
  }
}

class NodeSealing extends NodeGcm<CipherGCM> implements GcmSealing {
  end(tag: Uint8Array): void {
    requireBytes(tag, GCM_TAG_BYTES, 'a tag')
    const message = this.begun()
    message.final()
    tag.set(message.getAuthTag())
    this.message = undefined
  }

  protected create(key: Uint8Array, nonce: Uint8Array): CipherGCM {
    return createCipheriv(ALGORITHM, key, nonce, OPTIONS)
  }
}

class NodeOpening extends NodeGcm<DecipherGCM> implements GcmOpening {
  end(tag: Uint8Array): boolean {
    requireBytes(tag, GCM_TAG_BYTES, 'a tag')
    const message = this.begun()
    this.message = undefined
    try {
      message.setAuthTag(tag)
      message.final()
      return true
    } catch {
      return false
    }
  }

  protected create(key: Uint8Array, nonce: Uint8Array): DecipherGCM {
    return createDecipheriv(ALGORITHM, key, nonce, OPTIONS)
  }
}
