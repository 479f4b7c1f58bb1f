import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { AuditLog, AuditUnavailable } from '../../src/audit/audit-log.ts'
import type { AuditLogOptions } from '../../src/audit/audit-log-options.ts'
import { signCheckpoint } from '../../src/audit/checkpoint.ts'
import { auditEntries } from '../../src/audit/entries.ts'
import type { AuditEvent } from '../../src/audit/event.ts'
import { SYSTEM_CHAIN } from '../../src/audit/row.ts'
import type { AuditRow } from '../../src/audit/row.ts'
import { openSigningKey } from '../../src/audit/signing-key-file.ts'
import { SqliteAuditStore } from '../../src/audit/sqlite-audit-store.ts'
import { verifyChain } from '../../src/audit/verify-chain.ts'
import { entry, keyEvent, newSigner, START_MS, temporaryDirectory, UnreliableStore } from './samples.ts'

interface Started {
  readonly log: AuditLog
  readonly store: UnreliableStore
  readonly directory: string
}

async function start(
  options: Partial<AuditLogOptions> = {},
  directory = temporaryDirectory(),
): Promise<Started> {
  const store = new UnreliableStore(await SqliteAuditStore.open(join(directory, 'audit.sqlite')))
  const log = await AuditLog.open({
    store,
    whenFull: 'refuse',
    batchDelayMs: 0,
    wallTimeMs: () => START_MS,
    ...(options.whenFull === 'spill' && { spillFile: join(directory, 'spill') }),
    ...options,
  })
  onTestFinished(async () => {
    store.failing = false
    await log.close(1_000)
    await store.close()
  })
  return { log, store, directory }
}

async function rowsOf(store: UnreliableStore, chain = 'acme'): Promise<AuditRow[]> {
  return await store.rows({ chain, afterSequence: 0, limit: 100_000 })
}

const versions = (rows: readonly AuditRow[]): unknown[] =>
  rows.filter(({ event }) => event.type === 'tenant-key.created').map(({ event }) => event['version'])
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

