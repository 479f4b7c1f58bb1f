import { Pool, type PoolClient, type QueryResultRow } from 'pg'
import { postgresSettings } from '../postgres/settings.ts'
import type { SignedAnchor } from './anchor.ts'
import type { AppendResult, AuditStore, RowQuery } from './audit-store.ts'
import type { SignedCheckpoint } from './checkpoint.ts'
import { POSTGRES_AUDIT_MIGRATIONS } from './postgres-audit-schema.ts'
import { GENESIS_HASH, linkRow, parseRow } from './row.ts'
import type { AuditRow, ChainHead, PendingEntry, SerializedRow } from './row.ts'

/** How to reach PostgreSQL. */
export interface PostgresAuditOptions {
  /** `postgres://user:password@host/database?sslmode=verify-full…`; never logged. */
  readonly url: string
  /** Connections beside those of the registry: one writes, the others read. Default 4. */
  readonly connectionsMax?: number
  /** Told of lost connections; for the log. */
  readonly onError?: (error: unknown) => void
}

const STATEMENT_TIMEOUT_MS = 30_000
/** Any number will do: it only has to be the same for all replicas. */
const MIGRATION_LOCK = 7_202_411_227

/** The newest of what a chain can go on from. */
const HEAD = `
  SELECT c.chain, h.sequence, h.hash FROM audit_chain c CROSS JOIN LATERAL (
    (SELECT sequence, hash FROM audit_row WHERE chain = c.chain ORDER BY sequence DESC LIMIT 1)
    UNION ALL
    (SELECT sequence, hash FROM audit_checkpoint WHERE chain = c.chain ORDER BY sequence DESC LIMIT 1)
    UNION ALL
    (SELECT sequence, hash FROM audit_anchor WHERE chain = c.chain)
  ) h WHERE c.chain = ANY($1) ORDER BY h.sequence`

/**
 * Audit rows in PostgreSQL, one chain for each organization, whichever replica writes: an append locks the chains
 * concerned, in the order of their names, and links to what it then finds there.
 */
export class PostgresAuditStore implements AuditStore {
  readonly #pool: Pool

  private constructor(pool: Pool) {
    this.#pool = pool
  }

  /** Connects and brings the schema up to date; replicas that start together take turns. */
  static async open(options: PostgresAuditOptions): Promise<PostgresAuditStore> {
    const settings = postgresSettings({
      url: options.url,
      applicationName: 'portcullis audit',
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    })
    const pool = new Pool({ ...settings, max: options.connectionsMax ?? 4 })
    pool.on('error', (error) => options.onError?.(error))
    const store = new PostgresAuditStore(pool)
    try {
      await store.#transaction(migrate)
    } catch (thrown) {
      await pool.end()
      throw thrown
    }
    return store
  }

