/** What can be bound to a statement. Truth values are 0 and 1, times are RFC 3339 texts. */
export type SqlValue = string | number | Uint8Array | null

/** One SQL statement; `texts` stand around `values`. Written in what SQLite and PostgreSQL have in common. */
export interface SqlStatement {
  readonly texts: readonly string[]
  readonly values: readonly SqlValue[]
}

/** A row as a backend gives it; integers are numbers in both. */
export type SqlRow = Readonly<Record<string, unknown>>

/**
 * The body of a transaction: it yields statements and is given their rows. A generator, so that the same code runs
 * without interruption on a synchronous database and with waiting on one across a network.
 */
export type SqlWork<Result> = Generator<SqlStatement, Result, readonly SqlRow[]>

/** A statement from a template: every `${value}` is bound, never spliced into the text. */
export function sql(texts: TemplateStringsArray, ...values: SqlValue[]): SqlStatement {
  return { texts, values }
}
