import { DatabaseSync } from 'node:sqlite'
import type { SQLOutputValue, StatementSync } from 'node:sqlite'
import type { WrappedCopy } from '../../keyring/key-service.ts'
import type { WrappedTenantKey } from '../../keyring/wrapped-key-store.ts'
import { APP_TYPES, DATA_CLASSES } from '../../tenant/tenant.ts'
import type { RegistryDatabase, WrappedKeyChanges } from '../registry-database.ts'
import type { Suspension, SuspensionReason } from '../suspension.ts'
import { migrate } from './migrations.ts'

type Row = Record<string, SQLOutputValue>

/** Another process's write takes a few milliseconds; waiting blocks this one, so not for long. */
const BUSY_TIMEOUT_MS = 2_000
const REASONS: readonly SuspensionReason[] = [
  'access-denied',
  'key-disabled',
  'key-pending-deletion',
  'key-not-found',
  'operator',
]

/**
 * The registry in one SQLite file, shared by the processes of one machine. Write-ahead log with full
 * synchronization: what has been acknowledged survives the end of the process and of the machine.
 */
export class SqliteDatabase implements RegistryDatabase {
  readonly #database: DatabaseSync
  readonly #insertKey: StatementSync
  readonly #insertCopy: StatementSync
  readonly #keyOfScope: StatementSync
  readonly #keysAfter: StatementSync
  readonly #copiesOf: StatementSync
  readonly #saveSuspension: StatementSync

  /** Opens or creates `file` (`:memory:` for none) and brings its schema up to date. */
  constructor(file: string) {
    this.#database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS })
    try {
      this.#database.exec('PRAGMA journal_mode = WAL')
      this.#database.exec('PRAGMA synchronous = FULL')
      this.#database.exec('PRAGMA foreign_keys = ON')
      migrate(this.#database)
    } catch (thrown) {
      this.#database.close()
      throw thrown
    }
    const prepare = (sql: string): StatementSync => this.#database.prepare(sql)
    this.#insertKey = prepare(
      `INSERT INTO wrapped_key (key_id, organization, site, app, data_class, authority_id, version, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (site, app, data_class, version) DO NOTHING`,
    )
    this.#insertCopy = prepare(
      'INSERT INTO wrapped_copy (key_id, position, region, key_arn, ciphertext) VALUES (?, ?, ?, ?, ?)',
    )
    this.#keyOfScope = prepare(
      'SELECT * FROM wrapped_key WHERE site = ? AND app = ? AND data_class = ? AND version = ?',
    )
    this.#keysAfter = prepare('SELECT * FROM wrapped_key WHERE sequence > ? ORDER BY sequence')
    this.#copiesOf = prepare('SELECT * FROM wrapped_copy WHERE key_id = ? ORDER BY position')
    this.#saveSuspension = prepare(
      `INSERT INTO suspension (id, authority_id, reason, scope, since, ended_at, key_id, region, aws_error,
         aws_request_id, placed_by)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, ended_at = excluded.ended_at,
         key_id = excluded.key_id, region = excluded.region, aws_error = excluded.aws_error,
         aws_request_id = excluded.aws_request_id`,
    )
  }

  async wrappedKeysAfter(mark: number): Promise<WrappedKeyChanges> {
    const rows = this.#keysAfter.all(mark)
    const last = rows.at(-1)
    return {
      keys: rows.map((row) => this.#wrappedKey(row)),
      mark: last === undefined ? mark : Number(last['sequence']),
    }
  }

  async addWrappedKey(key: WrappedTenantKey): Promise<WrappedTenantKey> {
    return this.#transaction(() => {
      const { keyId, organization, site, app, dataClass, authorityId, version, createdAt } = key
      const { changes } = this.#insertKey.run(
        keyId,
        organization,
        site,
        app,
        dataClass,
        authorityId,
        version,
        createdAt,
      )
      if (Number(changes) === 0) {
        return this.#wrappedKey(this.#keyOfScope.get(site, app, dataClass, version)!)
      }
      for (const [position, copy] of key.copies.entries()) {
        this.#insertCopy.run(keyId, position, copy.region, copy.keyArn, copy.ciphertext)
      }
      return key
    })
  }

  async openSuspensions(): Promise<readonly Suspension[]> {
    const rows = this.#database
      .prepare('SELECT * FROM suspension WHERE ended_at IS NULL ORDER BY sequence')
      .all()
    return rows.map((row) => suspension(row))
  }

  async suspensionsOf(authorityId: string, limit: number): Promise<readonly Suspension[]> {
    const rows = this.#database
      .prepare('SELECT * FROM suspension WHERE authority_id = ? ORDER BY sequence DESC LIMIT ?')
      .all(authorityId, limit)
    return rows.map((row) => suspension(row))
  }

  async saveSuspension(saved: Suspension): Promise<void> {
    const { id, authorityId, reason, scope, since, endedAt, keyId, region, awsError, awsRequestId, by } =
      saved
    const optional = [endedAt, keyId, region, awsError, awsRequestId, by].map((value) => value ?? null)
    this.#saveSuspension.run(id, authorityId, reason, scope, since, ...optional)
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close()
  }

  #transaction<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.#database.exec('COMMIT')
      return result
    } catch (thrown) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw thrown
    }
  }

  #wrappedKey(row: Row): WrappedTenantKey {
    const keyId = text(row, 'key_id')
    return {
      keyId,
      organization: text(row, 'organization'),
      site: text(row, 'site'),
      app: oneOf(APP_TYPES, row, 'app'),
      dataClass: oneOf(DATA_CLASSES, row, 'data_class'),
      authorityId: text(row, 'authority_id'),
      version: Number(row['version']),
      createdAt: text(row, 'created_at'),
      copies: this.#copiesOf.all(keyId).map((copy) => wrappedCopy(copy)),
    }
  }
}

function wrappedCopy(row: Row): WrappedCopy {
  const ciphertext = row['ciphertext']
  if (!(ciphertext instanceof Uint8Array)) throw new TypeError('the registry holds a damaged wrapped key')
  return { region: text(row, 'region'), keyArn: text(row, 'key_arn'), ciphertext }
}

function suspension(row: Row): Suspension {
  return {
    id: text(row, 'id'),
    authorityId: text(row, 'authority_id'),
    reason: oneOf(REASONS, row, 'reason'),
    scope: oneOf(['organization'] as const, row, 'scope'),
    since: text(row, 'since'),
    ...optionalText(row, 'ended_at', 'endedAt'),
    ...optionalText(row, 'key_id', 'keyId'),
    ...optionalText(row, 'region', 'region'),
    ...optionalText(row, 'aws_error', 'awsError'),
    ...optionalText(row, 'aws_request_id', 'awsRequestId'),
    ...optionalText(row, 'placed_by', 'by'),
  }
}

function text(row: Row, column: string): string {
  const value = row[column]
  if (typeof value !== 'string') throw new TypeError(`the registry holds a damaged ${column}`)
  return value
}

function optionalText<Name extends string>(
  row: Row,
  column: string,
  name: Name,
): Partial<Record<Name, string>> {
  return row[column] === null ? {} : ({ [name]: text(row, column) } as Partial<Record<Name, string>>)
}

function oneOf<Value extends string>(values: readonly Value[], row: Row, column: string): Value {
  const value = values.find((candidate) => candidate === row[column])
  if (value === undefined) throw new TypeError(`the registry holds an unknown ${column}`)
  return value
}
