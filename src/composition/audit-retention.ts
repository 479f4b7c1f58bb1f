import { randomUUID } from 'node:crypto'
import type { AuditLog } from '../audit/audit-log.ts'
import type { AuditStore } from '../audit/audit-store.ts'
import { pruneExpired } from '../audit/retention.ts'
import type { Signer, Verifier } from '../crypto/signature.ts'
import type { Logger } from '../observability/logger.ts'
import type { Settings } from './settings.ts'

const INTERVAL_MS = 6 * 3_600_000
/** Longer than a run takes; no two replicas remove the same rows. */
const CLAIM_MS = 900_000
const CLAIM = 'retention'

/** What the retention works with. */
export interface RetentionParts {
  readonly settings: Settings
  readonly store: AuditStore
  readonly signer: Signer
  readonly verifiers: () => Promise<readonly Verifier[]>
  readonly log: AuditLog
  readonly logger: Logger
}

/** Removes what is older than the retention, now and every six hours, in one of the replicas. */
export function startRetention(parts: RetentionParts): { close(): Promise<void> } {
  const holder = randomUUID()
  let running = Promise.resolve()
  let closed = false
  const run = async (): Promise<void> => {
    try {
      if (closed || !(await parts.store.claim(CLAIM, holder, CLAIM_MS))) return
      await prune(parts, () => closed)
      await parts.store.release(CLAIM, holder)
    } catch (error) {
      parts.logger.warn('old rows of the audit trail cannot be removed', { error })
    }
  }
  const next = (): void => {
    running = running.then(run)
  }
  next()
  const timer = setInterval(next, INTERVAL_MS)
  timer.unref()
  return {
    close: async () => {
      closed = true
      clearInterval(timer)
      await running
    },
  }
}

async function prune(
  { settings, store, signer, verifiers, log, logger }: RetentionParts,
  stopped: () => boolean,
): Promise<void> {
  const { retentionMs, forwarders } = settings.configuration.audit
  const now = Date.now()
  const at = new Date(now).toISOString()
  const removedBefore = new Date(now - retentionMs).toISOString()
  const names = forwarders.map(({ name }) => name)
  const retention = { store, signer, verifiers: await verifiers(), at, removedBefore, forwarders: names }
  for await (const { chain, count, anchor, damaged } of pruneExpired(retention)) {
    if (damaged !== undefined) {
      logger.error('old rows of the audit trail stay, because they are damaged', { chain, damaged })
    }
    if (count > 0 && anchor !== undefined) {
      const upTo = anchor.sequence
      log.record({ type: 'audit.pruned', at, authority: chain, upTo, count, removedBefore })
    }
    if (stopped()) return
  }
}
