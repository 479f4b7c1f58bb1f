import type { DataClass } from '../tenant/tenant.ts'

/** How one covered value is sealed. */
export interface FieldRule {
  readonly dataClass: DataClass
  /** `searchable` is deterministic (suite 3): equal values under one key give equal envelopes. */
  readonly mode: 'randomized' | 'searchable'
}
