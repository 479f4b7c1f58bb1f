import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { AuditLog } from '../audit/audit-log.ts'
import type { AuditStore } from '../audit/audit-store.ts'
import type { SignedCheckpoint } from '../audit/checkpoint.ts'
import { CheckpointCopy } from '../audit/checkpoint-copy.ts'
import { GatheringSink } from '../audit/gathering-sink.ts'
import { PostgresAuditStore } from '../audit/postgres-audit-store.ts'
import { openSigningKey } from '../audit/signing-key-file.ts'
import type { AuditSink } from '../audit/sink.ts'
import { SqliteAuditStore } from '../audit/sqlite-audit-store.ts'
import { type Signer, signerFromPem, type Verifier, verifierFromPem } from '../crypto/signature.ts'
import type { Logger } from '../observability/logger.ts'
import type { AuditNumbers } from '../observability/metrics.ts'
import { startForwarders } from './audit-forwarders.ts'
import { type AuditPlace, ownDirectory, takeUpAbandoned } from './audit-place.ts'
import { startRetention } from './audit-retention.ts'
import type { Settings } from './settings.ts'

/** The audit trail of this process and what it is stored in. */
export interface AuditTrail {
  readonly log: AuditLog
  /** Where the keys and leases report: recurring proofs of access are gathered. */
  readonly sink: AuditSink
  readonly store: AuditStore
  /** Signs statements for outsiders, with the key of the checkpoints. */
  readonly signer: Signer
  /** Public keys (PEM) whose checkpoints and anchors count. */
  publicKeys(): Promise<string[]>
  /** Checkpoints of a chain that are kept outside the store. */
  checkpointsElsewhere(chain: string): readonly SignedCheckpoint[]
  /** Makes everything that has happened so far readable; with `gathered` the open interval's proofs as well, signed. */
  flush(gathered: boolean): Promise<void>
  /** For metrics. */
  numbers(): AuditNumbers
  close(): Promise<void>
}

const CLOSE_DEADLINE_MS = 10_000
const COPY_INTERVAL_MS = 5_000

/**
 * Opens the audit trail of a configuration: its directory, signing key, store, queue and forwarders. Of several
 * processes that share them each has a directory of its own for what waits to be written.
 */
export async function openAuditTrail(
  settings: Settings,
  logger: Logger,
  place: AuditPlace = { position: 1, processes: 1 },
): Promise<AuditTrail> {
  const { whenFull, queueEventsMax, spillBytesMax, gatherMs } = settings.configuration.audit
  const directory = settings.configuration.audit.directory!
  const own = ownDirectory(directory, place.position)
  mkdirSync(own, { recursive: true, mode: 0o700 })
  const onError = (error: unknown): void => logger.error('the audit trail cannot be written', { error })
  const store = await openAuditStore(settings, (error) =>
    logger.warn('the audit trail cannot be reached', { error }),
  )
  await takeUpAbandoned(directory, place, store, onError)
  const signer = await signerOf(settings, directory, store)
  const copy = await CheckpointCopy.open(join(own, 'checkpoints.ndjson'))
  await copy.restoreTo(store)
  const log = await AuditLog.open({
    store,
    signer,
    whenFull,
    queueEventsMax,
    spillBytesMax,
    spillFile: join(own, 'spill.ndjson'),
    onCheckpoint: (checkpoint) => copy.keep(checkpoint),
    onError,
  })
  const sink = await GatheringSink.open({ log, directory: own, intervalMs: gatherMs, onError })
  const copying = setInterval(() => void copy.save().catch(onError), COPY_INTERVAL_MS)
  copying.unref()
  const publicKeys = (): Promise<string[]> => publicKeysOf(settings, signer, store)
  const verifiers = async (): Promise<Verifier[]> => (await publicKeys()).map(verifierFromPem)
  const forwarders = startForwarders(settings, store, log, logger)
  const retention = startRetention({ settings, store, signer, verifiers, log, logger })
  return {
    log,
    sink,
    store,
    signer,
    publicKeys,
    checkpointsElsewhere: (chain) => copy.of(chain),
    flush: async (gathered) => {
      if (gathered) await sink.seal()
      await log.flush()
      if (gathered) await log.checkpoint()
    },
    numbers: () => {
      const { queued, spillBytes, written, lost, appendFailures } = log.stats()
      const sent = forwarders.map((forwarder) => forwarder.stats())
      const forwarded = sent.reduce((total, { delivered }) => total + delivered, 0)
      const forwardFailures = sent.reduce((total, { failures }) => total + failures, 0)
      return { queued, spillBytes, written, lost, appendFailures, forwarded, forwardFailures }
    },
    close: async () => {
      await retention.close()
      // what cannot be written in time goes to the spill file
      void sink.close()
      const lost = await log.close(CLOSE_DEADLINE_MS)
      if (lost > 0) logger.error('audit events were lost', { lost })
      clearInterval(copying)
      await copy.save().catch(onError)
      await Promise.all(forwarders.map((forwarder) => forwarder.close()))
      await store.close()
    },
  }
}

/** The audit trail lives where the registry does. */
async function openAuditStore(
  { configuration, materials }: Settings,
  onError: (error: unknown) => void,
): Promise<AuditStore> {
  const { registryUrl: url } = materials
  if (url !== undefined) return await PostgresAuditStore.open({ url, onError })
  return await SqliteAuditStore.open(join(configuration.audit.directory!, 'audit.sqlite'))
}

async function signerOf({ materials }: Settings, directory: string, store: AuditStore): Promise<Signer> {
  const { signingKey } = materials.audit
  if (signingKey !== undefined) return signerFromPem(signingKey)
  const signer = await openSigningKey(join(directory, 'signing-key.pem'))
  await store.addSigner(signer.keyId, signer.publicKeyPem)
  return signer
}

/** Keys published in the store count only while no key is configured: whoever can write there could add one. */
async function publicKeysOf({ materials }: Settings, signer: Signer, store: AuditStore): Promise<string[]> {
  const { signingKey, publicKeys } = materials.audit
  const published = signingKey === undefined ? await store.signers() : []
  return [...new Set([signer.publicKeyPem, ...publicKeys, ...published])]
}
