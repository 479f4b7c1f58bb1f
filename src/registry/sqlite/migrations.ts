import type { DatabaseSync } from 'node:sqlite'

/** Schema changes in order; the position is the version. Released ones never change. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE wrapped_key (
     sequence INTEGER PRIMARY KEY AUTOINCREMENT,
     key_id TEXT NOT NULL UNIQUE CHECK (length(key_id) = 32),
     organization TEXT NOT NULL,
     site TEXT NOT NULL,
     app TEXT NOT NULL,
     data_class TEXT NOT NULL,
     authority_id TEXT NOT NULL,
     version INTEGER NOT NULL CHECK (version >= 1),
     created_at TEXT NOT NULL,
     UNIQUE (site, app, data_class, version)
   ) STRICT;
   CREATE TABLE wrapped_copy (
     key_id TEXT NOT NULL REFERENCES wrapped_key (key_id),
     position INTEGER NOT NULL,
     region TEXT NOT NULL,
     key_arn TEXT NOT NULL,
     ciphertext BLOB NOT NULL CHECK (length(ciphertext) BETWEEN 1 AND 6144),
     PRIMARY KEY (key_id, region)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE suspension (
     sequence INTEGER PRIMARY KEY AUTOINCREMENT,
     id TEXT NOT NULL UNIQUE,
     authority_id TEXT NOT NULL,
     reason TEXT NOT NULL,
     scope TEXT NOT NULL,
     since TEXT NOT NULL,
     ended_at TEXT,
     key_id TEXT,
     region TEXT,
     aws_error TEXT,
     aws_request_id TEXT,
     placed_by TEXT
   ) STRICT;
   CREATE INDEX suspension_of_authority ON suspension (authority_id, sequence);
   CREATE INDEX suspension_open ON suspension (authority_id) WHERE ended_at IS NULL;`,
]

/** Brings a database to the newest schema, one transaction per step. Throws when it is newer than this program. */
export function migrate(database: DatabaseSync): void {
  for (;;) {
    database.exec('BEGIN IMMEDIATE')
    try {
      const version = schemaVersion(database)
      const migration = MIGRATIONS[version]
      if (version > MIGRATIONS.length) {
        throw new Error(`the registry has schema ${version}, this program knows up to ${MIGRATIONS.length}`)
      }
      if (migration !== undefined) {
        database.exec(migration)
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

function schemaVersion(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()!['user_version'])
}