  async append(entries: readonly PendingEntry[]): Promise<AppendResult[]> {
    const chains = [...new Set(entries.map(({ chain }) => chain))].sort()
    if (chains.length === 0) return []
    return await this.#transaction(async (client) => {
      await lockChains(client, chains)
      const heads = await headsOf(client, chains)
      const known = await knownIds(client, entries)
      const { rows, results } = linked(entries, heads, known)
      if (rows.length > 0) {
        await client.query(
          `INSERT INTO audit_row (chain, sequence, id, record, hash)
           SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[])`,
          [
            rows.map(({ entry }) => entry.chain),
            rows.map(({ row }) => row.sequence),
            rows.map(({ entry }) => entry.id),
            rows.map(({ row }) => row.record),
            rows.map(({ row }) => row.hash),
          ],
        )
      }
      return results
    })
  }

  async heads(): Promise<ChainHead[]> {
    const rows = await this.#all(
      `SELECT c.chain, r.sequence, r.hash FROM audit_chain c CROSS JOIN LATERAL
         (SELECT sequence, hash FROM audit_row WHERE chain = c.chain ORDER BY sequence DESC LIMIT 1) r
       ORDER BY c.chain`,
    )
    return rows.map(headOf)
  }

  async rows(query: RowQuery): Promise<AuditRow[]> {
    const conditions = ['chain = $1', 'sequence > $2']
    const values: unknown[] = [query.chain, query.afterSequence]
    const restrict = (condition: string, operand: unknown): void => {
      if (operand === undefined) return
      values.push(operand)
      conditions.push(condition.replace('?', `$${values.length}`))
    }
    restrict('at >= ?', query.from)
    restrict('at < ?', query.to)
    restrict('site = ?', query.site)
    restrict('outcome = ?', query.outcome)
    restrict('type = ANY(?)', query.types)
    const rows = await this.#all(
      `SELECT sequence, record, hash FROM audit_row WHERE ${conditions.join(' AND ')}
       ORDER BY sequence LIMIT $${values.length + 1}`,
      [...values, query.limit],
    )
    return rows.map((row) => parseRow(query.chain, row as SerializedRow))
  }

  async addCheckpoint(checkpoint: SignedCheckpoint): Promise<void> {
    const { chain, sequence, hash, at, keyId, signature } = checkpoint
    await this.#transaction(async (client) => {
      await client.query('INSERT INTO audit_chain (chain) VALUES ($1) ON CONFLICT DO NOTHING', [chain])
      await client.query(
        `INSERT INTO audit_checkpoint (chain, sequence, hash, at, key_id, signature)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (chain, sequence) DO NOTHING`,
        [chain, sequence, hash, at, keyId, signature],
      )
    })
  }

  async checkpoints(chain: string, afterSequence: number, limit: number): Promise<SignedCheckpoint[]> {
    const rows = await this.#all(
      'SELECT * FROM audit_checkpoint WHERE chain = $1 AND sequence > $2 ORDER BY sequence LIMIT $3',
      [chain, afterSequence, limit],
    )
    return rows.map(checkpointOf)
  }

  async newestCheckpoints(): Promise<SignedCheckpoint[]> {
    const rows = await this.#all(
      `SELECT p.* FROM audit_chain c CROSS JOIN LATERAL
         (SELECT * FROM audit_checkpoint WHERE chain = c.chain ORDER BY sequence DESC LIMIT 1) p
       ORDER BY c.chain`,
    )
    return rows.map(checkpointOf)
  }

  async cursors(forwarder: string): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#all('SELECT chain, sequence FROM audit_cursor WHERE forwarder = $1', [forwarder])
    return new Map(rows.map((row) => [String(row['chain']), Number(row['sequence'])]))
  }

  async moveCursor(forwarder: string, chain: string, from: number, to: number): Promise<boolean> {
    const moved =
      from === 0
        ? 'INSERT INTO audit_cursor (forwarder, chain, sequence) VALUES ($1, $2, $4) ON CONFLICT DO NOTHING'
        : 'UPDATE audit_cursor SET sequence = $4 WHERE forwarder = $1 AND chain = $2'
    const condition = from === 0 ? ' RETURNING $3::bigint' : ' AND sequence = $3 RETURNING 1'
    return (await this.#all(moved + condition, [forwarder, chain, from, to])).length === 1
  }

  async claim(forwarder: string, holder: string, leaseMs: number): Promise<boolean> {
    const rows = await this.#all(
      `INSERT INTO audit_claim (forwarder, holder, until)
       VALUES ($1, $2, clock_timestamp() + $3::bigint * interval '1 millisecond')
       ON CONFLICT (forwarder) DO UPDATE SET holder = excluded.holder, until = excluded.until
       WHERE audit_claim.holder = excluded.holder OR audit_claim.until < clock_timestamp()
       RETURNING 1`,
      [forwarder, holder, leaseMs],
    )
    return rows.length === 1
  }

  async release(forwarder: string, holder: string): Promise<void> {
    await this.#all('DELETE FROM audit_claim WHERE forwarder = $1 AND holder = $2', [forwarder, holder])
  }

  async anchor(chain: string): Promise<SignedAnchor | undefined> {
    const [row] = await this.#all('SELECT * FROM audit_anchor WHERE chain = $1', [chain])
    return row && anchorOf(row)
  }

  async prune(anchor: SignedAnchor, rowsMax: number): Promise<number> {
    const { chain, sequence, hash, at, removedBefore, keyId, signature } = anchor
    return await this.#transaction(async (client) => {
      await client.query(
        `INSERT INTO audit_anchor (chain, sequence, hash, at, removed_before, key_id, signature)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (chain) DO UPDATE SET sequence = excluded.sequence,
           hash = excluded.hash, at = excluded.at, removed_before = excluded.removed_before,
           key_id = excluded.key_id, signature = excluded.signature
         WHERE excluded.sequence > audit_anchor.sequence`,
        [chain, sequence, hash, at, removedBefore, keyId, signature],
      )
      await client.query('DELETE FROM audit_checkpoint WHERE chain = $1 AND sequence <= $2', [
        chain,
        sequence,
      ])
      const { rowCount } = await client.query(
        `DELETE FROM audit_row WHERE chain = $1 AND sequence IN
           (SELECT sequence FROM audit_row WHERE chain = $1 AND sequence <= $2 ORDER BY sequence LIMIT $3)`,
        [chain, sequence, rowsMax],
      )
      return rowCount ?? 0
    })
  }

  async addSigner(keyId: string, publicKeyPem: string): Promise<void> {
    await this.#all('INSERT INTO audit_signer (key_id, public_key) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
      keyId,
      publicKeyPem,
    ])
  }

  async signers(): Promise<string[]> {
    const rows = await this.#all('SELECT public_key FROM audit_signer ORDER BY key_id')
    return rows.map((row) => String(row['public_key']))
  }

  async close(): Promise<void> {
    if (!this.#pool.ended) await this.#pool.end()
  }

  async #all(text: string, values: unknown[] = []): Promise<QueryResultRow[]> {
    return (await this.#pool.query(text, values)).rows
  }

  async #transaction<Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> {
    const client = await this.#pool.connect()
    let lost: Error | undefined
    // a connection that is cut between two statements says so here, and would end the process if nobody listened
    const onLost = (error: Error): void => {
      lost = error
    }
    client.on('error', onLost)
    try {
      await client.query('BEGIN')
      const result = await work(client)
      await client.query('COMMIT')
      return result
    } catch (thrown) {
      await client.query('ROLLBACK').catch((error: unknown) => {
        lost = error as Error
      })
      throw thrown
    } finally {
      client.off('error', onLost)
      client.release(lost)
    }
  }
}

