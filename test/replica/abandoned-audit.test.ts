import { existsSync, mkdirSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { AuditLog } from '../../src/audit/audit-log.ts'
import type { KeyServiceCalled } from '../../src/audit/event.ts'
import { GatheringSink } from '../../src/audit/gathering-sink.ts'
import { SqliteAuditStore } from '../../src/audit/sqlite-audit-store.ts'
import { takeUpAbandoned } from '../../src/composition/audit-place.ts'
import { keyEvent, temporaryDirectory, UnreliableStore } from '../audit/samples.ts'

async function openStore(directory: string): Promise<SqliteAuditStore> {
  const store = await SqliteAuditStore.open(join(directory, 'audit.sqlite'))
  onTestFinished(() => store.close())
  return store
}

/** Leaves what a process leaves that ends while its store is away: a proof in the journal, an event in the spill file. */
async function leave(directory: string, database: SqliteAuditStore, position: number): Promise<void> {
  const own = join(directory, `process-${position}`)
  mkdirSync(own)
  const store = new UnreliableStore(database)
  store.failing = true
  const log = await AuditLog.open({ store, whenFull: 'spill', spillFile: join(own, 'spill.ndjson') })
  const sink = await GatheringSink.open({ log, directory: own, intervalMs: 60_000, onError: () => undefined })
  const proof: KeyServiceCalled = {
    type: 'key-service.called',
    at: '2026-11-22T00:00:00.000Z',
    authority: `proven-${position}`,
    operation: 'Decrypt',
    purpose: 'verify',
    region: 'eu-central-1',
    resource: 'arn:aws:kms:eu-central-1:111122223333:key/mrk-1',
    encryptionContext: { 'portcullis:organization': 'acme' },
    outcome: 'succeeded',
    awsRequestId: '00000000-0000-4000-8000-000000000001',
  }
  sink.record(proof)
  sink.record(keyEvent(1, `spilled-${position}`))
  // the journal is written a moment later, and a killed process closes nothing
  await delay(100)
  await log.close(1)
}

const failed = (error: unknown): never => {
  throw error
}

it('brings what processes left that are no more into the store, and lets the others be', async () => {
  const directory = temporaryDirectory()
  const store = await openStore(directory)
  await leave(directory, store, 2)
  await leave(directory, store, 3)
  await takeUpAbandoned(directory, { position: 1, processes: 2 }, store, failed)
  const chains = (await store.heads()).map(({ chain }) => chain)
  expect(chains).toEqual(['proven-3', 'spilled-3'])
  expect(existsSync(join(directory, 'process-3'))).toBe(false)
  expect(existsSync(join(directory, 'process-2', 'spill.ndjson'))).toBe(true)
})

it('is done by the first process alone', async () => {
  const directory = temporaryDirectory()
  const store = await openStore(directory)
  await leave(directory, store, 3)
  await takeUpAbandoned(directory, { position: 2, processes: 2 }, store, failed)
  expect(await store.heads()).toEqual([])
})
