import { type CustomTypesConfig, type PoolConfig, types } from 'pg'

/** What one part of the gateway uses a database for. */
export interface PostgresUse {
  /** `postgres://user:password@host/database?sslmode=verify-full…`; never logged. */
  readonly url: string
  /** What `pg_stat_activity` shows. */
  readonly applicationName: string
  /** Longest time of one statement, at the server and as it is waited for. */
  readonly statementTimeoutMs: number
}

const CONNECT_TIMEOUT_MS = 5_000
/** A replica that stands still inside a transaction must not hold up the others for longer. */
const IDLE_TRANSACTION_TIMEOUT_MS = 5_000

/** Object identifier of the type BIGINT. */
const BIGINT = 20
/** Integers are numbers; everything counted here stays far below 2^53. */
const TYPES: CustomTypesConfig = {
  getTypeParser: ((oid: number, format: 'text') =>
    oid === BIGINT ? Number : types.getTypeParser(oid, format)) as CustomTypesConfig['getTypeParser'],
}

/** Settings of connections that run transactions; BIGINT columns are numbers. */
export function postgresSettings({ url, applicationName, statementTimeoutMs }: PostgresUse): PoolConfig {
  return {
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
    keepAlive: true,
    types: TYPES,
  }
}
