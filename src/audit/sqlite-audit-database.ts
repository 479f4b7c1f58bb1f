import { DatabaseSync } from 'node:sqlite'
import type { SQLInputValue, StatementSync } from 'node:sqlite'
import type { SignedAnchor } from './anchor.ts'
import type { AppendResult, RowQuery } from './audit-store.ts'
import type { SignedCheckpoint } from './checkpoint.ts'
import { GENESIS_HASH, linkRow, parseRow } from './row.ts'
import type { AuditRow, ChainHead, PendingEntry } from './row.ts'
import { AUDIT_MIGRATIONS } from './sqlite-audit-schema.ts'

/** Waiting for another process's transaction; nobody else waits meanwhile. */
const BUSY_TIMEOUT_MS = 10_000

/**
 * Audit rows in one SQLite file, synchronously: `SqliteAuditStore` runs it on a thread of its own.
 * Write-ahead log with full synchronisation: a committed append survives the end of the process and of the machine.
 */
export class SqliteAuditDatabase {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  /** Opens or creates `file`. Throws when its schema is newer than this program. */
  constructor(file: string) {
    this.#database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS })
    try {
      this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
      this.#migrate()
    } catch (thrown) {
      this.#database.close()
      throw thrown
    }
  }

  append(entries: readonly PendingEntry[]): AppendResult[] {
    return this.#transaction(() => {
      const results = new Map<string, AppendResult>()
      for (const entry of entries) {
        if (this.#get('SELECT 1 FROM audit_row WHERE chain = ? AND id = ?', entry.chain, entry.id)) continue
        const known = results.get(entry.chain)
        const row = linkRow(known?.head ?? this.#head(entry.chain), entry)
        this.#run(
          'INSERT INTO audit_row (chain, sequence, id, record, hash) VALUES (?, ?, ?, ?, ?)',
          entry.chain,
          row.sequence,
          entry.id,
          row.record,
          row.hash,
        )
        results.set(entry.chain, {
          head: { chain: entry.chain, sequence: row.sequence, hash: row.hash },
          firstSequence: known?.firstSequence ?? row.sequence,
        })
      }
      return [...results.values()]
    })
  }

  heads(): ChainHead[] {
    return this.#all(
      `SELECT chain, sequence, hash FROM audit_row AS r
       WHERE sequence = (SELECT max(sequence) FROM audit_row WHERE chain = r.chain) ORDER BY chain`,
    ).map((row) => ({
      chain: String(row['chain']),
      sequence: Number(row['sequence']),
      hash: String(row['hash']),
    }))
  }

  rows(query: RowQuery): AuditRow[] {
    const conditions = ['chain = ?', 'sequence > ?']
    const values: SQLInputValue[] = [query.chain, query.afterSequence]
    const restrict = (condition: string, ...operands: readonly SQLInputValue[]): void => {
      conditions.push(condition)
      values.push(...operands)
    }
    if (query.from !== undefined) restrict('at >= ?', query.from)
    if (query.to !== undefined) restrict('at < ?', query.to)
    if (query.site !== undefined) restrict('site = ?', query.site)
    if (query.outcome !== undefined) restrict('outcome = ?', query.outcome)
    if (query.types !== undefined)
      restrict(`type IN (SELECT value FROM json_each(?))`, JSON.stringify(query.types))
    return this.#all(
      `SELECT sequence, record, hash FROM audit_row WHERE ${conditions.join(' AND ')} ORDER BY sequence LIMIT ?`,
      ...values,
      query.limit,
    ).map((row) =>
      parseRow(query.chain, {
        sequence: Number(row['sequence']),
        record: String(row['record']),
        hash: String(row['hash']),
      }),
    )
  }

  addCheckpoint(checkpoint: SignedCheckpoint): void {
    const { chain, sequence, hash, at, keyId, signature } = checkpoint
    this.#run(
      `INSERT INTO audit_checkpoint (chain, sequence, hash, at, key_id, signature) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (chain, sequence) DO NOTHING`,
      chain,
      sequence,
      hash,
      at,
      keyId,
      signature,
    )
  }

  checkpoints(chain: string, afterSequence: number, limit: number): SignedCheckpoint[] {
    return this.#all(
      'SELECT * FROM audit_checkpoint WHERE chain = ? AND sequence > ? ORDER BY sequence LIMIT ?',
      chain,
      afterSequence,
      limit,
    ).map(checkpointOf)
  }

  newestCheckpoints(): SignedCheckpoint[] {
    return this.#all(
      `SELECT * FROM audit_checkpoint AS c
       WHERE sequence = (SELECT max(sequence) FROM audit_checkpoint WHERE chain = c.chain) ORDER BY chain`,
    ).map(checkpointOf)
  }

  cursors(forwarder: string): ReadonlyMap<string, number> {
    const rows = this.#all('SELECT chain, sequence FROM audit_cursor WHERE forwarder = ?', forwarder)
    return new Map(rows.map((row) => [String(row['chain']), Number(row['sequence'])]))
  }

  moveCursor(forwarder: string, chain: string, fromSequence: number, toSequence: number): boolean {
    if (fromSequence === 0) {
      const inserted = this.#run(
        'INSERT INTO audit_cursor (forwarder, chain, sequence) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
        forwarder,
        chain,
        toSequence,
      )
      return inserted === 1
    }
    const updated = this.#run(
      'UPDATE audit_cursor SET sequence = ? WHERE forwarder = ? AND chain = ? AND sequence = ?',
      toSequence,
      forwarder,
      chain,
      fromSequence,
    )
    return updated === 1
  }

  claim(forwarder: string, holder: string, leaseMs: number): boolean {
    // the processes of one file run on one machine and share its clock
    const now = Date.now()
    const changed = this.#run(
      `INSERT INTO audit_claim (forwarder, holder, until) VALUES (?, ?, ?)
       ON CONFLICT (forwarder) DO UPDATE SET holder = excluded.holder, until = excluded.until
       WHERE audit_claim.holder = excluded.holder OR audit_claim.until < ?`,
      forwarder,
      holder,
      now + leaseMs,
      now,
    )
    return changed === 1
  }

  release(forwarder: string, holder: string): void {
    this.#run('DELETE FROM audit_claim WHERE forwarder = ? AND holder = ?', forwarder, holder)
  }

  anchor(chain: string): SignedAnchor | undefined {
    const row = this.#get('SELECT * FROM audit_anchor WHERE chain = ?', chain)
    return row && anchorOf(row)
  }

  prune(anchor: SignedAnchor, rowsMax: number): number {
    const { chain, sequence, hash, at, removedBefore, keyId, signature } = anchor
    return this.#transaction(() => {
      this.#run(
        `INSERT INTO audit_anchor (chain, sequence, hash, at, removed_before, key_id, signature)
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (chain) DO UPDATE SET sequence = excluded.sequence,
           hash = excluded.hash, at = excluded.at, removed_before = excluded.removed_before,
           key_id = excluded.key_id, signature = excluded.signature
         WHERE excluded.sequence > audit_anchor.sequence`,
        chain,
        sequence,
        hash,
        at,
        removedBefore,
        keyId,
        signature,
      )
      this.#run('DELETE FROM audit_checkpoint WHERE chain = ? AND sequence <= ?', chain, sequence)
      return this.#run(
        `DELETE FROM audit_row WHERE chain = ? AND sequence IN
           (SELECT sequence FROM audit_row WHERE chain = ? AND sequence <= ? ORDER BY sequence LIMIT ?)`,
        chain,
        chain,
        sequence,
        rowsMax,
      )
    })
  }

  addSigner(keyId: string, publicKeyPem: string): void {
    this.#run(
      'INSERT INTO audit_signer (key_id, public_key) VALUES (?, ?) ON CONFLICT DO NOTHING',
      keyId,
      publicKeyPem,
    )
  }

  signers(): string[] {
    return this.#all('SELECT public_key FROM audit_signer ORDER BY key_id').map((row) =>
      String(row['public_key']),
    )
  }

  close(): void {
    this.#statements.clear()
    this.#database.close()
  }

  /** Where the next row of a chain links to: its last row, or its newest checkpoint when rows before that are gone. */
  #head(chain: string): Pick<ChainHead, 'sequence' | 'hash'> {
    const newest = (table: string): Pick<ChainHead, 'sequence' | 'hash'> => {
      const row = this.#get(
        `SELECT sequence, hash FROM ${table} WHERE chain = ? ORDER BY sequence DESC LIMIT 1`,
        chain,
      )
      return row === undefined
        ? { sequence: 0, hash: GENESIS_HASH }
        : { sequence: Number(row['sequence']), hash: String(row['hash']) }
    }
    const row = newest('audit_row')
    const checkpoint = newest('audit_checkpoint')
    const anchor = newest('audit_anchor')
    const signed = anchor.sequence > checkpoint.sequence ? anchor : checkpoint
    return signed.sequence > row.sequence ? signed : row
  }

  #migrate(): void {
    this.#transaction(() => {
      const version = Number(this.#database.prepare('PRAGMA user_version').get()!['user_version'])
      if (version > AUDIT_MIGRATIONS.length) {
        throw new Error(
          `the audit trail has schema ${version}, this program knows ${AUDIT_MIGRATIONS.length}`,
        )
      }
      for (const migration of AUDIT_MIGRATIONS.slice(version)) this.#database.exec(migration)
      this.#database.exec(`PRAGMA user_version = ${AUDIT_MIGRATIONS.length}`)
    })
  }

  #transaction<Result>(work: () => Result): Result {
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

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  #get(sql: string, ...values: readonly SQLInputValue[]): Record<string, unknown> | undefined {
    return this.#statement(sql).get(...values)
  }

  #all(sql: string, ...values: readonly SQLInputValue[]): Record<string, unknown>[] {
    return this.#statement(sql).all(...values)
  }

  #run(sql: string, ...values: readonly SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes)
  }
}

function anchorOf(row: Record<string, unknown>): SignedAnchor {
  const { chain, sequence, hash, at, keyId, signature } = checkpointOf(row)
  return { chain, sequence, hash, at, removedBefore: String(row['removed_before']), keyId, signature }
}

function checkpointOf(row: Record<string, unknown>): SignedCheckpoint {
  return {
    chain: String(row['chain']),
    sequence: Number(row['sequence']),
    hash: String(row['hash']),
    at: String(row['at']),
    keyId: String(row['key_id']),
    signature: String(row['signature']),
  }
}
