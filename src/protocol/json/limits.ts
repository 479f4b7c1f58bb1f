/** What one JSON body may cost; every limit is enforced while the bytes arrive, never after. */
export interface JsonLimits {
  /** Objects and arrays inside one another. */
  readonly depthMax: number
  /** Bytes of one covered value's raw JSON token, before sealing and after opening. */
  readonly valueBytesMax: number
  /** Bytes of one member name as written, on the levels where names decide about coverage. */
  readonly nameBytesMax: number
  /** Bytes of the whole body. */
  readonly bodyBytesMax: number
}

/** Limits that hold where a caller sets none; a streamed body may be of any length. */
export const DEFAULT_JSON_LIMITS: JsonLimits = {
  depthMax: 512,
  valueBytesMax: 16 * 1024 * 1024,
  nameBytesMax: 4096,
  bodyBytesMax: Number.POSITIVE_INFINITY,
}