async function lockChains(client: PoolClient, chains: readonly string[]): Promise<void> {
  const lock = async (): Promise<number> =>
    (
      await client.query('SELECT 1 FROM audit_chain WHERE chain = ANY($1) ORDER BY chain FOR UPDATE', [
        chains,
      ])
    ).rowCount ?? 0
  if ((await lock()) === chains.length) return
  await client.query(
    'INSERT INTO audit_chain (chain) SELECT * FROM unnest($1::text[]) ORDER BY 1 ON CONFLICT DO NOTHING',
    [chains],
  )
  await lock()
}

async function headsOf(client: PoolClient, chains: readonly string[]): Promise<Map<string, ChainHead>> {
  const { rows } = await client.query<QueryResultRow>(HEAD, [chains])
  // in order of their sequence: the newest of a chain stays
  return new Map(rows.map((row) => [String(row['chain']), headOf(row)]))
}

async function knownIds(client: PoolClient, entries: readonly PendingEntry[]): Promise<Set<string>> {
  const { rows } = await client.query<QueryResultRow>(
    `SELECT r.chain, r.id FROM audit_row r JOIN unnest($1::text[], $2::text[]) AS e (chain, id)
       ON r.chain = e.chain AND r.id = e.id`,
    [entries.map(({ chain }) => chain), entries.map(({ id }) => id)],
  )
  return new Set(rows.map((row) => `${row['id']} ${row['chain']}`))
}

function linked(
  entries: readonly PendingEntry[],
  heads: ReadonlyMap<string, ChainHead>,
  known: Set<string>,
): { rows: { entry: PendingEntry; row: SerializedRow }[]; results: AppendResult[] } {
  const rows: { entry: PendingEntry; row: SerializedRow }[] = []
  const results = new Map<string, AppendResult>()
  for (const entry of entries) {
    const { chain, id } = entry
    if (known.has(`${id} ${chain}`)) continue
    known.add(`${id} ${chain}`)
    const earlier = results.get(chain)
    const row = linkRow(earlier?.head ?? heads.get(chain) ?? { sequence: 0, hash: GENESIS_HASH }, entry)
    rows.push({ entry, row })
    results.set(chain, {
      head: { chain, sequence: row.sequence, hash: row.hash },
      firstSequence: earlier?.firstSequence ?? row.sequence,
    })
  }
  return { rows, results: [...results.values()] }
}

async function migrate(client: PoolClient): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
  await client.query('CREATE TABLE IF NOT EXISTS audit_schema (version BIGINT NOT NULL)')
  const { rows } = await client.query<QueryResultRow>('SELECT version FROM audit_schema')
  const version = Number(rows[0]?.['version'] ?? 0)
  const newest = POSTGRES_AUDIT_MIGRATIONS.length
  if (version > newest) throw new Error(`the audit trail has schema ${version}, this program knows ${newest}`)
  for (const migration of POSTGRES_AUDIT_MIGRATIONS.slice(version)) await client.query(migration)
  const save =
    rows[0] === undefined ? 'INSERT INTO audit_schema VALUES ($1)' : 'UPDATE audit_schema SET version = $1'
  await client.query(save, [newest])
}

function headOf(row: QueryResultRow): ChainHead {
  return { chain: String(row['chain']), sequence: Number(row['sequence']), hash: String(row['hash']) }
}

function checkpointOf(row: QueryResultRow): SignedCheckpoint {
  return {
    ...headOf(row),
    at: String(row['at']),
    keyId: String(row['key_id']),
    signature: String(row['signature']),
  }
}

function anchorOf(row: QueryResultRow): SignedAnchor {
  const { signature, keyId, ...signed } = checkpointOf(row)
  return { ...signed, removedBefore: String(row['removed_before']), keyId, signature }
}
