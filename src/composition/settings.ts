import type { Materials } from '../config/materials.ts'
import type { Configuration } from '../config/schema.ts'

/** A checked configuration with absolute paths, and what it refers to. */
export interface Settings {
  readonly configuration: Configuration
  readonly materials: Materials
}