describe('audit log', () => {
  it('writes what it took, in order, in batches, to the chain of the organization', async () => {
    const { log, store } = await start()
    for (const number of upTo(1_000)) log.record(keyEvent(number))
    log.record(keyEvent(1, 'other'))
    log.record({ type: 'access.verified', at: 'now', authority: 'vendor:europe' })
    await log.flush()
    expect(versions(await rowsOf(store))).toEqual(upTo(1_000))
    expect(await rowsOf(store, 'other')).toHaveLength(1)
    expect(await rowsOf(store, 'vendor:europe')).toHaveLength(1)
    expect(store.appends).toBeLessThan(10)
    expect(log.stats()).toMatchObject({ recorded: 1_002, written: 1_002, lost: 0, queued: 0 })
  })

  it('puts an event about an organization under vendor keys into the chain of the organization', async () => {
    const { log, store } = await start()
    log.record({ ...keyEvent(1), authority: 'vendor:europe' })
    await log.flush()
    expect(await rowsOf(store)).toHaveLength(1)
  })

  it('keeps an event as it was when it was recorded', async () => {
    const { log, store } = await start()
    const event = { ...keyEvent(1) } as { version: number }
    log.record(event as unknown as AuditEvent)
    event.version = 99
    await log.flush()
    expect(versions(await rowsOf(store))).toEqual([1])
  })

  it('takes the value out of members that speak of secrets or content, and cuts long texts', async () => {
    const { log, store } = await start()
    const event = {
      ...keyEvent(1),
      secretAccessKey: 'wJalr',
      appToken: 'abc',
      plaintext: new Uint8Array(32),
      nested: { password: 'p', deep: { deep: { deeper: { deepest: 'x' } } } },
      detail: 'x'.repeat(5_000),
      bytes: Buffer.from('abc'),
    }
    log.record(event)
    await log.flush()
    const text = JSON.stringify(await rowsOf(store))
    expect(text).not.toMatch(/wJalr|"abc"|deepest|"p"|YWJj/)
    expect((await rowsOf(store))[0]!.event['detail']).toHaveLength(2_049)
  })

  it('keeps texts that no database chokes on', async () => {
    const { log, store } = await start()
    log.record({ type: 'access.defect', at: 'now', authority: 'acme', detail: 'a\0b\ud800c' })
    await log.flush()
    expect((await rowsOf(store))[0]!.event['detail']).toBe('a\ufffdb\ufffdc')
  })

  it('never throws from record, whatever it is given', async () => {
    const { log, store } = await start()
    const circular: Record<string, unknown> = { ...keyEvent(1) }
    circular['self'] = circular
    const hostile = Object.defineProperty({ ...keyEvent(2) }, 'trap', {
      enumerable: true,
      get() {
        throw new Error('trap')
      },
    })
    log.record(circular as unknown as AuditEvent)
    log.record(hostile)
    log.record(keyEvent(3))
    await log.flush()
    expect(versions(await rowsOf(store))).toEqual([1, 3])
    expect(log.stats().lost).toBe(1)
    await vi.waitFor(async () => {
      expect((await rowsOf(store, SYSTEM_CHAIN)).map(({ event }) => event.type)).toEqual([
        'audit.events-lost',
      ])
    })
  })

  it('resolves recordDurably only when the event is in the store', async () => {
    const { log, store } = await start()
    store.failing = true
    await expect(log.recordDurably(keyEvent(1), 50)).rejects.toBeInstanceOf(AuditUnavailable)
    store.failing = false
    await log.recordDurably(keyEvent(2))
    expect(versions(await rowsOf(store))).toEqual([1, 2])
  })

  it('writes an event once when the answer to an append was lost', async () => {
    const { log, store } = await start()
    store.losingAnswers = true
    log.record(keyEvent(1))
    await vi.waitFor(() => expect(store.appends).toBeGreaterThan(0))
    store.losingAnswers = false
    await log.flush()
    expect(versions(await rowsOf(store))).toEqual([1])
  })

  it('repeats an append that the store leaves unanswered', async () => {
    const { log, store } = await start({ storeTimeoutMs: 20 })
    let release = (): void => undefined
    store.held = new Promise((resolve) => {
      release = resolve
    })
    log.record(keyEvent(1))
    await vi.waitFor(() => expect(log.stats().appendFailures).toBeGreaterThan(0))
    release()
    store.held = undefined
    await log.flush()
    expect(versions(await rowsOf(store))).toEqual([1])
  })
})

describe('a full audit log that refuses', () => {
  it('stops accepting at its limit, keeps what comes all the same while the reserve lasts, and accepts again', async () => {
    const { log, store } = await start({ queueEventsMax: 10, reserveEventsMax: 5 })
    store.failing = true
    for (const number of upTo(9)) log.record(keyEvent(number))
    expect(log.accepting).toBe(true)
    log.record(keyEvent(10))
    expect(log.accepting).toBe(false)
    for (const number of upTo(5)) log.record(keyEvent(10 + number))
    store.failing = false
    await log.flush()
    expect(log.accepting).toBe(true)
    expect(versions(await rowsOf(store))).toEqual(upTo(15))
    expect(log.stats().lost).toBe(0)
  })

  it('says in the chain how many events found no room', async () => {
    const { log, store } = await start({ queueEventsMax: 4, reserveEventsMax: 1 })
    store.failing = true
    for (const number of upTo(8)) log.record(keyEvent(number))
    log.record(keyEvent(1, 'other'))
    await expect(log.recordDurably(keyEvent(9))).rejects.toBeInstanceOf(AuditUnavailable)
    expect(log.stats().lost).toBe(5)
    store.failing = false
    await vi.waitFor(async () => {
      const lost = [...(await rowsOf(store)), ...(await rowsOf(store, 'other'))].filter(
        ({ event }) => event.type === 'audit.events-lost',
      )
      expect(lost.map(({ chain, event }) => [chain, event['count']])).toEqual([
        ['acme', 4],
        ['other', 1],
      ])
    })
  })

  it('needs no spill file, and refuses the policy that does without one', async () => {
    const { store } = await start()
    await expect(AuditLog.open({ store, whenFull: 'spill' })).rejects.toThrow('spillFile')
    await expect(AuditLog.open({ store, whenFull: 'refuse', queueEventsMax: 0 })).rejects.toThrow(
      'queueEventsMax',
    )
  })
})

