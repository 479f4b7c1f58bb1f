import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Registry } from '../../src/registry/registry.ts'
import { SqliteDatabase } from '../../src/registry/sqlite/sqlite-database.ts'
import { controlPlaneSuite } from './control-plane-suite.ts'
import { registrySuite } from './registry-suite.ts'
import { sqliteBackend } from './sqlite-backend.ts'
import { wrappedKey } from './wrapped-key.ts'

registrySuite(sqliteBackend())
controlPlaneSuite(sqliteBackend())

describe('the SQLite file', () => {
  let directory: string

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'portcullis-'))
  })

  afterEach(() => rmSync(directory, { recursive: true }))

  test('of a newer program is refused', () => {
    const file = join(directory, 'registry.sqlite')
    const newer = new DatabaseSync(file)
    newer.exec('PRAGMA user_version = 9999')
    newer.close()
    expect(() => new SqliteDatabase(file)).toThrow(/schema 9999/)
  })

  test('with a damaged row is refused instead of half read', async () => {
    const file = join(directory, 'registry.sqlite')
    const database = new SqliteDatabase(file)
    await database.addWrappedKey(wrappedKey(1))
    await database.close()
    const raw = new DatabaseSync(file)
    raw.exec("UPDATE wrapped_key SET data_class = 'nonsense'")
    raw.close()
    await expect(Registry.load(new SqliteDatabase(file))).rejects.toThrow(/data_class/)
  })

  test('that is no database is refused', () => {
    const file = join(directory, 'registry.sqlite')
    writeFileSync(file, 'this is a text file, long enough to be looked at '.repeat(100))
    expect(() => new SqliteDatabase(file)).toThrow()
  })
})
