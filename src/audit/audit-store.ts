import type { SignedAnchor } from './anchor.ts'
import type { SignedCheckpoint } from './checkpoint.ts'
import type { AuditRow, ChainHead, PendingEntry } from './row.ts'

/** Which rows of one chain to read; members that are absent do not restrict. */
export interface RowQuery {
  readonly chain: string
  /** Only rows with a higher sequence number; 0 for all. */
  readonly afterSequence: number
  /** RFC 3339 UTC; inclusive. */
  readonly from?: string
  /** RFC 3339 UTC; exclusive. */
  readonly to?: string
  readonly types?: readonly string[]
  readonly site?: string
  readonly outcome?: string
  /** At most this many rows. */
  readonly limit: number
}

/** What one append did to one chain. */
export interface AppendResult {
  readonly head: ChainHead
  /** Sequence number of the first new row. */
  readonly firstSequence: number
}

/**
 * Where audit rows live. Several processes may append to one chain: a store reads the head and writes the rows in
 * one serialised transaction, and links them with `linkRow`. All methods reject when the store cannot be reached.
 */
export interface AuditStore {
  /**
   * Appends durably, all or nothing, in order; entries whose id is in the chain already are skipped, so a caller
   * that does not know whether an append succeeded repeats it. Where a chain's newest checkpoint lies beyond its
   * last row, rows were lost, and the chain goes on from the checkpoint: the gap stays visible.
   */
  append(entries: readonly PendingEntry[]): Promise<AppendResult[]>
  /** The last row of every chain that has rows. */
  heads(): Promise<ChainHead[]>
  /** Rows in order of their sequence number. */
  rows(query: RowQuery): Promise<AuditRow[]>
  addCheckpoint(checkpoint: SignedCheckpoint): Promise<void>
  /** Checkpoints in order of their sequence number, with a higher one than `afterSequence`. */
  checkpoints(chain: string, afterSequence: number, limit: number): Promise<SignedCheckpoint[]>
  /** The newest checkpoint of every chain that has one. */
  newestCheckpoints(): Promise<SignedCheckpoint[]>
  /** How far each chain was delivered by a forwarder. */
  cursors(forwarder: string): Promise<ReadonlyMap<string, number>>
  /** Moves a cursor on; false when another process moved it first. A cursor starts at 0. */
  moveCursor(forwarder: string, chain: string, fromSequence: number, toSequence: number): Promise<boolean>
  /**
   * Makes `holder` the one process that delivers for a forwarder, or keeps it that, for `leaseMs`; false while
   * another one is. Time is the store's own, so clocks of different machines do not matter.
   */
  claim(forwarder: string, holder: string, leaseMs: number): Promise<boolean>
  /** Ends a claim early. */
  release(forwarder: string, holder: string): Promise<void>
  /** Where a pruned chain begins; undefined while nothing was ever removed. */
  anchor(chain: string): Promise<SignedAnchor | undefined>
  /**
   * Keeps `anchor` and removes the rows up to it, and the checkpoints of rows that are gone. Removes at most
   * `rowsMax` rows and resolves to their number: whoever calls repeats until it is fewer.
   */
  prune(anchor: SignedAnchor, rowsMax: number): Promise<number>
  /** Publishes the public key of a process that signs, as PEM. */
  addSigner(keyId: string, publicKeyPem: string): Promise<void>
  /** Every public key that was ever published here. */
  signers(): Promise<string[]>
  close(): Promise<void>
}
