import type { AuditStore } from './audit-store.ts'
import type { AuditTrailDamaged } from './event.ts'
import { expectedHash } from './row.ts'
import type { ChainHead } from './row.ts'

const CONCURRENT_READS = 64

/** What a start found: damage to be written into the chains, and chains whose head no checkpoint covers. */
export interface Recovery {
  readonly damage: readonly (Pick<AuditTrailDamaged, 'detail' | 'count'> & { readonly chain: string })[]
  readonly unsigned: readonly ChainHead[]
}

/** Looks at the end of every chain: is the last row whole, and does the newest checkpoint lie within the chain? */
export async function examineChains(store: AuditStore): Promise<Recovery> {
  const heads = await store.heads()
  const checkpoints = new Map((await store.newestCheckpoints()).map((one) => [one.chain, one.sequence]))
  const damage: Recovery['damage'][number][] = []
  for (let start = 0; start < heads.length; start += CONCURRENT_READS) {
    const torn = await Promise.all(
      heads.slice(start, start + CONCURRENT_READS).map((head) => tornHead(store, head)),
    )
    damage.push(...torn.filter((found) => found !== undefined))
  }
  const lastRow = new Map(heads.map((head) => [head.chain, head.sequence]))
  for (const [chain, signedSequence] of checkpoints) {
    const rows = lastRow.get(chain) ?? 0
    if (signedSequence <= rows) continue
    const detail = `rows ${rows + 1} to ${signedSequence} are signed for but gone; the chain goes on after them`
    damage.push({ chain, detail, count: signedSequence - rows })
  }
  return { damage, unsigned: heads.filter((head) => head.sequence > (checkpoints.get(head.chain) ?? 0)) }
}

async function tornHead(store: AuditStore, head: ChainHead): Promise<Recovery['damage'][number] | undefined> {
  const { chain, sequence } = head
  const [row] = await store.rows({ chain, afterSequence: sequence - 1, limit: 1 })
  if (row !== undefined && expectedHash(row) === head.hash) return undefined
  return { chain, detail: `row ${sequence}, the last one, does not match its hash`, count: 1 }
}
