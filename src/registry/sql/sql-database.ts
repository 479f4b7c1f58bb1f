import type { WrappedCopy } from '../../keyring/key-service.ts'
import type { WrappedTenantKey } from '../../keyring/wrapped-key-store.ts'
import { APP_TYPES, DATA_CLASSES } from '../../tenant/tenant.ts'
import type { RegistryDatabase, WrappedKeyChanges } from '../registry-database.ts'
import { type Suspension, type SuspensionReason, suspensionScope } from '../suspension.ts'
import { bytes, integer, oneOf, text, textOrNull } from './columns.ts'
import type { SqlEngine } from './engine.ts'
import type { SqlRow, SqlWork } from './statement.ts'
import { sql } from './statement.ts'

const REASONS: readonly SuspensionReason[] = [
  'access-denied',
  'key-disabled',
  'key-pending-deletion',
  'key-not-found',
  'operator',
]

/** Wrapped keys and suspensions in any SQL database. */
export class SqlRegistryDatabase implements RegistryDatabase {
  readonly engine: SqlEngine

  constructor(engine: SqlEngine) {
    this.engine = engine
  }

  async wrappedKeysAfter(mark: number): Promise<WrappedKeyChanges> {
    const rows = await this.engine.query(
      sql`SELECT * FROM wrapped_key WHERE sequence > ${mark} ORDER BY sequence`,
    )
    const last = rows.at(-1)
    if (last === undefined) return { keys: [], mark }
    const copies = copiesByKey(
      await this.engine.query(
        sql`SELECT wrapped_copy.* FROM wrapped_copy JOIN wrapped_key USING (key_id)
            WHERE sequence > ${mark} AND sequence <= ${integer(last, 'sequence')} ORDER BY key_id, position`,
      ),
    )
    return { keys: rows.map((row) => wrappedKey(row, copies)), mark: integer(last, 'sequence') }
  }

  addWrappedKey(key: WrappedTenantKey): Promise<WrappedTenantKey> {
    return this.engine.transact(() => insertWrappedKey(key))
  }

  async openSuspensions(): Promise<readonly Suspension[]> {
    const rows = await this.engine.query(
      sql`SELECT * FROM suspension WHERE ended_at IS NULL ORDER BY sequence`,
    )
    return rows.map(suspensionOf)
  }

  async suspensionsOf(authorityId: string, limit: number): Promise<readonly Suspension[]> {
    const rows = await this.engine.query(
      sql`SELECT * FROM suspension WHERE authority_id = ${authorityId} ORDER BY sequence DESC LIMIT ${limit}`,
    )
    return rows.map(suspensionOf)
  }

  async saveSuspension(saved: Suspension): Promise<void> {
    await this.engine.transact(() => upsertSuspension(saved))
  }

  close(): Promise<void> {
    return this.engine.close()
  }
}

/** Adds a key unless its scope has that version; the row that is there afterwards. */
export function* insertWrappedKey(key: WrappedTenantKey): SqlWork<WrappedTenantKey> {
  const { keyId, organization, site, app, dataClass, authorityId, version, createdAt } = key
  const [inserted] =
    yield sql`INSERT INTO wrapped_key (key_id, organization, site, app, data_class, authority_id, version, created_at)
    VALUES (${keyId}, ${organization}, ${site}, ${app}, ${dataClass}, ${authorityId}, ${version}, ${createdAt})
    ON CONFLICT (site, app, data_class, version) DO NOTHING RETURNING key_id`
  if (inserted === undefined) {
    const [row] = yield sql`SELECT * FROM wrapped_key
      WHERE site = ${site} AND app = ${app} AND data_class = ${dataClass} AND version = ${version}`
    const copies =
      yield sql`SELECT * FROM wrapped_copy WHERE key_id = ${text(row!, 'key_id')} ORDER BY position`
    return wrappedKey(row!, copiesByKey(copies))
  }
  for (const [position, { region, keyArn, ciphertext }] of key.copies.entries()) {
    yield sql`INSERT INTO wrapped_copy (key_id, position, region, key_arn, ciphertext)
      VALUES (${keyId}, ${position}, ${region}, ${keyArn}, ${ciphertext})`
  }
  return key
}

/** Writes a suspension, new or changed. */
export function* upsertSuspension(saved: Suspension): SqlWork<void> {
  const { id, authorityId, reason, scope, since } = saved
  yield sql`INSERT INTO suspension (id, authority_id, reason, scope, since, ended_at, key_id, region, aws_error,
      aws_request_id, placed_by)
    VALUES (${id}, ${authorityId}, ${reason}, ${scope}, ${since}, ${saved.endedAt ?? null}, ${saved.keyId ?? null},
      ${saved.region ?? null}, ${saved.awsError ?? null}, ${saved.awsRequestId ?? null}, ${saved.by ?? null})
    ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, ended_at = excluded.ended_at,
      key_id = excluded.key_id, region = excluded.region, aws_error = excluded.aws_error,
      aws_request_id = excluded.aws_request_id`
}

function copiesByKey(rows: readonly SqlRow[]): Map<string, WrappedCopy[]> {
  const copies = new Map<string, WrappedCopy[]>()
  for (const row of rows) {
    const keyId = text(row, 'key_id')
    // a buffer of the database's own may be reused
    const ciphertext = Uint8Array.from(bytes(row, 'ciphertext'))
    const copy = { region: text(row, 'region'), keyArn: text(row, 'key_arn'), ciphertext }
    const siblings = copies.get(keyId)
    if (siblings === undefined) copies.set(keyId, [copy])
    else siblings.push(copy)
  }
  return copies
}

function wrappedKey(row: SqlRow, copies: ReadonlyMap<string, readonly WrappedCopy[]>): WrappedTenantKey {
  const keyId = text(row, 'key_id')
  return {
    keyId,
    organization: text(row, 'organization'),
    site: text(row, 'site'),
    app: oneOf(APP_TYPES, row, 'app'),
    dataClass: oneOf(DATA_CLASSES, row, 'data_class'),
    authorityId: text(row, 'authority_id'),
    version: integer(row, 'version'),
    createdAt: text(row, 'created_at'),
    copies: copies.get(keyId) ?? [],
  }
}

function suspensionOf(row: SqlRow): Suspension {
  return {
    id: text(row, 'id'),
    authorityId: text(row, 'authority_id'),
    reason: oneOf(REASONS, row, 'reason'),
    scope: suspensionScope(text(row, 'scope')),
    since: text(row, 'since'),
    ...optional(row, 'ended_at', 'endedAt'),
    ...optional(row, 'key_id', 'keyId'),
    ...optional(row, 'region', 'region'),
    ...optional(row, 'aws_error', 'awsError'),
    ...optional(row, 'aws_request_id', 'awsRequestId'),
    ...optional(row, 'placed_by', 'by'),
  }
}

function optional<Name extends string>(
  row: SqlRow,
  column: string,
  name: Name,
): Partial<Record<Name, string>> {
  const value = textOrNull(row, column)
  return value === null ? {} : ({ [name]: value } as Partial<Record<Name, string>>)
}
