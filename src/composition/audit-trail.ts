import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { AuditLog } from '../audit/audit-log.ts'
import { openSigningKey } from '../audit/signing-key-file.ts'
import { SqliteAuditStore } from '../audit/sqlite-audit-store.ts'
import type { Logger } from '../observability/logger.ts'
import type { Settings } from './settings.ts'

/** The audit trail of this process and what it is stored in. */
export interface AuditTrail {
  readonly log: AuditLog
  readonly store: SqliteAuditStore
  /** Of the key that signs checkpoints. */
  readonly publicKeyPem: string
  close(): Promise<void>
}

const CLOSE_DEADLINE_MS = 10_000

/** Opens the audit trail of a configuration: its directory, signing key, store and queue. */
export async function openAuditTrail({ configuration }: Settings, logger: Logger): Promise<AuditTrail> {
  const { whenFull, queueEventsMax, spillBytesMax } = configuration.audit
  const directory = configuration.audit.directory!
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const store = await SqliteAuditStore.open(join(directory, 'audit.sqlite'))
  const signer = await openSigningKey(join(directory, 'signing-key.pem'))
  const log = await AuditLog.open({
    store,
    signer,
    whenFull,
    queueEventsMax,
    spillBytesMax,
    spillFile: join(directory, 'spill.ndjson'),
    onError: (error) => logger.error('the audit trail cannot be written', { error }),
  })
  return {
    log,
    store,
    publicKeyPem: signer.publicKeyPem,
    close: async () => {
      const lost = await log.close(CLOSE_DEADLINE_MS)
      if (lost > 0) logger.error('audit events were lost', { lost })
      await store.close()
    },
  }
}
