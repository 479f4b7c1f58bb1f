import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { PostgresAuditStore } from '../../src/audit/postgres-audit-store.ts'
import { auditEntries } from '../../src/audit/entries.ts'
import { signCheckpoint } from '../../src/audit/checkpoint.ts'
import { verifyChain } from '../../src/audit/verify-chain.ts'
import { auditStoreSuite } from '../audit/audit-store-suite.ts'
import { entry, newSigner } from '../audit/samples.ts'
import { PostgresServer, postgresPrograms } from './support/postgres-server.ts'

const programs = postgresPrograms()

describe.skipIf(programs === undefined)('PostgreSQL (skipped where it is not installed)', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await PostgresServer.start(programs!)
  })

  afterAll(async () => {
    await server?.stop()
  })

  auditStoreSuite('PostgreSQL', async () => {
    const url = await server.createDatabase()
    return { open: () => PostgresAuditStore.open({ url }) }
  })

  async function newStore(): Promise<{
    store: PostgresAuditStore
    url: string
    run: (sql: string) => Promise<void>
  }> {
    const url = await server.createDatabase()
    const store = await PostgresAuditStore.open({ url, onError: () => undefined })
    onTestFinished(() => store.close())
    const run = async (sql: string): Promise<void> => {
      const client = new Client({ connectionString: url })
      await client.connect()
      try {
        await client.query(sql)
      } finally {
        await client.end()
      }
    }
    return { store, url, run }
  }

  describe('audit rows in PostgreSQL', () => {
    it('cannot be changed, deleted or truncated by an ordinary statement', async () => {
      const { store, run } = await newStore()
      await store.append([entry(1)])
      for (const statement of [
        "UPDATE audit_row SET record = '{}'",
        'DELETE FROM audit_row',
        'TRUNCATE audit_row',
      ]) {
        await expect(run(statement)).rejects.toThrow('append-only')
      }
    })

    const swap =
      'UPDATE audit_row SET sequence = 1012 - sequence WHERE sequence IN (5, 7); UPDATE audit_row SET sequence = sequence - 1000 WHERE sequence > 1000'
    it.each([
      [
        'an edited row',
        "UPDATE audit_row SET record = replace(record, 'jira', 'wiki') WHERE sequence = 5",
        'edited',
      ],
      ['an edited hash', "UPDATE audit_row SET hash = repeat('0', 64) WHERE sequence = 5", 'edited'],
      ['a removed row', 'DELETE FROM audit_row WHERE sequence = 5', 'missing'],
      ['a removed beginning', 'DELETE FROM audit_row WHERE sequence < 5', 'missing'],
      ['a removed end', 'DELETE FROM audit_row WHERE sequence > 7', 'tail-missing'],
      ['everything removed', 'DELETE FROM audit_row', 'tail-missing'],
      ['two rows in each other’s place', swap, 'reordered'],
    ])('shows %s', async (_, tampering, kind) => {
      const { store, run } = await newStore()
      const { signer, verifier } = newSigner()
      const [result] = await store.append(Array.from({ length: 10 }, (_, index) => entry(index + 1)))
      await store.addCheckpoint(signCheckpoint(result!.head, 'now', signer))
      await run(`ALTER TABLE audit_row DISABLE TRIGGER USER; ${tampering}`)
      const verification = await verifyChain(auditEntries(store, { chain: 'acme' }), [verifier])
      expect(verification.ok).toBe(false)
      expect(verification.problems.map((problem) => problem.kind)).toContain(kind)
    })

    it('goes on after its connections were cut and after a crash of the server', async () => {
      const { store, url } = await newStore()
      await store.append([entry(1)])
      await server.cutConnections(url)
      await retried(() => store.append([entry(2)]))
      await server.kill()
      await expect(store.append([entry(3)])).rejects.toThrow()
      await server.run()
      await retried(() => store.append([entry(3)]))
      const verification = await verifyChain(auditEntries(store, { chain: 'acme' }), [])
      expect(verification).toMatchObject({ ok: true, rows: 3 })
    })

    it('refuses a database of a newer program', async () => {
      const { url, run } = await newStore()
      await run('UPDATE audit_schema SET version = 99')
      await expect(PostgresAuditStore.open({ url })).rejects.toThrow('schema 99')
    })
  })
})

async function retried(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await work()
      return
    } catch (thrown) {
      if (attempt === 100) throw thrown
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
