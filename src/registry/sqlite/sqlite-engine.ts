import { DatabaseSync } from 'node:sqlite'
import type { StatementSync } from 'node:sqlite'
import { integer } from '../sql/columns.ts'
import type { SqlEngine } from '../sql/engine.ts'
import type { SqlRow, SqlStatement, SqlWork } from '../sql/statement.ts'
import { sql } from '../sql/statement.ts'
import { migrate } from './migrations.ts'

/** Another process's write takes a few milliseconds; waiting blocks this one, so not for long. */
const BUSY_TIMEOUT_MS = 2_000
/** How often the revision is looked at for changes of other processes; reading it takes microseconds. */
const WATCH_INTERVAL_MS = 250
const STATEMENTS_KEPT_MAX = 200

/**
 * One SQLite file, shared by the processes of one machine. Write-ahead log with full synchronization: what has been
 * acknowledged survives the end of the process and of the machine.
 */
export class SqliteEngine implements SqlEngine {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  readonly #listeners: (() => void)[] = []
  #watch: NodeJS.Timeout | undefined
  #revision = 0

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
  }

  async query(statement: SqlStatement): Promise<readonly SqlRow[]> {
    return this.#run(statement)
  }

  async transact<Result>(work: (revision: number) => SqlWork<Result>): Promise<Result> {
    const result = this.#transact(work)
    this.#notify()
    return result
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener)
    if (this.#watch !== undefined) return
    this.#revision = this.#currentRevision()
    this.#watch = setInterval(() => this.#look(), WATCH_INTERVAL_MS)
    this.#watch.unref()
  }

  async close(): Promise<void> {
    clearInterval(this.#watch)
    if (this.#database.isOpen) this.#database.close()
  }

  #transact<Result>(work: (revision: number) => SqlWork<Result>): Result {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const [state] = this.#run(NEXT_REVISION)
      const running = work(integer(state!, 'revision'))
      let step = running.next()
      while (step.done !== true) step = this.#step(running, step.value)
      this.#database.exec('COMMIT')
      return step.value
    } catch (thrown) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw thrown
    }
  }

  #step<Result>(running: SqlWork<Result>, statement: SqlStatement): IteratorResult<SqlStatement, Result> {
    let rows: readonly SqlRow[]
    try {
      rows = this.#run(statement)
    } catch (thrown) {
      return running.throw(thrown)
    }
    return running.next(rows)
  }

  #run({ texts, values }: SqlStatement): SqlRow[] {
    const text = texts.join('?')
    let statement = this.#statements.get(text)
    if (statement === undefined) {
      if (this.#statements.size >= STATEMENTS_KEPT_MAX) this.#statements.clear()
      statement = this.#database.prepare(text)
      this.#statements.set(text, statement)
    }
    return statement.all(...values)
  }

  #currentRevision(): number {
    return integer(this.#run(sql`SELECT revision FROM registry_state`)[0]!, 'revision')
  }

  #look(): void {
    let revision: number
    try {
      revision = this.#currentRevision()
    } catch {
      // another process holds the file for a moment: the next look finds what changed
      return
    }
    if (revision === this.#revision) return
    this.#revision = revision
    this.#notify()
  }

  #notify(): void {
    for (const listener of this.#listeners) queueMicrotask(listener)
  }
}

const NEXT_REVISION = sql`UPDATE registry_state SET revision = revision + 1 WHERE id = 1 RETURNING revision`
