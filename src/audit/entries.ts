import type { SignedAnchor } from './anchor.ts'
import type { AuditStore, RowQuery } from './audit-store.ts'
import type { SignedCheckpoint } from './checkpoint.ts'
import type { AuditRow } from './row.ts'

/** Which entries to read; members that are absent do not restrict. */
export interface AuditFilter extends Partial<Omit<RowQuery, 'limit'>> {
  /** Rows read from the store at a time. Default 1,000. */
  readonly pageRows?: number
}

/** What a chain consists of, and an export has one line for. */
export type AuditEntry = AuditRow | SignedCheckpoint | SignedAnchor

/** True when only some rows of a chain can come out, so that the rows alone do not prove the chain. */
export function isPartial(filter: AuditFilter): boolean {
  const { from, to, types, site, outcome, afterSequence } = filter
  return [from, to, types, site, outcome].some((member) => member !== undefined) || (afterSequence ?? 0) > 0
}

/**
 * Rows of one chain, or of all, in order, page by page. A complete chain comes with its checkpoints, each after
 * the row it signs, and begins with the anchor where older rows were removed; a filtered one has rows only.
 */
export async function* auditEntries(store: AuditStore, filter: AuditFilter = {}): AsyncGenerator<AuditEntry> {
  const chains = filter.chain === undefined ? await chainsOf(store) : [filter.chain]
  for (const chain of chains) {
    if (isPartial(filter)) yield* pages(store, chain, filter)
    else yield* withCheckpoints(store, chain, filter)
  }
}

async function chainsOf(store: AuditStore): Promise<string[]> {
  const [heads, checkpoints] = await Promise.all([store.heads(), store.newestCheckpoints()])
  return [...new Set([...heads, ...checkpoints].map(({ chain }) => chain))]
}

async function* pages(store: AuditStore, chain: string, filter: AuditFilter): AsyncGenerator<AuditRow> {
  const { pageRows = 1_000, ...query } = filter
  for (let afterSequence = filter.afterSequence ?? 0; ;) {
    const rows = await store.rows({ ...query, chain, afterSequence, limit: pageRows })
    yield* rows
    const last = rows.at(-1)
    // a row whose own number was edited must not make the reading go round in circles
    if (last === undefined || rows.length < pageRows || last.sequence <= afterSequence) return
    afterSequence = last.sequence
  }
}

async function* withCheckpoints(
  store: AuditStore,
  chain: string,
  filter: AuditFilter,
): AsyncGenerator<AuditEntry> {
  const anchor = await store.anchor(chain)
  if (anchor !== undefined) yield anchor
  const checkpoints = checkpointPages(store, chain)
  let next = await checkpoints.next()
  for await (const row of pages(store, chain, filter)) {
    yield row
    while (next.done !== true && next.value.sequence <= row.sequence) {
      yield next.value
      next = await checkpoints.next()
    }
  }
  while (next.done !== true) {
    yield next.value
    next = await checkpoints.next()
  }
}

async function* checkpointPages(store: AuditStore, chain: string): AsyncGenerator<SignedCheckpoint> {
  const limit = 1_000
  for (let afterSequence = 0; ;) {
    const page = await store.checkpoints(chain, afterSequence, limit)
    yield* page
    if (page.length < limit) return
    afterSequence = page.at(-1)!.sequence
  }
}
