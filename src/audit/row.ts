import { createHash } from 'node:crypto'
import { canonicalJson } from './canonical-json.ts'
import type { Json } from './canonical-json.ts'

/** Separates row hashes from every other use of SHA-256. */
const DOMAIN = 'portcullis/audit-row/v1\n'

/** The hash before the first row. */
export const GENESIS_HASH = '0'.repeat(64)

/** An event as it is stored. */
export interface StoredEvent {
  readonly type: string
  /** RFC 3339, UTC, milliseconds. */
  readonly at: string
  readonly authority: string
  readonly [name: string]: Json
}

/** One link of an organization's chain. */
export interface AuditRow {
  /** Organization's id, `vendor:<location>`, or {@link SYSTEM_CHAIN}. */
  readonly chain: string
  /** Counts from 1 without gaps. */
  readonly sequence: number
  /** Hash of the row before, {@link GENESIS_HASH} for the first; 64 hex digits. */
  readonly previousHash: string
  /** Given when the event happened; a row delivered or written twice has the same. */
  readonly id: string
  readonly event: StoredEvent
  /** SHA-256 over the canonical serialisation of all members above, 64 hex digits. */
  readonly hash: string
}

/** An event on its way into a chain: `event` is its canonical text. */
export interface PendingEntry {
  readonly chain: string
  readonly id: string
  readonly event: string
}

/** The last row of a chain. */
export interface ChainHead {
  readonly chain: string
  readonly sequence: number
  readonly hash: string
}

/** Chain of events that concern no one organization: the audit trail's own state. Cannot be an organization's id. */
export const SYSTEM_CHAIN = 'system:audit'

/** A row as a store keeps it: `record` is the canonical serialisation that `hash` covers. */
export interface SerializedRow {
  readonly sequence: number
  readonly record: string
  readonly hash: string
}

/** The row after `head`. */
export function linkRow(head: Pick<ChainHead, 'sequence' | 'hash'>, entry: PendingEntry): SerializedRow {
  const sequence = head.sequence + 1
  // the members stand in canonical order, so the event's text needs no second pass
  const record =
    `{"chain":${JSON.stringify(entry.chain)},"event":${entry.event},"id":${JSON.stringify(entry.id)},` +
    `"previousHash":${JSON.stringify(head.hash)},"sequence":${sequence}}`
  return { sequence, record, hash: hashRecord(record) }
}

/** Hash of a canonical record. */
export function hashRecord(record: string): string {
  return createHash('sha256').update(DOMAIN).update(record).digest('hex')
}

/** Hash that `row` must have, computed from its members. */
export function expectedHash(row: AuditRow): string {
  const { chain, sequence, previousHash, id, event } = row
  return hashRecord(canonicalJson({ chain, sequence, previousHash, id, event }))
}

/**
 * The row in a stored record. A record that is no longer JSON gives a row of type `unreadable`, whose hash cannot
 * match: verification reports it instead of failing.
 */
export function parseRow(chain: string, stored: SerializedRow): AuditRow {
  try {
    const record = JSON.parse(stored.record) as AuditRow
    if (typeof record.event === 'object' && record.event !== null) {
      // named one by one: a member that the hash does not cover must not come out
      const { chain, sequence, previousHash, id, event } = record
      return { chain, sequence, previousHash, id, event, hash: stored.hash }
    }
  } catch {
    // falls through to the unreadable row
  }
  const event = { type: 'unreadable', at: '', authority: chain }
  return { chain, sequence: stored.sequence, previousHash: '', id: '', event, hash: stored.hash }
}
