import type { FieldRule } from '../../coverage/field-rule.ts'

/** Returned instead of a length: the key that this value needs is not in memory; `load` fetches it. */
export const KEY_NOT_LOADED = -1

/**
 * One covered value under the transform's hands. The object and the memory it points into belong to the
 * transform and change after the call.
 */
export interface CoveredValue {
  readonly rule: FieldRule
  /** Name of the innermost member that holds the value: unescaped UTF-8 `name[nameStart, nameEnd)`. */
  readonly name: Uint8Array
  readonly nameStart: number
  readonly nameEnd: number
  /** Sealing: the raw JSON token. Opening: the envelope text, unquoted and unescaped. `bytes[start, end)`. */
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
}

/**
 * Seals and opens single covered values: the seam between the JSON transform and envelope and keyring.
 * One codec serves one body, or several bodies of one request.
 */
export interface FieldCodec {
  /** Upper bound of the envelope text for a token of so many bytes. */
  sealedBytesMax(rule: FieldRule, tokenBytes: number): number
  /** Writes the envelope text to `target` from `at` and returns its length, or `KEY_NOT_LOADED`. */
  seal(value: CoveredValue, target: Buffer, at: number): number
  /** Upper bound of the token in an envelope text of so many bytes. */
  openedBytesMax(envelopeBytes: number): number
  /**
   * Writes the token to `target` from `at` once its tag has been verified and returns its length, or
   * `KEY_NOT_LOADED`. Throws `ciphertext-invalid` for anything that does not authenticate. The envelope text may be
   * any bytes but quotes: nobody has looked at it before.
   */
  open(value: CoveredValue, target: Buffer, at: number): number
  /** True when the text claims to be an envelope, sound or not. */
  isEnvelope(bytes: Uint8Array, start: number, end: number): boolean
  /** Brings the key into memory that the value just refused needs. Rejects with a `PortcullisError`. */
  load(value: CoveredValue): Promise<void>
}
