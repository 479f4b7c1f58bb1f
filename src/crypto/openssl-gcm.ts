import type { GcmEngine, GcmOpening, GcmSealing } from './gcm.ts'
import { GCM_KEY_BYTES, GCM_NONCE_BYTES, GCM_TAG_BYTES, requireBytes } from './gcm.ts'
import type { CipherDirection, Openssl, Pointer } from './openssl.ts'
import { openssl } from './openssl.ts'

const GET_TAG = 0x10
const SET_TAG = 0x11
/** OpenSSL counts bytes in an int. */
const PIECE_BYTES_MAX = 2 ** 31 - 1
/** Streams open at once; far more than connections, and about 1 KiB each. */
const CONTEXTS_MAX = 65_536

const written = new Int32Array(1)
const nothing = Buffer.alloc(GCM_TAG_BYTES)
let contexts = 0

/**
 * AES-256-GCM by the OpenSSL that is part of node, called directly: it writes to the caller's memory, where node:crypto
 * makes a buffer for each piece and touches fresh pages. Memory goes to native code by address here, so every length is
 * checked before a call and every result after it (docs/SECURITY.md).
 *
 * @throws Error where koffi is not installed or node does not export OpenSSL's functions
 */
export function opensslGcm(): GcmEngine {
  const evp = openssl()
  // As node:crypto does it: whatever provider the default properties choose, a FIPS one where that is required.
  const cipher = evp.fetchCipher(null, 'AES-256-GCM', null)
  if (cipher === null) throw new Error('OpenSSL has no AES-256-GCM')
  return {
    name: 'openssl',
    sealing: (key) => new OpensslSealing(evp, evp.seal, cipher, key),
    opening: (key) => new OpensslOpening(evp, evp.open, cipher, key),
  }
}

/** Contexts that nobody has freed. */
export function opensslContexts(): number {
  return contexts
}

/** One context of OpenSSL with its key schedule, used for one direction. */
abstract class OpensslGcm {
  protected readonly evp: Openssl
  readonly #direction: CipherDirection
  #context: Pointer | undefined
  #isBegun = false

  constructor(evp: Openssl, direction: CipherDirection, cipher: Pointer, key: Uint8Array) {
    requireBytes(key, GCM_KEY_BYTES, 'the key')
    if (contexts >= CONTEXTS_MAX) throw new Error('too many ciphers are in use')
    const context = evp.newContext()
    if (context === null) throw new Error('OpenSSL has no memory for a cipher')
    contexts += 1
    this.evp = evp
    this.#direction = direction
    this.#context = context
    forgotten.register(this, { evp, context }, this)
    this.check(direction.init(context, cipher, null, key, null))
  }

  begin(nonce: Uint8Array, aad?: Uint8Array): void {
    requireBytes(nonce, GCM_NONCE_BYTES, 'the nonce')
    const context = this.alive()
    this.check(this.#direction.init(context, null, null, null, nonce))
    this.#isBegun = true
    if (aad !== undefined && aad.length > 0) this.#feed(context, null, aad)
  }

  update(piece: Uint8Array): void {
    if (piece.length > 0) this.#feed(this.begun(), piece, piece)
  }

  free(): void {
    const context = this.#context
    if (context === undefined) return
    this.#context = undefined
    forgotten.unregister(this)
    release(this.evp, context)
  }

  /** Ends the message; false when it does not verify. */
  protected final(): boolean {
    const context = this.begun()
    this.#isBegun = false
    written[0] = 0
    const verified = this.#direction.final(context, nothing, written) === 1
    if (written[0] !== 0) throw new Error('OpenSSL wrote more than it may')
    return verified
  }

  /** The context while a message is under way. */
  protected begun(): Pointer {
    const context = this.alive()
    if (!this.#isBegun) throw new Error('no message was begun')
    return context
  }

  protected alive(): Pointer {
    if (this.#context === undefined) throw new Error('the cipher was freed')
    return this.#context
  }

  protected check(result: number): void {
    if (result === 1) return
    this.evp.clearErrors()
    this.free()
    throw new Error('OpenSSL refused a cipher operation')
  }

  /** `output` is `input` itself, or null for associated data. */
  #feed(context: Pointer, output: Uint8Array | null, input: Uint8Array): void {
    const { length } = input
    if (!(input instanceof Uint8Array) || length > PIECE_BYTES_MAX)
      throw new RangeError('a piece has at most 2^31 - 1 bytes')
    written[0] = 0
    this.check(this.#direction.update(context, output, written, input, length))
    if (written[0] !== length) throw new Error('OpenSSL did not take a whole piece')
  }
}

class OpensslSealing extends OpensslGcm implements GcmSealing {
  end(tag: Uint8Array): void {
    requireBytes(tag, GCM_TAG_BYTES, 'a tag')
    this.check(this.final() ? 1 : 0)
    this.check(this.evp.control(this.alive(), GET_TAG, GCM_TAG_BYTES, tag))
  }
}

class OpensslOpening extends OpensslGcm implements GcmOpening {
  end(tag: Uint8Array): boolean {
    requireBytes(tag, GCM_TAG_BYTES, 'a tag')
    this.check(this.evp.control(this.begun(), SET_TAG, GCM_TAG_BYTES, tag))
    const verified = this.final()
    // What is left in OpenSSL's queue would be taken for the failure of whoever calls it next.
    if (!verified) this.evp.clearErrors()
    return verified
  }
}

/** Frees what an owner forgot: a last resort, as nobody knows when it comes. */
const forgotten = new FinalizationRegistry<{ evp: Openssl; context: Pointer }>(({ evp, context }) =>
  release(evp, context),
)

/** OpenSSL overwrites the key schedule before it gives the memory back. */
function release(evp: Openssl, context: Pointer): void {
  contexts -= 1
  evp.freeContext(context)
}
