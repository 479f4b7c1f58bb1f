/** What a filter looks at is computed from the hashed record itself, so it cannot be made to say something else. */
const fromRecord = (path: string): string =>
  `CASE WHEN json_valid(record) THEN json_extract(record, '${path}') END`

const refusal = (table: string, change: string): string =>
  `CREATE TRIGGER ${table}_no_${change} BEFORE ${change} ON ${table}
   BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;`

const TABLES = `
  CREATE TABLE audit_row (
    chain TEXT NOT NULL,
    sequence INTEGER NOT NULL CHECK (sequence >= 1),
    id TEXT NOT NULL,
    record TEXT NOT NULL,
    hash TEXT NOT NULL CHECK (length(hash) = 64),
    at TEXT GENERATED ALWAYS AS (${fromRecord('$.event.at')}) VIRTUAL,
    type TEXT GENERATED ALWAYS AS (${fromRecord('$.event.type')}) VIRTUAL,
    site TEXT GENERATED ALWAYS AS (
      coalesce(${fromRecord('$.event.site')}, ${fromRecord('$.event.encryptionContext."portcullis:site"')})
    ) VIRTUAL,
    outcome TEXT GENERATED ALWAYS AS (${fromRecord('$.event.outcome')}) VIRTUAL,
    PRIMARY KEY (chain, sequence)
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX audit_row_id ON audit_row (chain, id);
  CREATE INDEX audit_row_at ON audit_row (chain, at);
  CREATE TABLE audit_checkpoint (
    chain TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    hash TEXT NOT NULL,
    at TEXT NOT NULL,
    key_id TEXT NOT NULL,
    signature TEXT NOT NULL,
    PRIMARY KEY (chain, sequence)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE audit_cursor (
    forwarder TEXT NOT NULL,
    chain TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (forwarder, chain)
  ) STRICT, WITHOUT ROWID;
  ${['audit_row', 'audit_checkpoint'].flatMap((table) => ['UPDATE', 'DELETE'].map((change) => refusal(table, change))).join('\n')}
`

/** Rows may go once a signed anchor says so, and checkpoints of rows that are gone with them. */
const RETENTION = `
  CREATE TABLE audit_anchor (
    chain TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    hash TEXT NOT NULL,
    at TEXT NOT NULL,
    removed_before TEXT NOT NULL,
    key_id TEXT NOT NULL,
    signature TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE audit_signer (key_id TEXT PRIMARY KEY, public_key TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE audit_claim (
    forwarder TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  ${['audit_row', 'audit_checkpoint'].map((table) => `DROP TRIGGER ${table}_no_DELETE; ${guardedRemoval(table)}`).join('\n')}
`

function guardedRemoval(table: string): string {
  return `CREATE TRIGGER ${table}_no_DELETE BEFORE DELETE ON ${table}
    WHEN NOT EXISTS (SELECT 1 FROM audit_anchor WHERE chain = OLD.chain AND sequence >= OLD.sequence)
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;`
}

/** Schema changes in order; the position is the version, kept in `user_version`. Released ones never change. */
export const AUDIT_MIGRATIONS: readonly string[] = [TABLES, RETENTION]
