import type { StatementSync } from 'node:sqlite'
import { DatabaseSync } from 'node:sqlite'

/** The SQLite file of an index, with its statements prepared once. */
export class IndexDatabase {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(file: string) {
    this.#database = new DatabaseSync(file)
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  }

  close(): void {
    this.#database.close()
  }

  /** Runs statements that have no parameters. */
  execute(statements: string): void {
    this.#database.exec(statements)
  }

  /** The prepared statement of a text. */
  sql(text: string): StatementSync {
    let statement = this.#statements.get(text)
    if (statement === undefined) this.#statements.set(text, (statement = this.#database.prepare(text)))
    return statement
  }

  /** Runs several writes as one. */
  atomically<Result>(writes: () => Result): Result {
    if (this.#database.isTransaction) return writes()
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const result = writes()
      this.#database.exec('COMMIT')
      return result
    } catch (thrown) {
      this.#database.exec('ROLLBACK')
      throw thrown
    }
  }
}

/** Keys are ordered by their UTF-8 bytes, as S3 lists them. */
export function bytesOf(key: string): Buffer {
  return Buffer.from(key)
}

/** The document in column `row`. */
export function parseRow(row: Record<string, unknown> | undefined): unknown {
  return row === undefined ? undefined : JSON.parse(String(row['row']))
}
