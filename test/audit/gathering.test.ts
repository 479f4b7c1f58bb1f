import { appendFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { AuditLog } from '../../src/audit/audit-log.ts'
import type { KeyAccessProved, KeyServiceCalled } from '../../src/audit/event.ts'
import { GatheringSink } from '../../src/audit/gathering-sink.ts'
import { KeyUses, usesIn } from '../../src/audit/key-uses.ts'
import { eventText } from '../../src/audit/event-text.ts'
import { SYSTEM_CHAIN } from '../../src/audit/row.ts'
import { SqliteAuditStore } from '../../src/audit/sqlite-audit-store.ts'
import { START_MS, temporaryDirectory } from './samples.ts'

const REGIONS = ['eu-central-1', 'eu-west-1'] as const

function call(number: number, more: Partial<KeyServiceCalled> = {}): KeyServiceCalled {
  const region = REGIONS[number % 2]!
  return {
    type: 'key-service.called',
    at: new Date(START_MS + number * 700).toISOString(),
    authority: 'acme',
    operation: 'Decrypt',
    purpose: 'verify',
    region,
    resource: `arn:aws:kms:${region}:111122223333:key/mrk-1`,
    encryptionContext: { 'portcullis:organization': 'acme', 'portcullis:site': `site-${number % 3}` },
    outcome: 'succeeded',
    awsRequestId: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    ...more,
  }
}

interface Started {
  readonly sink: GatheringSink
  readonly log: AuditLog
  readonly events: (chain?: string) => Promise<Record<string, unknown>[]>
  readonly directory: string
}

async function start(directory = temporaryDirectory(), intervalMs = 60_000): Promise<Started> {
  const store = await SqliteAuditStore.open(join(directory, 'audit.sqlite'))
  const log = await AuditLog.open({ store, whenFull: 'refuse', batchDelayMs: 0 })
  const fail = (error: unknown): never => {
    throw error
  }
  const sink = await GatheringSink.open({ log, directory, intervalMs, onError: fail })
  onTestFinished(async () => {
    await log.close(1_000)
    await store.close()
  })
  const events = async (chain = 'acme') => {
    await log.flush()
    return (await store.rows({ chain, afterSequence: 0, limit: 1_000 })).map(({ event }) => event)
  }
  return { sink, log, events, directory }
}

const journals = (directory: string): string[] =>
  readdirSync(directory).filter((file) => file.startsWith('key-uses-'))

describe('proofs of access', () => {
  it('become one row, from which every single use comes back as it was', async () => {
    const { sink, events } = await start()
    const calls = Array.from({ length: 30 }, (_, number) => call(number))
    for (const one of calls) sink.record(one)
    await sink.seal()
    const rows = await events()
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({
      type: 'key-service.proved',
      uses: 30,
      at: calls[0]!.at,
      until: calls[29]!.at,
    })
    const uses = usesIn(rows[0] as unknown as KeyAccessProved).toSorted((a, b) => (a.at < b.at ? -1 : 1))
    expect(uses).toEqual(calls)
  })

  it('show their request IDs in the stored text itself, so that a search finds them', () => {
    const uses = new KeyUses(call(1))
    uses.add(call(1))
    expect(eventText(uses.event())).toContain('00000000-0000-4000-8000-000000000001')
  })

  it('are written before what ends access, in that order', async () => {
    const { sink, events } = await start()
    sink.record(call(1))
    sink.record(call(2))
    sink.record(call(3, { outcome: 'denied', awsError: 'DisabledException' }))
    sink.record(call(4))
    await sink.close()
    expect((await events()).map(({ type, uses }) => [type, uses])).toEqual([
      ['key-service.proved', 2],
      ['key-service.called', undefined],
      ['key-service.proved', 1],
    ])
  })

  it.each([
    ['a refused call', { outcome: 'denied' as const }],
    ['the use of a tenant key', { purpose: 'unwrap' as const }],
    ['a call without a request ID', { awsRequestId: undefined as never }],
  ])('do not swallow %s', async (_, more) => {
    const { sink, events } = await start()
    sink.record(call(1, more))
    expect(await events()).toMatchObject([{ type: 'key-service.called' }])
  })

  it('fit their rows however many they are', async () => {
    const { sink, events } = await start()
    const numbers = Array.from({ length: 2_000 }, (_, number) => number)
    for (const number of numbers) {
      sink.record(call(number, { encryptionContext: { 'portcullis:site': `site-${number % 100}` } }))
    }
    await sink.seal()
    const uses = (await events()).flatMap((event) => usesIn(event as unknown as KeyAccessProved))
    expect(uses).toHaveLength(numbers.length)
    expect(new Set(uses.map(({ awsRequestId }) => awsRequestId))).toEqual(
      new Set(numbers.map((number) => call(number).awsRequestId)),
    )
    const sites = uses.map(({ encryptionContext }) => encryptionContext!['portcullis:site'])
    expect(new Set(sites).size).toBe(100)
  })

  it('of each authority have their own rows, and each its own row where nothing is to be gathered', async () => {
    const { sink, events } = await start()
    sink.record(call(1))
    sink.record(call(2, { authority: 'other' }))
    await sink.seal()
    expect([await events(), await events('other')].map(({ length }) => length)).toEqual([1, 1])
    const single = await start(temporaryDirectory(), 0)
    single.sink.record(call(1))
    single.sink.record(call(2))
    expect((await single.events()).map(({ type }) => type)).toEqual([
      'key-service.called',
      'key-service.called',
    ])
  })

  it('are written when the interval ends, and leave nothing behind on disk', async () => {
    const { sink, events, directory } = await start(temporaryDirectory(), 50)
    sink.record(call(1))
    await vi.waitFor(async () => expect(await events()).toHaveLength(1), 10_000)
    await vi.waitFor(() => expect(journals(directory)).toEqual([]), 10_000)
  })

  it('that were gathered when the process ended are in a row after the next start, once', async () => {
    const directory = temporaryDirectory()
    const first = await start(directory)
    for (const number of [1, 2, 3]) first.sink.record(call(number))
    await vi.waitFor(() => expect(journals(directory)).toHaveLength(1), 10_000)
    await new Promise((resolve) => setTimeout(resolve, 50))
    appendFileSync(join(directory, journals(directory)[0]!), '{"id":"torn","use":{"at')
    // no seal and no close, as after a signal that cannot be caught
    const second = await start(directory)
    expect(await second.events()).toMatchObject([{ type: 'key-service.proved', uses: 3 }])
    expect(await second.events(SYSTEM_CHAIN)).toMatchObject([{ type: 'audit.repaired', count: 1 }])
    await vi.waitFor(() => expect(journals(directory)).toEqual([]), 10_000)
    await first.sink.seal()
    expect(await second.events()).toHaveLength(1)
  })
})
