import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AuditLog } from '../audit/audit-log.ts'
import type { AuditStore } from '../audit/audit-store.ts'
import { CheckpointCopy } from '../audit/checkpoint-copy.ts'
import { GatheringSink } from '../audit/gathering-sink.ts'

/** Where a process stands among those that share an audit directory; positions count from 1. */
export interface AuditPlace {
  readonly position: number
  readonly processes: number
}

const DIRECTORY = /^process-(\d{1,4})$/
const CLOSE_DEADLINE_MS = 10_000

/** Directory of what only one process may write; that of the first is the shared one. */
export function ownDirectory(directory: string, position: number): string {
  return position === 1 ? directory : join(directory, `process-${position}`)
}

/** Brings into the store what processes left that this replica, having fewer now, no longer has. */
export async function takeUpAbandoned(
  directory: string,
  { position, processes }: AuditPlace,
  store: AuditStore,
  onError: (error: unknown) => void,
): Promise<void> {
  if (position !== 1) return
  for (const name of await readdir(directory)) {
    const abandoned = Number(DIRECTORY.exec(name)?.[1] ?? 0) > processes
    if (abandoned) await takeUp(join(directory, name), store, onError)
  }
}

async function takeUp(
  directory: string,
  store: AuditStore,
  onError: (error: unknown) => void,
): Promise<void> {
  const copy = await CheckpointCopy.open(join(directory, 'checkpoints.ndjson'))
  await copy.restoreTo(store)
  const spillFile = join(directory, 'spill.ndjson')
  const log = await AuditLog.open({ store, whenFull: 'spill', spillFile, onError })
  const gathered = await GatheringSink.open({ log, directory, intervalMs: 0, onError })
  await gathered.close()
  const lost = await log.close(CLOSE_DEADLINE_MS)
  if (lost === 0 && log.stats().spillBytes === 0) await rm(directory, { recursive: true, force: true })
}
