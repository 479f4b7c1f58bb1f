import type { Coverage } from '../../coverage/coverage.ts'
import type { Upstream } from '../../upstream/upstream.ts'

/** A document store as the gateway serves it. */
export interface DocumentStore {
  /** Binds every ciphertext; names the store in logs and metrics. */
  readonly name: string
  /** Path prefix at the gateway, without a slash at its end. */
  readonly mount: string
  readonly upstreamUrl: string
  readonly upstream: Upstream
  readonly coverage: Coverage
  /** Covered values that are no envelopes may be read: data is being migrated. */
  readonly mixed: boolean
  /** Routes that the coverage does not know go through unencrypted. */
  readonly passUncovered: boolean
  /** `Upgrade` requests may go through on routes that are passed. */
  readonly upgrade: boolean
}
