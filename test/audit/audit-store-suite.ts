import { describe, expect, it, onTestFinished } from 'vitest'
import { signAnchor } from '../../src/audit/anchor.ts'
import type { AuditStore, RowQuery } from '../../src/audit/audit-store.ts'
import { signCheckpoint } from '../../src/audit/checkpoint.ts'
import { auditEntries } from '../../src/audit/entries.ts'
import { exportNdjson, readNdjson } from '../../src/audit/ndjson.ts'
import { pruneExpired, type Retention } from '../../src/audit/retention.ts'
import { expectedHash, GENESIS_HASH } from '../../src/audit/row.ts'
import { verifyChain } from '../../src/audit/verify-chain.ts'
import { entry, newSigner, START_MS } from './samples.ts'

/** A place where a store keeps its rows; opening it again is another process. */
export interface StorePlace {
  open(): Promise<AuditStore>
}

/** What every backend of `AuditStore` must do. */
export function auditStoreSuite(backend: string, newPlace: () => Promise<StorePlace>): void {
  const open = async (place: StorePlace): Promise<AuditStore> => {
    const store = await place.open()
    onTestFinished(() => store.close())
    return store
  }
  const newStore = async (): Promise<AuditStore> => open(await newPlace())
  const all = (store: AuditStore, query: Partial<RowQuery> = {}) =>
    store.rows({ chain: 'acme', afterSequence: 0, limit: 1_000, ...query })

  describe(`audit store on ${backend}`, () => {
    it('links rows from the genesis hash on, without gaps', async () => {
      const store = await newStore()
      await store.append([entry(1), entry(2)])
      await store.append([entry(3)])
      const rows = await all(store)
      expect(rows.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
      expect(rows[0]!.previousHash).toBe(GENESIS_HASH)
      expect(rows[1]!.previousHash).toBe(rows[0]!.hash)
      expect(rows[2]!.previousHash).toBe(rows[1]!.hash)
      expect(rows.map(expectedHash)).toEqual(rows.map(({ hash }) => hash))
    })

    it('keeps the chains of organizations apart', async () => {
      const store = await newStore()
      const results = await store.append([entry(1), entry(1, 'other'), entry(2), entry(2, 'other')])
      expect(results.map(({ head, firstSequence }) => [head.chain, firstSequence, head.sequence])).toEqual([
        ['acme', 1, 2],
        ['other', 1, 2],
      ])
      expect((await store.heads()).map(({ chain, sequence }) => [chain, sequence])).toEqual([
        ['acme', 2],
        ['other', 2],
      ])
      expect((await all(store, { chain: 'other' })).every(({ chain }) => chain === 'other')).toBe(true)
    })

    it('appends an entry once, however often it is repeated', async () => {
      const store = await newStore()
      await store.append([entry(1), entry(2)])
      const again = await store.append([entry(1), entry(2), entry(3)])
      expect(again).toMatchObject([{ firstSequence: 3, head: { sequence: 3 } }])
      expect(await store.append([entry(1)])).toEqual([])
      expect(await all(store)).toHaveLength(3)
    })

    it('appends from several processes at once to one unbroken chain', async () => {
      const place = await newPlace()
      const stores = await Promise.all([open(place), open(place), open(place)])
      await Promise.all(
        stores.flatMap((store, writer) =>
          Array.from({ length: 10 }, (_, batch) =>
            store.append([1, 2, 3].map((part) => entry(writer * 1000 + batch * 10 + part))),
          ),
        ),
      )
      const verification = await verifyChain(auditEntries(stores[0], { chain: 'acme' }), [])
      expect(verification).toMatchObject({ ok: true, rows: 90, lastSequence: 90 })
    })

    it('goes on with the chain after it was closed', async () => {
      const place = await newPlace()
      const first = await place.open()
      await first.append([entry(1)])
      await first.close()
      const second = await open(place)
      await second.append([entry(2)])
      expect(await verifyChain(auditEntries(second, { chain: 'acme' }), [])).toMatchObject({
        ok: true,
        rows: 2,
      })
    })

    it('filters by time, type, site and outcome, and pages by sequence number', async () => {
      const store = await newStore()
      const calls = (['succeeded', 'denied'] as const).map((outcome, number) => ({
        chain: 'acme',
        id: outcome,
        event: JSON.stringify({
          at: new Date(START_MS + (10 + number) * 1000).toISOString(),
          authority: 'acme',
          encryptionContext: { 'portcullis:site': 'even' },
          outcome,
          type: 'key-service.called',
        }),
      }))
      await store.append([...Array.from({ length: 6 }, (_, index) => entry(index + 1)), ...calls])
      const numbers = async (query: Partial<RowQuery>): Promise<number[]> =>
        (await all(store, query)).map(({ sequence }) => sequence)
      expect(await numbers({ site: 'even' })).toEqual([2, 4, 6, 7, 8])
      expect(await numbers({ outcome: 'denied' })).toEqual([8])
      expect(await numbers({ types: ['key-service.called'] })).toEqual([7, 8])
      expect(await numbers({ types: ['key-service.called', 'tenant-key.created'], limit: 3 })).toEqual([
        1, 2, 3,
      ])
      expect(await numbers({ types: [] })).toEqual([])
      const second = (number: number): string => new Date(START_MS + number * 1000).toISOString()
      expect(await numbers({ from: second(2), to: second(4) })).toEqual([2, 3])
      expect(await numbers({ afterSequence: 6 })).toEqual([7, 8])
      expect(await numbers({ site: "'; DROP TABLE audit_row" })).toEqual([])
    })

    it('keeps checkpoints, and goes on behind a checkpoint whose rows are gone', async () => {
      const store = await newStore()
      const { signer, verifier } = newSigner()
      await store.append([entry(1), entry(2)])
      const beyond = signCheckpoint({ chain: 'acme', sequence: 5, hash: 'a'.repeat(64) }, 'now', signer)
      await store.addCheckpoint(beyond)
      await store.addCheckpoint(beyond)
      expect(await store.checkpoints('acme', 0, 10)).toEqual([beyond])
      expect(await store.checkpoints('acme', 5, 10)).toEqual([])
      expect(await store.newestCheckpoints()).toEqual([beyond])
      await store.append([entry(3)])
      const rows = await all(store)
      expect(rows.at(-1)).toMatchObject({ sequence: 6, previousHash: 'a'.repeat(64) })
      const { problems } = await verifyChain(auditEntries(store, { chain: 'acme' }), [verifier])
      expect(problems).toEqual([{ kind: 'missing', sequence: 3, detail: 'rows 3 to 5 are missing' }])
    })

    it('moves a cursor only from where it stands', async () => {
      const store = await newStore()
      expect(await store.moveCursor('webhook', 'acme', 0, 5)).toBe(true)
      expect(await store.moveCursor('webhook', 'acme', 0, 7)).toBe(false)
      expect(await store.moveCursor('webhook', 'acme', 5, 9)).toBe(true)
      expect(await store.moveCursor('syslog', 'acme', 0, 1)).toBe(true)
      expect([...(await store.cursors('webhook'))]).toEqual([['acme', 9]])
    })

    it('exports every chain with its checkpoints, and the export proves itself', async () => {
      const store = await newStore()
      const { signer, verifier } = newSigner()
      for (let number = 1; number <= 25; number += 1) {
        const [result] = await store.append([entry(number)])
        if (number % 10 === 0) await store.addCheckpoint(signCheckpoint(result!.head, 'now', signer))
      }
      await store.append([entry(1, 'other')])
      const chunks: Buffer[] = []
      for await (const chunk of exportNdjson(store, { pageRows: 7 })) chunks.push(Buffer.from(chunk))
      const entries = await Array.fromAsync(readNdjson(chunked(Buffer.concat(chunks), 100)))
      expect(entries).toHaveLength(28)
      const acme = entries.filter(({ chain }) => chain === 'acme')
      expect(await verifyChain(acme, [verifier])).toMatchObject({
        ok: true,
        rows: 25,
        checkpoints: 2,
        signedUpTo: 20,
      })
    })

    it('lets one process at a time deliver for a forwarder, until it lets go or its claim runs out', async () => {
      const place = await newPlace()
      const [one, two] = [await open(place), await open(place)]
      expect(await one.claim('siem', 'one', 60_000)).toBe(true)
      expect(await two.claim('siem', 'two', 60_000)).toBe(false)
      expect(await one.claim('siem', 'one', 60_000)).toBe(true)
      expect(await two.claim('other', 'two', 60_000)).toBe(true)
      await two.release('siem', 'two')
      expect(await two.claim('siem', 'two', 60_000)).toBe(false)
      await one.release('siem', 'one')
      expect(await two.claim('siem', 'two', 1)).toBe(true)
      await new Promise((resolve) => setTimeout(resolve, 20))
      expect(await one.claim('siem', 'one', 60_000)).toBe(true)
    })

    it('publishes the keys of everyone who signs', async () => {
      const place = await newPlace()
      const [one, two] = [await open(place), await open(place)]
      await one.addSigner('a', 'pem a')
      await two.addSigner('b', 'pem b')
      await two.addSigner('b', 'pem of somebody else')
      expect(await one.signers()).toEqual(['pem a', 'pem b'])
    })

    describe('retention', () => {
      const second = (number: number): string => new Date(START_MS + number * 1000).toISOString()
      const { signer, verifier } = newSigner()
      const prune = async (store: AuditStore, before: number, more: Partial<Retention> = {}) =>
        await Array.fromAsync(
          pruneExpired({
            store,
            signer,
            verifiers: [verifier],
            removedBefore: second(before),
            at: second(100),
            forwarders: [],
            ...more,
          }),
        )
      const filled = async (): Promise<AuditStore> => {
        const store = await newStore()
        for (let number = 1; number <= 20; number += 1) {
          const [result] = await store.append([entry(number)])
          if (number % 5 === 0) await store.addCheckpoint(signCheckpoint(result!.head, 'now', signer))
        }
        return store
      }
      const verified = (store: AuditStore) => verifyChain(auditEntries(store, { chain: 'acme' }), [verifier])

      it('removes the oldest rows, keeps the newest, and the rest proves itself', async () => {
        const store = await filled()
        expect(await prune(store, 13, { stepRows: 5 })).toMatchObject([{ count: 12, damaged: undefined }])
        expect((await all(store)).map(({ sequence }) => sequence)).toEqual([13, 14, 15, 16, 17, 18, 19, 20])
        expect(await verified(store)).toMatchObject({ ok: true, rows: 8, prunedUpTo: 12, signedUpTo: 20 })
        expect(await prune(store, 13)).toEqual([])
        expect(await prune(store, 10_000)).toMatchObject([{ count: 7 }])
        await store.append([entry(21)])
        expect(await verified(store)).toMatchObject({ ok: true, rows: 2, prunedUpTo: 19, lastSequence: 21 })
      })

      it('exports what is left with its anchor, and the export proves itself', async () => {
        const store = await filled()
        await prune(store, 13)
        const chunks: Buffer[] = []
        for await (const chunk of exportNdjson(store, { chain: 'acme' })) chunks.push(Buffer.from(chunk))
        const entries = await Array.fromAsync(readNdjson(chunked(Buffer.concat(chunks), 100)))
        expect(await verifyChain(entries, [verifier])).toMatchObject({ ok: true, rows: 8, prunedUpTo: 12 })
        const bare = entries.filter((one) => !('removedBefore' in one))
        expect((await verifyChain(bare, [verifier])).problems.map(({ kind }) => kind)).toEqual(['missing'])
      })

      it('keeps what a forwarder has not delivered', async () => {
        const store = await filled()
        await store.moveCursor('siem', 'acme', 0, 4)
        expect(await prune(store, 13, { forwarders: ['siem'] })).toMatchObject([{ count: 4 }])
        expect(await prune(store, 13, { forwarders: ['siem', 'new'] })).toEqual([])
      })

      it('removes nothing from a chain that somebody else signed for', async () => {
        const store = await filled()
        const forged = signCheckpoint({ chain: 'acme', sequence: 7, hash: 'a'.repeat(64) }, 'now', signer)
        await store.addCheckpoint(forged)
        expect(await prune(store, 13)).toMatchObject([{ count: 0, damaged: 'row 7: checkpoint-mismatch' }])
        expect(await all(store)).toHaveLength(20)
      })

      it('goes on with a removal that was interrupted', async () => {
        const store = await filled()
        const last = (await all(store))[11]!
        await store.prune(signAnchor(last, second(100), second(13), signer), 3)
        expect(await verified(store)).toMatchObject({ ok: true, rows: 17, prunedUpTo: 12 })
        expect(await prune(store, 13)).toMatchObject([{ count: 9 }])
        expect(await verified(store)).toMatchObject({ ok: true, rows: 8, prunedUpTo: 12 })
      })
    })

    it('rejects after it was closed', async () => {
      const store = await (await newPlace()).open()
      await store.close()
      await expect(store.append([entry(1)])).rejects.toThrow()
      await store.close()
    })
  })
}

async function* chunked(data: Buffer, bytes: number): AsyncGenerator<Buffer> {
  for (let offset = 0; offset < data.length; offset += bytes) yield data.subarray(offset, offset + bytes)
}
