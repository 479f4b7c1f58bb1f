import { DatabaseSync } from 'node:sqlite'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { signCheckpoint } from '../../src/audit/checkpoint.ts'
import { auditEntries } from '../../src/audit/entries.ts'
import { SqliteAuditStore } from '../../src/audit/sqlite-audit-store.ts'
import { verifyChain } from '../../src/audit/verify-chain.ts'
import { auditStoreSuite } from './audit-store-suite.ts'
import { entry, newSigner, temporaryDirectory } from './samples.ts'

auditStoreSuite('SQLite', async () => {
  const file = join(temporaryDirectory(), 'audit.sqlite')
  return { open: () => SqliteAuditStore.open(file) }
})

describe('audit rows in SQLite', () => {
  it('cannot be changed or deleted by an ordinary statement', async () => {
    const file = join(temporaryDirectory(), 'audit.sqlite')
    const store = await SqliteAuditStore.open(file)
    onTestFinished(() => store.close())
    await store.append([entry(1)])
    const database = new DatabaseSync(file)
    onTestFinished(() => database.close())
    expect(() => database.exec("UPDATE audit_row SET record = '{}'")).toThrow('append-only')
    expect(() => database.exec('DELETE FROM audit_row')).toThrow('append-only')
  })

  const SWAP =
    'UPDATE audit_row SET sequence = 12 - sequence + 1000 WHERE sequence IN (5, 7); UPDATE audit_row SET sequence = sequence - 1000 WHERE sequence > 1000'
  it.each([
    [
      'an edited row',
      "UPDATE audit_row SET record = replace(record, 'jira', 'wiki') WHERE sequence = 5",
      'edited',
    ],
    ['an edited hash', "UPDATE audit_row SET hash = printf('%064d', 0) WHERE sequence = 5", 'edited'],
    [
      'a row that is no longer JSON',
      'UPDATE audit_row SET record = substr(record, 1, 40) WHERE sequence = 5',
      'edited',
    ],
    ['a removed row', 'DELETE FROM audit_row WHERE sequence = 5', 'missing'],
    ['a removed beginning', 'DELETE FROM audit_row WHERE sequence < 5', 'missing'],
    ['a removed end', 'DELETE FROM audit_row WHERE sequence > 7', 'tail-missing'],
    ['everything removed', 'DELETE FROM audit_row', 'tail-missing'],
    ['two rows in each other’s place', SWAP, 'reordered'],
  ])('shows %s', async (_, tampering, kind) => {
    const file = join(temporaryDirectory(), 'audit.sqlite')
    const { signer, verifier } = newSigner()
    const store = await SqliteAuditStore.open(file)
    onTestFinished(() => store.close())
    const [result] = await store.append(Array.from({ length: 10 }, (_, index) => entry(index + 1)))
    await store.addCheckpoint(signCheckpoint(result!.head, 'now', signer))
    const database = new DatabaseSync(file)
    database.exec('DROP TRIGGER audit_row_no_UPDATE; DROP TRIGGER audit_row_no_DELETE')
    database.exec(tampering)
    database.close()
    const verification = await verifyChain(auditEntries(store, { chain: 'acme' }), [verifier])
    expect(verification.ok).toBe(false)
    expect(verification.problems.map((problem) => problem.kind)).toContain(kind)
  })

  it('refuses a file that is no database, and one of a newer program', async () => {
    const directory = temporaryDirectory()
    const garbage = join(directory, 'garbage.sqlite')
    writeFileSync(garbage, 'not a database, certainly not one of ours'.repeat(100))
    await expect(SqliteAuditStore.open(garbage)).rejects.toThrow()
    const newer = join(directory, 'newer.sqlite')
    const database = new DatabaseSync(newer)
    database.exec('PRAGMA user_version = 99')
    database.close()
    await expect(SqliteAuditStore.open(newer)).rejects.toThrow('schema 99')
  })
})
