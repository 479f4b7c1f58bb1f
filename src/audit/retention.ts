import type { Signer, Verifier } from '../crypto/signature.ts'
import { signAnchor } from './anchor.ts'
import type { SignedAnchor } from './anchor.ts'
import type { AuditStore } from './audit-store.ts'
import type { AuditEntry } from './entries.ts'
import type { AuditRow, ChainHead } from './row.ts'
import { verifyChain } from './verify-chain.ts'

/** Rows that one step proves and removes; a chain that has more takes several. */
const STEP_ROWS = 20_000
const PAGE_ROWS = 1_000

/** Collaborators and rules of {@link pruneExpired}. */
export interface Retention {
  readonly store: AuditStore
  readonly signer: Signer
  /** Keys whose checkpoints and anchors count. */
  readonly verifiers: readonly Verifier[]
  /** Events before this instant may go; RFC 3339, UTC, milliseconds. */
  readonly removedBefore: string
  /** Now; RFC 3339, UTC, milliseconds. */
  readonly at: string
  /** Names of the forwarders in use: what one of them has not delivered stays. */
  readonly forwarders: readonly string[]
  /** Default 20,000. */
  readonly stepRows?: number
}

/** What became of one chain. */
export interface Pruning {
  readonly chain: string
  /** Rows removed. */
  readonly count: number
  readonly anchor: SignedAnchor | undefined
  /** Set when the rows that were to go are not what was recorded: nothing was removed, so that the evidence stays. */
  readonly damaged: string | undefined
}

/**
 * Removes what is older than the retention from the beginning of every chain. Each chain keeps at least its last row.
 * The rows are proven before they go, since an anchor would otherwise vouch for a chain that somebody edited.
 */
export async function* pruneExpired(retention: Retention): AsyncGenerator<Pruning> {
  const { store, forwarders } = retention
  const cursors = await Promise.all(forwarders.map((name) => store.cursors(name)))
  for (const head of await store.heads()) {
    const delivered = cursors.map((cursor) => cursor.get(head.chain) ?? 0)
    const pruning = await pruneChain(retention, head, Math.min(head.sequence - 1, ...delivered))
    if (pruning !== undefined) yield pruning
  }
}

async function pruneChain(
  retention: Retention,
  { chain }: ChainHead,
  upToMost: number,
): Promise<Pruning | undefined> {
  const { store, removedBefore, stepRows = STEP_ROWS } = retention
  const young = await store.rows({ chain, afterSequence: 0, from: removedBefore, limit: 1 })
  const upTo = Math.min(upToMost, (young[0]?.sequence ?? Infinity) - 1)
  let anchor = await store.anchor(chain)
  let count = 0
  // rows that an earlier, interrupted run had leave for
  if (anchor !== undefined) count += await removed(store, anchor)
  for (let from = anchor?.sequence ?? 0; from < upTo; from = anchor.sequence) {
    const last = Math.min(upTo, from + stepRows)
    const step = await proven(retention, chain, anchor, last)
    if (typeof step === 'string') return { chain, count, anchor, damaged: step }
    anchor = step
    count += await removed(store, anchor)
  }
  return count === 0 ? undefined : { chain, count, anchor, damaged: undefined }
}

/** An anchor for row `last`, or what is wrong with the rows up to it. */
async function proven(
  { store, signer, verifiers, at, removedBefore }: Retention,
  chain: string,
  anchor: SignedAnchor | undefined,
  last: number,
): Promise<SignedAnchor | string> {
  let row: AuditRow | undefined
  async function* segment(): AsyncGenerator<AuditEntry> {
    if (anchor !== undefined) yield anchor
    for (let after = anchor?.sequence ?? 0; after < last;) {
      const page = await store.rows({ chain, afterSequence: after, limit: Math.min(PAGE_ROWS, last - after) })
      yield* page
      row = page.at(-1) ?? row
      // a row whose own number was edited must not make the reading go round in circles
      if (row === undefined || page.length === 0 || row.sequence <= after) return
      after = row.sequence
    }
    for (const checkpoint of await store.checkpoints(chain, anchor?.sequence ?? 0, PAGE_ROWS)) {
      if (checkpoint.sequence <= last) yield checkpoint
    }
  }
  const { ok, problems } = await verifyChain(segment(), verifiers)
  const [problem] = problems
  if (!ok || row === undefined) {
    return problem === undefined ? 'there are no rows' : `row ${problem.sequence}: ${problem.kind}`
  }
  return signAnchor({ chain, sequence: row.sequence, hash: row.hash }, at, removedBefore, signer)
}

async function removed(store: AuditStore, anchor: SignedAnchor): Promise<number> {
  let total = 0
  for (;;) {
    const count = await store.prune(anchor, PAGE_ROWS)
    total += count
    if (count < PAGE_ROWS) return total
  }
}
