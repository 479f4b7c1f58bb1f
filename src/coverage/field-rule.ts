import type { DataClass } from '../tenant/tenant.ts'

/** How one covered value is sealed. */
export interface FieldRule {
  readonly dataClass: DataClass
  /** `searchable` is deterministic (suite 3): equal values under one key give equal envelopes. */
  readonly mode: 'randomized' | 'searchable'
  /**
   * UTF-8 of the field name that the value is bound to instead of the name of the member that holds it: for a place
   * from which the store moves values to a member of that name. Absent almost everywhere.
   */
  readonly fieldName?: Uint8Array | undefined
}
