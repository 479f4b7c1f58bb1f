/** What a filter looks at is computed from the hashed record itself, so it cannot be made to say something else. */
const fromRecord = (path: string): string => `record::json #>> '{event,${path}}'`

const refusal = (table: string): string => `
  CREATE TRIGGER ${table}_no_update BEFORE UPDATE ON ${table}
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
  CREATE TRIGGER ${table}_no_truncate BEFORE TRUNCATE ON ${table} EXECUTE FUNCTION audit_refuse();
  CREATE TRIGGER ${table}_no_delete BEFORE DELETE ON ${table}
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_unless_anchored();`

/**
 * Schema changes in order; the position is the version, kept in `audit_schema`. Released ones never change.
 * `audit_chain` has a row for each chain, and whoever appends holds its lock: writers take turns per chain only.
 */
export const POSTGRES_AUDIT_MIGRATIONS: readonly string[] = [
  `CREATE TABLE audit_chain (chain TEXT PRIMARY KEY);
   CREATE TABLE audit_row (
     chain TEXT NOT NULL,
     sequence BIGINT NOT NULL CHECK (sequence >= 1),
     id TEXT NOT NULL,
     record TEXT NOT NULL,
     hash TEXT NOT NULL CHECK (length(hash) = 64),
     at TEXT COLLATE "C" GENERATED ALWAYS AS (${fromRecord('at')}) STORED,
     type TEXT GENERATED ALWAYS AS (${fromRecord('type')}) STORED,
     site TEXT GENERATED ALWAYS AS (
       coalesce(${fromRecord('site')}, ${fromRecord('encryptionContext,portcullis:site')})
     ) STORED,
     outcome TEXT GENERATED ALWAYS AS (${fromRecord('outcome')}) STORED,
     PRIMARY KEY (chain, sequence)
   );
   CREATE UNIQUE INDEX audit_row_id ON audit_row (chain, id);
   CREATE INDEX audit_row_at ON audit_row (chain, at);
   CREATE TABLE audit_checkpoint (
     chain TEXT NOT NULL,
     sequence BIGINT NOT NULL,
     hash TEXT NOT NULL,
     at TEXT NOT NULL,
     key_id TEXT NOT NULL,
     signature TEXT NOT NULL,
     PRIMARY KEY (chain, sequence)
   );
   CREATE TABLE audit_anchor (
     chain TEXT PRIMARY KEY,
     sequence BIGINT NOT NULL,
     hash TEXT NOT NULL,
     at TEXT NOT NULL,
     removed_before TEXT NOT NULL,
     key_id TEXT NOT NULL,
     signature TEXT NOT NULL
   );
   CREATE TABLE audit_signer (key_id TEXT PRIMARY KEY, public_key TEXT NOT NULL);
   CREATE TABLE audit_cursor (
     forwarder TEXT NOT NULL,
     chain TEXT NOT NULL,
     sequence BIGINT NOT NULL,
     PRIMARY KEY (forwarder, chain)
   );
   CREATE TABLE audit_claim (
     forwarder TEXT PRIMARY KEY,
     holder TEXT NOT NULL,
     until TIMESTAMPTZ NOT NULL
   );
   CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
     $$ BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$;
   CREATE FUNCTION audit_refuse_unless_anchored() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     IF EXISTS (SELECT 1 FROM audit_anchor WHERE chain = OLD.chain AND sequence >= OLD.sequence) THEN
       RETURN OLD;
     END IF;
     RAISE EXCEPTION 'the audit trail is append-only';
   END $$;
   ${['audit_row', 'audit_checkpoint'].map(refusal).join('\n')}`,
]
