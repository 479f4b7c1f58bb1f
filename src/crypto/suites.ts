import { SIV_KEY_BYTES, SIV_TAG_BYTES, sivOpen, sivSeal } from './aes-siv.ts'
import { XAES_KEY_BYTES, XAES_OVERHEAD_BYTES, xaesOpen, xaesSeal } from './xaes-256-gcm.ts'
import { XCHACHA_KEY_BYTES, XCHACHA_OVERHEAD_BYTES, xchachaOpen, xchachaSeal } from './xchacha20-poly1305.ts'

/** Suite numbers as they stand in an envelope (docs/SPEC.md section 3). */
export type SuiteId = 1 | 2 | 3

/** Which algorithms new ciphertext uses; reading accepts every suite under both profiles. */
export type CryptoProfile = 'default' | 'fips'

/**
 * One way to seal a field. `sealed` is the region that follows the key identifier in an envelope's body:
 * nonce, ciphertext and tag in the suite's own order.
 */
export interface FieldSuite {
  readonly id: SuiteId
  readonly keyBytes: 32 | 64
  /** What `sealed` has beyond the plaintext. */
  readonly overheadBytes: number
  readonly plaintextBytesMax: number
  /** Seals `source[start, end)` to `sealed` at `at`, which has room for the plaintext and the overhead. */
  seal(
    sealed: Buffer,
    at: number,
    source: Uint8Array,
    start: number,
    end: number,
    aad: Uint8Array,
    key: Uint8Array,
  ): void
  /**
   * Opens `sealed[at, until)` into `target` at `targetAt` and returns true, or returns false when it does not
   * authenticate: then `target` holds nothing of the plaintext.
   */
  open(
    target: Buffer,
    targetAt: number,
    sealed: Buffer,
    at: number,
    until: number,
    aad: Uint8Array,
    key: Uint8Array,
  ): boolean
}

const RANDOMIZED_BYTES_MAX = 64 * 1024 * 1024
const SEARCHABLE_BYTES_MAX = 64 * 1024

const XCHACHA20_POLY1305: FieldSuite = {
  id: 1,
  keyBytes: XCHACHA_KEY_BYTES,
  overheadBytes: XCHACHA_OVERHEAD_BYTES,
  plaintextBytesMax: RANDOMIZED_BYTES_MAX,
  seal: xchachaSeal,
  open: xchachaOpen,
}

const XAES_256_GCM: FieldSuite = {
  id: 2,
  keyBytes: XAES_KEY_BYTES,
  overheadBytes: XAES_OVERHEAD_BYTES,
  plaintextBytesMax: RANDOMIZED_BYTES_MAX,
  seal: xaesSeal,
  open: xaesOpen,
}

const AES_SIV: FieldSuite = {
  id: 3,
  keyBytes: SIV_KEY_BYTES,
  overheadBytes: SIV_TAG_BYTES,
  plaintextBytesMax: SEARCHABLE_BYTES_MAX,
  seal: sivSeal,
  open: sivOpen,
}

/** The suite of a number read from an envelope, or undefined for an unknown one. */
export function suiteById(id: number): FieldSuite | undefined {
  switch (id) {
    case 1:
      return XCHACHA20_POLY1305
    case 2:
      return XAES_256_GCM
    case 3:
      return AES_SIV
    default:
      return undefined
  }
}

/**
 * The suite for new field envelopes. Undefined where the profile has none: AES-SIV is not approved, so under `fips`
 * a coverage rule for searchable fields is a configuration error.
 */
export function suiteForWriting(
  profile: CryptoProfile,
  mode: 'randomized' | 'searchable',
): SuiteId | undefined {
  if (mode === 'randomized') return profile === 'fips' ? 2 : 1
  return profile === 'fips' ? undefined : 3
}
