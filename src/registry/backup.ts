import { createHash } from 'node:crypto'
import type { SqlEngine } from './sql/engine.ts'
import { MIGRATIONS } from './sql/migrations.ts'
import type { SqlRow, SqlStatement, SqlValue, SqlWork } from './sql/statement.ts'
import { sql } from './sql/statement.ts'

const FORMAT = 'portcullis-registry-backup'

/**
 * Tables of a backup, parents first, each with its order. Identity columns are given anew, in the same order.
 * Idempotency records are left out: they are of no use a day later.
 */
const TABLES: readonly { readonly name: string; readonly order: string; readonly identity?: string }[] = [
  { name: 'wrapped_key', order: 'sequence', identity: 'sequence' },
  { name: 'wrapped_copy', order: 'key_id, position' },
  { name: 'suspension', order: 'sequence', identity: 'sequence' },
  { name: 'organization', order: 'id' },
  { name: 'byok', order: 'organization' },
  { name: 'root_key_owner', order: 'root_key' },
  { name: 'site', order: 'name' },
  { name: 'site_host', order: 'host' },
  { name: 'app', order: 'site, type' },
  { name: 'app_token', order: 'id' },
  { name: 'access_key', order: 'access_key_id' },
  { name: 'administrator', order: 'id' },
  { name: 'job', order: 'sequence', identity: 'sequence' },
]
const NAME = /^[a-z][a-z0-9_]{0,62}$/

/** A backup cannot be restored. */
export class BackupRefused extends Error {
  constructor(detail: string) {
    super(`the backup cannot be restored: ${detail}`)
    this.name = 'BackupRefused'
  }
}

/**
 * The registry as newline-delimited JSON: a header, one line for each row, and a footer with the number of rows and
 * their SHA-256. Tenant keys stay wrapped and credentials stay digests, as they are stored: nobody who holds a backup
 * can read data without the customers' root keys.
 */
export async function* exportRegistry(engine: SqlEngine, at: string): AsyncGenerator<string> {
  const rows = await engine.transact(readAll)
  const digest = createHash('sha256')
  yield `${JSON.stringify({ format: FORMAT, schema: MIGRATIONS.length, at })}\n`
  for (const [table, row] of rows) {
    const line = `${JSON.stringify({ table, row: encoded(row) })}\n`
    digest.update(line)
    yield line
  }
  yield `${JSON.stringify({ rows: rows.length, sha256: digest.digest('hex') })}\n`
}

/** Restores a backup into an empty registry, all or nothing. Rejects with {@link BackupRefused}. */
export async function importRegistry(
  engine: SqlEngine,
  lines: Iterable<string> | AsyncIterable<string>,
): Promise<number> {
  const statements: SqlStatement[] = []
  const digest = createHash('sha256')
  let header: Record<string, unknown> | undefined
  let footer: Record<string, unknown> | undefined
  for await (const line of lines) {
    const text = `${line.trimEnd()}\n`
    const entry = parsed(text)
    if (header === undefined) header = checkedHeader(entry)
    else if (footer !== undefined) throw new BackupRefused('there is something after its end')
    else if ('sha256' in entry) footer = entry
    else {
      digest.update(text)
      statements.push(insertion(entry))
    }
  }
  if (header === undefined || footer === undefined) throw new BackupRefused('it is incomplete')
  if (footer['rows'] !== statements.length || footer['sha256'] !== digest.digest('hex')) {
    throw new BackupRefused('its rows do not have its checksum')
  }
  await engine.transact(() => writeAll(statements))
  return statements.length
}

function* readAll(): SqlWork<[string, SqlRow][]> {
  const rows: [string, SqlRow][] = []
  for (const { name, order, identity } of TABLES) {
    for (const row of yield plain(`SELECT * FROM ${name} ORDER BY ${order}`)) {
      const { [identity ?? '']: _, ...columns } = row
      rows.push([name, columns])
    }
  }
  return rows
}

function* writeAll(statements: readonly SqlStatement[]): SqlWork<void> {
  for (const { name } of TABLES) {
    if ((yield plain(`SELECT 1 AS found FROM ${name} LIMIT 1`)).length > 0) {
      throw new BackupRefused('the registry is not empty')
    }
  }
  for (const statement of statements) yield statement
  // revisions of the backup must not be higher than the registry's own
  yield sql`UPDATE registry_state SET revision = revision + (SELECT COALESCE(MAX(revision), 0) FROM (
    SELECT MAX(revision) AS revision FROM organization UNION ALL SELECT MAX(revision) FROM byok
    UNION ALL SELECT MAX(revision) FROM site UNION ALL SELECT MAX(revision) FROM app
    UNION ALL SELECT MAX(revision) FROM app_token UNION ALL SELECT MAX(revision) FROM access_key
    UNION ALL SELECT MAX(revision) FROM administrator) AS revisions)`
}

/** A statement without values; only for names that stand in this file. */
function plain(text: string): SqlStatement {
  return { texts: [text], values: [] }
}

function parsed(line: string): Record<string, unknown> {
  try {
    const entry = JSON.parse(line) as unknown
    if (typeof entry === 'object' && entry !== null) return entry as Record<string, unknown>
  } catch {
    // falls through to the refusal
  }
  throw new BackupRefused('a line is damaged')
}

function checkedHeader(entry: Record<string, unknown>): Record<string, unknown> {
  if (entry['format'] !== FORMAT) throw new BackupRefused('this is no backup of a registry')
  if (entry['schema'] !== MIGRATIONS.length) {
    throw new BackupRefused(`it has schema ${String(entry['schema'])}, this program has ${MIGRATIONS.length}`)
  }
  return entry
}

function insertion({ table, row }: Record<string, unknown>): SqlStatement {
  if (!TABLES.some(({ name }) => name === table) || typeof row !== 'object' || row === null) {
    throw new BackupRefused('a line is damaged')
  }
  const columns = Object.entries(row)
  if (columns.length === 0 || columns.some(([column]) => !NAME.test(column))) {
    throw new BackupRefused('a line is damaged')
  }
  const names = columns.map(([column]) => column).join(', ')
  const between = columns.slice(1).map(() => ', ')
  return {
    texts: [`INSERT INTO ${String(table)} (${names}) VALUES (`, ...between, ')'],
    values: columns.map(([, value]) => decoded(value)),
  }
}

function encoded(row: SqlRow): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value,
    ]),
  )
}

function decoded(value: unknown): SqlValue {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value
  const { base64 } = value as { base64?: unknown }
  if (typeof base64 !== 'string') throw new BackupRefused('a line is damaged')
  return Uint8Array.from(Buffer.from(base64, 'base64'))
}
