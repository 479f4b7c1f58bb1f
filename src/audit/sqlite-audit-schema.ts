/** Version of {@link AUDIT_SCHEMA}, kept in `user_version`. */
export const AUDIT_SCHEMA_VERSION = 1

/** What a filter looks at is computed from the hashed record itself, so it cannot be made to say something else. */
const fromRecord = (path: string): string =>
  `CASE WHEN json_valid(record) THEN json_extract(record, '${path}') END`

const refusal = (table: string, change: string): string =>
  `CREATE TRIGGER ${table}_no_${change} BEFORE ${change} ON ${table}
   BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;`

/** Tables of the audit trail. */
export const AUDIT_SCHEMA = `
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
