import type { DatabaseSync } from 'node:sqlite'
import { assertKnownVersion, MIGRATIONS, SQLITE_DIALECT } from '../sql/migrations.ts'

/** Brings a database to the newest schema, one transaction per step. Throws when it is newer than this program. */
export function migrate(database: DatabaseSync): void {
  for (;;) {
    database.exec('BEGIN IMMEDIATE')
    try {
      const version = Number(database.prepare('PRAGMA user_version').get()!['user_version'])
      assertKnownVersion(version)
      const migration = MIGRATIONS[version]
      if (migration !== undefined) {
        database.exec(migration(SQLITE_DIALECT))
        database.exec(`PRAGMA user_version = ${version + 1}`)
      }
      database.exec('COMMIT')
      if (migration === undefined) return
    } catch (thrown) {
      database.exec('ROLLBACK')
      throw thrown
    }
  }
}
