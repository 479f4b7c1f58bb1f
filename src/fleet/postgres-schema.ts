import type { Pool } from 'pg'

/** Any number will do: it only has to be the same for all replicas, and another than the registry's. */
const MIGRATION_LOCK = 7_202_411_226

/** Schema changes in order; the position is the version. Released ones never change. */
const MIGRATIONS: readonly string[] = [
  // Claims are worth nothing after a crash, so that they need no log.
  `CREATE UNLOGGED TABLE fleet_claim (
     authority_id TEXT PRIMARY KEY,
     replica TEXT NOT NULL,
     claimed_at TIMESTAMPTZ NOT NULL
   );
   CREATE SEQUENCE fleet_mark AS BIGINT CACHE 1;`,
]

/** Brings the fleet's own tables up to date; replicas that start together take turns. */
export async function migrateFleet(pool: Pool): Promise<void> {
  const client = await pool.connect()
  let lost: Error | undefined
  try {
    await client.query('BEGIN')
    await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
    await client.query('CREATE TABLE IF NOT EXISTS fleet_schema (version INTEGER NOT NULL)')
    const { rows } = await client.query<{ version: number }>('SELECT version FROM fleet_schema')
    const version = rows[0]?.version ?? 0
    if (version > MIGRATIONS.length) {
      throw new Error(`the fleet has schema ${version}, this program knows up to ${MIGRATIONS.length}`)
    }
    for (const migration of MIGRATIONS.slice(version)) await client.query(migration)
    await client.query('DELETE FROM fleet_schema')
    await client.query('INSERT INTO fleet_schema (version) VALUES ($1)', [MIGRATIONS.length])
    await client.query('COMMIT')
  } catch (thrown) {
    await client.query('ROLLBACK').catch((error: unknown) => {
      lost = error as Error
    })
    throw thrown
  } finally {
    client.release(lost)
  }
}
