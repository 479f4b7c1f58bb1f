/** Parsed JSON or YAML of a shape that only the assertions on it know. */
// oxlint-disable-next-line typescript/no-explicit-any -- any stricter type would be casts at every use
export type AnyJson = any