describe('a full audit log that spills', () => {
  it('takes everything while the store is away, acknowledges it from disk, and brings it to the store in order', async () => {
    const { log, store } = await start({ whenFull: 'spill', queueEventsMax: 20 })
    store.failing = true
    const durable: Promise<void>[] = []
    for (const number of upTo(500)) {
      durable.push(log.recordDurably(keyEvent(number), 20_000))
      if (number % 10 === 0) await vi.waitFor(() => expect(log.stats().queued).toBeLessThan(15))
    }
    expect(log.accepting).toBe(true)
    expect(log.stats().spilled).toBeGreaterThan(400)
    expect(log.stats().lost).toBe(0)
    store.failing = false
    await Promise.all(durable)
    await vi.waitFor(async () => expect(versions(await rowsOf(store))).toHaveLength(500), 20_000)
    expect(versions(await rowsOf(store))).toEqual(upTo(500))
    await vi.waitFor(() => expect(log.stats().spillBytes).toBe(0))
  })

  it('stops accepting when the spill file is full as well', async () => {
    const { log, store } = await start({ whenFull: 'spill', queueEventsMax: 10, spillBytesMax: 2_000 })
    store.failing = true
    for (const number of upTo(100)) {
      if (!log.accepting) break
      log.record(keyEvent(number))
      await new Promise(setImmediate)
    }
    await vi.waitFor(() => expect(log.accepting).toBe(false))
    store.failing = false
    await log.flush()
    expect(log.stats().lost).toBe(0)
  })

  it('takes up what an earlier run left in the spill file', async () => {
    const directory = temporaryDirectory()
    const first = await start({ whenFull: 'spill', queueEventsMax: 10 }, directory)
    first.store.failing = true
    for (const number of upTo(7)) first.log.record(keyEvent(number))
    expect(await first.log.close(20)).toBe(0)
    const second = await start({ whenFull: 'spill' }, directory)
    second.log.record(keyEvent(8))
    await second.log.flush()
    expect(versions(await rowsOf(second.store))).toEqual(upTo(8))
  })

  it('cuts off a torn tail of the spill file and says so, and says how many lines are damaged', async () => {
    const directory = temporaryDirectory()
    const path = join(directory, 'spill')
    const first = await start({ whenFull: 'spill' }, directory)
    first.store.failing = true
    for (const number of upTo(3)) first.log.record(keyEvent(number))
    await first.log.close(20)
    const [one, two, three] = readFileSync(path, 'utf8').split('\n')
    writeFileSync(path, `${one}\n${two!.replace('acme', 'evil')}\n${three}\n`)
    appendFileSync(path, three!.slice(0, 30))
    const second = await start({ whenFull: 'spill' }, directory)
    await vi.waitFor(async () => {
      expect(versions(await rowsOf(second.store))).toEqual([1, 3])
      const markers = (await rowsOf(second.store, SYSTEM_CHAIN)).map(({ event }) => event['detail'] as string)
      expect(markers.toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
        'damaged lines in the spill file',
        'the spill file ended in 30 bytes of an event that was never acknowledged',
      ])
    })
  })

  it('lets only the owner read the spill file', async () => {
    const { directory } = await start({ whenFull: 'spill' })
    expect(statSync(join(directory, 'spill')).mode & 0o777).toBe(0o600)
  })
})

