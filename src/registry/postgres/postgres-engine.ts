import { Pool, type PoolClient, type QueryConfig } from 'pg'
import { postgresSettings } from '../../postgres/settings.ts'
import { integer } from '../sql/columns.ts'
import type { SqlEngine } from '../sql/engine.ts'
import { assertKnownVersion, MIGRATIONS, POSTGRES_DIALECT } from '../sql/migrations.ts'
import type { SqlRow, SqlStatement, SqlWork } from '../sql/statement.ts'
import { sql } from '../sql/statement.ts'
import { ChangeListener } from './change-listener.ts'

/** How to reach PostgreSQL. */
export interface PostgresOptions {
  /** `postgres://user:password@host/database?sslmode=verify-full…`; never logged. */
  readonly url: string
  readonly connectionsMax?: number
  /** Told of lost connections; for the log. */
  readonly onError?: (error: unknown) => void
}

const STATEMENT_TIMEOUT_MS = 10_000
/** Where a notification is lost, a change is found after this at the latest. */
const POLL_INTERVAL_MS = 900
/** Any number will do: it only has to be the same for all replicas. */
const MIGRATION_LOCK = 7_202_411_225
export const CHANNEL = 'portcullis_registry'

/** PostgreSQL, shared by all replicas: commits are announced by `NOTIFY`, and found by polling where that is lost. */
export class PostgresEngine implements SqlEngine {
  readonly #pool: Pool
  readonly #changes: ChangeListener
  readonly #listeners: (() => void)[] = []
  #poll: NodeJS.Timeout | undefined
  #polling = false
  #revision = 0

  private constructor(pool: Pool, changes: ChangeListener) {
    this.#pool = pool
    this.#changes = changes
  }

  /** Connects and brings the schema up to date; replicas that start together take turns. */
  static async open(options: PostgresOptions): Promise<PostgresEngine> {
    const settings = postgresSettings({
      url: options.url,
      applicationName: 'portcullis',
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    })
    const pool = new Pool({ ...settings, max: options.connectionsMax ?? 10 })
    pool.on('error', (error) => options.onError?.(error))
    try {
      await migrate(pool)
    } catch (thrown) {
      await pool.end()
      throw thrown
    }
    return new PostgresEngine(pool, new ChangeListener(settings, CHANNEL, options.onError))
  }

  async query(statement: SqlStatement): Promise<readonly SqlRow[]> {
    return (await this.#pool.query<SqlRow>(bound(statement))).rows
  }

  async transact<Result>(work: (revision: number) => SqlWork<Result>): Promise<Result> {
    const client = await this.#pool.connect()
    let lost: Error | undefined
    // a connection that is cut between two statements says so here, and would end the process if nobody listened
    const onLost = (error: Error): void => {
      lost = error
    }
    client.on('error', onLost)
    try {
      await client.query('BEGIN')
      const result = await run(client, work)
      await client.query(`NOTIFY ${CHANNEL}`)
      await client.query('COMMIT')
      this.#notify()
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

  onChange(listener: () => void): void {
    this.#listeners.push(listener)
    if (this.#poll !== undefined) return
    this.#changes.start(() => this.#notify())
    this.#poll = setInterval(() => void this.#look(), POLL_INTERVAL_MS)
    this.#poll.unref()
  }

  async close(): Promise<void> {
    clearInterval(this.#poll)
    this.#listeners.length = 0
    await this.#changes.close()
    if (!this.#pool.ended) await this.#pool.end()
  }

  async #look(): Promise<void> {
    if (this.#polling) return
    this.#polling = true
    try {
      const [state] = await this.query(sql`SELECT revision FROM registry_state`)
      const revision = integer(state!, 'revision')
      if (revision === this.#revision) return
      this.#revision = revision
      this.#notify()
    } catch {
      // the database is away: the next look finds what changed
    } finally {
      this.#polling = false
    }
  }

  #notify(): void {
    for (const listener of this.#listeners) listener()
  }
}

async function run<Result>(client: PoolClient, work: (revision: number) => SqlWork<Result>): Promise<Result> {
  // the row lock makes writers take turns, so that revisions and sequences are in order of commit
  const { rows } = await client.query<SqlRow>(
    'UPDATE registry_state SET revision = revision + 1 WHERE id = 1 RETURNING revision',
  )
  const running = work(integer(rows[0]!, 'revision'))
  let step = running.next()
  while (step.done !== true) {
    let answer: readonly SqlRow[]
    try {
      answer = (await client.query<SqlRow>(bound(step.value))).rows
    } catch (thrown) {
      step = running.throw(thrown)
      continue
    }
    step = running.next(answer)
  }
  return step.value
}

function bound({ texts, values }: SqlStatement): QueryConfig {
  const text = texts.reduce((before, part, index) => `${before}$${index}${part}`)
  return { text, values: values.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : value)) }
}

async function migrate(pool: Pool): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
    await client.query('CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)')
    const { rows } = await client.query<SqlRow>('SELECT version FROM schema_version')
    const version = rows[0] === undefined ? 0 : integer(rows[0], 'version')
    assertKnownVersion(version)
    for (const migration of MIGRATIONS.slice(version)) await client.query(migration(POSTGRES_DIALECT))
    if (rows[0] === undefined)
      await client.query('INSERT INTO schema_version VALUES ($1)', [MIGRATIONS.length])
    else await client.query('UPDATE schema_version SET version = $1', [MIGRATIONS.length])
    await client.query('COMMIT')
  } catch (thrown) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw thrown
  } finally {
    client.release()
  }
}
