/** How one database spells what the schema needs. */
export interface SqlDialect {
  /** Primary key that counts up by itself, in order of insertion. */
  readonly sequence: string
  readonly integer: string
  readonly bytes: string
  /** After the closing parenthesis of a table. */
  readonly strict: string
  readonly keyed: string
}

export const SQLITE_DIALECT: SqlDialect = {
  sequence: 'INTEGER PRIMARY KEY AUTOINCREMENT',
  integer: 'INTEGER',
  bytes: 'BLOB',
  strict: 'STRICT',
  keyed: 'STRICT, WITHOUT ROWID',
}

export const POSTGRES_DIALECT: SqlDialect = {
  sequence: 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
  integer: 'BIGINT',
  bytes: 'BYTEA',
  strict: '',
  keyed: '',
}

/** Schema changes in order; the position is the version. Released ones never change. */
export const MIGRATIONS: readonly ((dialect: SqlDialect) => string)[] = [
  ({ sequence, integer, bytes, strict, keyed }) =>
    `CREATE TABLE wrapped_key (
       sequence ${sequence},
       key_id TEXT NOT NULL UNIQUE CHECK (length(key_id) = 32),
       organization TEXT NOT NULL,
       site TEXT NOT NULL,
       app TEXT NOT NULL,
       data_class TEXT NOT NULL,
       authority_id TEXT NOT NULL,
       version ${integer} NOT NULL CHECK (version >= 1),
       created_at TEXT NOT NULL,
       UNIQUE (site, app, data_class, version)
     ) ${strict};
     CREATE TABLE wrapped_copy (
       key_id TEXT NOT NULL REFERENCES wrapped_key (key_id),
       position ${integer} NOT NULL,
       region TEXT NOT NULL,
       key_arn TEXT NOT NULL,
       ciphertext ${bytes} NOT NULL CHECK (length(ciphertext) BETWEEN 1 AND 6144),
       PRIMARY KEY (key_id, region)
     ) ${keyed};
     CREATE TABLE suspension (
       sequence ${sequence},
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
     ) ${strict};
     CREATE INDEX suspension_of_authority ON suspension (authority_id, sequence);
     CREATE INDEX suspension_open ON suspension (authority_id) WHERE ended_at IS NULL;`,
  ({ sequence, integer, strict, keyed }) =>
    `CREATE TABLE registry_state (
       id ${integer} PRIMARY KEY CHECK (id = 1),
       revision ${integer} NOT NULL
     ) ${strict};
     INSERT INTO registry_state (id, revision) VALUES (1, 0);
     CREATE TABLE organization (
       id TEXT PRIMARY KEY,
       name TEXT,
       location TEXT NOT NULL,
       external_id TEXT UNIQUE,
       managed_by TEXT NOT NULL CHECK (managed_by IN ('api', 'file')),
       created_at TEXT NOT NULL,
       revision ${integer} NOT NULL
     ) ${keyed};
     CREATE TABLE byok (
       organization TEXT PRIMARY KEY REFERENCES organization (id),
       account_id TEXT NOT NULL CHECK (length(account_id) = 12),
       role_arn TEXT NOT NULL,
       root_keys TEXT NOT NULL,
       created_at TEXT NOT NULL,
       revision ${integer} NOT NULL
     ) ${keyed};
     CREATE TABLE root_key_owner (
       root_key TEXT PRIMARY KEY,
       owner TEXT NOT NULL
     ) ${keyed};
     CREATE TABLE site (
       name TEXT PRIMARY KEY,
       organization TEXT NOT NULL REFERENCES organization (id),
       hosts TEXT NOT NULL,
       managed_by TEXT NOT NULL CHECK (managed_by IN ('api', 'file')),
       created_at TEXT NOT NULL,
       removed_at TEXT,
       revision ${integer} NOT NULL
     ) ${keyed};
     CREATE TABLE site_host (
       host TEXT PRIMARY KEY,
       site TEXT NOT NULL REFERENCES site (name)
     ) ${keyed};
     CREATE TABLE app (
       site TEXT NOT NULL REFERENCES site (name),
       type TEXT NOT NULL,
       byok ${integer} NOT NULL CHECK (byok IN (0, 1)),
       created_at TEXT NOT NULL,
       removed_at TEXT,
       revision ${integer} NOT NULL,
       PRIMARY KEY (site, type)
     ) ${keyed};
     CREATE TABLE app_token (
       id TEXT PRIMARY KEY,
       organization TEXT NOT NULL REFERENCES organization (id),
       name TEXT NOT NULL,
       sha256 TEXT NOT NULL UNIQUE CHECK (length(sha256) = 64),
       sites TEXT NOT NULL,
       created_at TEXT NOT NULL,
       created_by TEXT NOT NULL,
       expires_at TEXT,
       removed_at TEXT,
       revision ${integer} NOT NULL
     ) ${keyed};
     CREATE UNIQUE INDEX app_token_name ON app_token (organization, name) WHERE removed_at IS NULL;
     CREATE TABLE access_key (
       access_key_id TEXT PRIMARY KEY,
       organization TEXT NOT NULL REFERENCES organization (id),
       name TEXT NOT NULL,
       site TEXT NOT NULL,
       app TEXT NOT NULL,
       sealed_secret TEXT NOT NULL,
       created_at TEXT NOT NULL,
       created_by TEXT NOT NULL,
       removed_at TEXT,
       revision ${integer} NOT NULL,
       FOREIGN KEY (site, app) REFERENCES app (site, type)
     ) ${keyed};
     CREATE UNIQUE INDEX access_key_name ON access_key (organization, name) WHERE removed_at IS NULL;
     CREATE TABLE administrator (
       id TEXT PRIMARY KEY,
       organization TEXT NOT NULL REFERENCES organization (id),
       name TEXT NOT NULL,
       role TEXT NOT NULL CHECK (role IN ('org-admin', 'auditor')),
       sha256 TEXT UNIQUE CHECK (length(sha256) = 64),
       subject TEXT,
       created_at TEXT NOT NULL,
       created_by TEXT NOT NULL,
       expires_at TEXT,
       removed_at TEXT,
       revision ${integer} NOT NULL,
       CHECK ((sha256 IS NULL) <> (subject IS NULL))
     ) ${keyed};
     CREATE UNIQUE INDEX administrator_name ON administrator (organization, name) WHERE removed_at IS NULL;
     CREATE UNIQUE INDEX administrator_subject ON administrator (subject) WHERE removed_at IS NULL;
     CREATE TABLE idempotent_request (
       caller TEXT NOT NULL,
       idempotency_key TEXT NOT NULL,
       fingerprint TEXT NOT NULL,
       answer TEXT,
       begun_at TEXT NOT NULL,
       PRIMARY KEY (caller, idempotency_key)
     ) ${keyed};
     CREATE INDEX idempotent_request_begun ON idempotent_request (begun_at);
     CREATE TABLE job (
       sequence ${sequence},
       id TEXT NOT NULL UNIQUE,
       kind TEXT NOT NULL,
       organization TEXT NOT NULL,
       state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed')),
       work TEXT NOT NULL,
       total ${integer} NOT NULL,
       done ${integer} NOT NULL,
       created_at TEXT NOT NULL,
       created_by TEXT NOT NULL,
       finished_at TEXT,
       error TEXT,
       worker TEXT,
       worker_until TEXT
     ) ${strict};
     CREATE INDEX job_of_organization ON job (organization, kind, sequence);
     CREATE INDEX job_open ON job (sequence) WHERE finished_at IS NULL;
     CREATE INDEX organization_revision ON organization (revision);
     CREATE INDEX byok_revision ON byok (revision);
     CREATE INDEX site_revision ON site (revision);
     CREATE INDEX app_revision ON app (revision);
     CREATE INDEX app_token_revision ON app_token (revision);
     CREATE INDEX access_key_revision ON access_key (revision);
     CREATE INDEX administrator_revision ON administrator (revision);`,
  () =>
    `ALTER TABLE access_key ADD COLUMN buckets TEXT NOT NULL DEFAULT '[]';
     ALTER TABLE access_key ADD COLUMN expires_at TEXT;`,
  ({ integer, keyed }) =>
    `CREATE TABLE replica (
       name TEXT PRIMARY KEY,
       started_at TEXT NOT NULL,
       seen_at TEXT NOT NULL,
       stopped_at TEXT
     ) ${keyed};
     CREATE TABLE cut_confirmation (
       suspension_id TEXT NOT NULL,
       replica TEXT NOT NULL,
       last_allowed_at TEXT,
       wiped_at TEXT NOT NULL,
       keys_wiped ${integer} NOT NULL,
       transfers_cut ${integer} NOT NULL,
       PRIMARY KEY (suspension_id, replica)
     ) ${keyed};`,
]

/** The number of a version that this program does not know; it must not touch such a database. */
export function assertKnownVersion(version: number): void {
  if (version <= MIGRATIONS.length) return
  throw new Error(`the registry has schema ${version}, this program knows up to ${MIGRATIONS.length}`)
}