describe('checkpoints and damage', () => {
  it('signs after so many rows and when it closes, and proves the chain', async () => {
    const { signer, verifier } = newSigner()
    const { log, store } = await start({ signer, checkpointRowsMax: 10, batchEventsMax: 10 })
    for (const number of upTo(25)) log.record(keyEvent(number))
    await log.flush()
    await log.close()
    const verification = await verifyChain(auditEntries(store, { chain: 'acme' }), [verifier])
    expect(verification).toMatchObject({ ok: true, rows: 25, checkpoints: 3, signedUpTo: 25 })
  })

  it('signs after some time', async () => {
    const { signer } = newSigner()
    const { log, store } = await start({ signer, checkpointIntervalMs: 20 })
    await log.recordDurably(keyEvent(1))
    await vi.waitFor(async () => expect(await store.newestCheckpoints()).toHaveLength(1))
  })

  it('signs at the next start what a crash left unsigned', async () => {
    const { signer } = newSigner()
    const directory = temporaryDirectory()
    const store = await SqliteAuditStore.open(join(directory, 'audit.sqlite'))
    await store.append([entry(1)])
    await store.close()
    const second = await start({ signer, checkpointIntervalMs: 20 }, directory)
    await vi.waitFor(async () => {
      expect(await second.store.newestCheckpoints()).toMatchObject([{ chain: 'acme', sequence: 1 }])
    })
  })

  it('marks rows that are signed for but gone, and the chain goes on behind them', async () => {
    const directory = temporaryDirectory()
    const { signer, verifier } = newSigner()
    const store = await SqliteAuditStore.open(join(directory, 'audit.sqlite'))
    await store.append([entry(1)])
    await store.addCheckpoint(
      signCheckpoint({ chain: 'acme', sequence: 4, hash: 'a'.repeat(64) }, 'now', signer),
    )
    await store.close()
    const second = await start({ signer }, directory)
    await second.log.recordDurably(keyEvent(2))
    const rows = await rowsOf(second.store)
    expect(rows.map(({ sequence, event }) => [sequence, event.type])).toEqual([
      [1, 'tenant-key.created'],
      [5, 'audit.repaired'],
      [6, 'tenant-key.created'],
    ])
    expect(rows[1]!.event).toMatchObject({ count: 3 })
    const { problems } = await verifyChain(auditEntries(second.store, { chain: 'acme' }), [verifier])
    expect(problems.map(({ kind, detail }) => `${kind}: ${detail}`)).toEqual([
      'missing: rows 2 to 4 are missing',
    ])
  })

  it('notices while it runs that the chain became shorter', async () => {
    const { log, store, directory } = await start()
    for (const number of upTo(5)) log.record(keyEvent(number))
    await log.flush()
    const { DatabaseSync } = await import('node:sqlite')
    const database = new DatabaseSync(join(directory, 'audit.sqlite'))
    database.exec('DROP TRIGGER audit_row_no_DELETE; DELETE FROM audit_row WHERE sequence > 3')
    database.close()
    await log.recordDurably(keyEvent(6))
    await log.flush()
    expect(log.stats().chainRegressions).toBe(1)
    expect((await rowsOf(store)).at(-1)!.event).toMatchObject({ type: 'audit.chain-regressed', count: 2 })
  })

  it('keeps one signing key however often it is opened, readable by its owner only', async () => {
    const path = join(temporaryDirectory(), 'audit-key.pem')
    const signers = await Promise.all(Array.from({ length: 5 }, () => openSigningKey(path)))
    expect(new Set(signers.map(({ keyId }) => keyId)).size).toBe(1)
    expect((await openSigningKey(path)).keyId).toBe(signers[0]!.keyId)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    writeFileSync(path, 'not a key')
    await expect(openSigningKey(path)).rejects.toThrow('not a PEM private key')
  })
})
