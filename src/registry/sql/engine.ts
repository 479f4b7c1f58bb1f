import type { SqlRow, SqlStatement, SqlWork } from './statement.ts'

/** A database as the registry uses it. Durable and serializable: one writer at a time, whoever it is. */
export interface SqlEngine {
  /** Runs one statement that reads. */
  query(statement: SqlStatement): Promise<readonly SqlRow[]>
  /**
   * Runs a transaction, all or nothing. `work` gets the revision that the registry has once it is committed; every
   * transaction has a higher one than those committed before it. Rejects with what `work` throws.
   */
  transact<Result>(work: (revision: number) => SqlWork<Result>): Promise<Result>
  /** Calls back, soon and at most a second later, after a commit of any process; coalesced. */
  onChange(listener: () => void): void
  close(): Promise<void>
}
