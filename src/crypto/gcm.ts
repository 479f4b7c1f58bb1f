/** Bytes of a nonce and of a tag of AES-256-GCM as it is used here (NIST SP 800-38D, the recommended sizes). */
export const GCM_KEY_BYTES = 32
export const GCM_NONCE_BYTES = 12
export const GCM_TAG_BYTES = 16

/** Seals message after message under one key, each where it lies. */
export interface GcmSealing {
  /** Begins a message. A nonce MUST NOT come twice under one key. */
  begin(nonce: Uint8Array, aad?: Uint8Array): void
  /** Enciphers a piece of the message in place. */
  update(piece: Uint8Array): void
  /** Ends the message and writes its tag to `tag`, 16 bytes. */
  end(tag: Uint8Array): void
  /** Wipes the key schedule; any later call but this one throws. */
  free(): void
}

/** Opens message after message under one key, each where it lies. */
export interface GcmOpening {
  begin(nonce: Uint8Array, aad?: Uint8Array): void
  /** Deciphers a piece in place. It MUST NOT be released before `end` has said true. */
  update(piece: Uint8Array): void
  /** Ends the message; true when `tag`, 16 bytes, verifies all of it. */
  end(tag: Uint8Array): boolean
  free(): void
}

/** An implementation of AES-256-GCM. Both write where they read, so that a frame costs no memory of its own. */
export interface GcmEngine {
  readonly name: 'openssl' | 'node'
  /** `key` has 32 bytes and must stay as it is until `free`. */
  sealing(key: Uint8Array): GcmSealing
  opening(key: Uint8Array): GcmOpening
}

/** Throws `RangeError` unless `bytes` is a buffer of exactly `length` bytes. */
export function requireBytes(bytes: Uint8Array, length: number, what: string): void {
  if (!(bytes instanceof Uint8Array) || bytes.length !== length)
    throw new RangeError(`${what} of AES-256-GCM has ${length} bytes`)
}
