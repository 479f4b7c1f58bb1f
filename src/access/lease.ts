import type { PortcullisError } from '../errors.ts'

/** Permission to serve one authority's tenants, proven by a real unwrap less than the revocation bound ago. */
export interface Lease {
  /** True when bytes may be released at this instant; false while a verification is awaited, and for ever once ended. */
  readonly valid: boolean
  /** Throws `tenant-suspended` or `key-service-unavailable` unless the lease is valid at this instant (monotonic clock). */
  assertValid(): void
  /**
   * Registers a transfer to be cut when the lease ends (suspension or outage beyond grace).
   * Returns the function that deregisters it.
   */
  onEnd(cut: (reason: PortcullisError) => void): () => void
}
