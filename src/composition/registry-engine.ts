import { PostgresEngine } from '../registry/postgres/postgres-engine.ts'
import type { SqlEngine } from '../registry/sql/engine.ts'
import { SqliteEngine } from '../registry/sqlite/sqlite-engine.ts'
import type { Settings } from './settings.ts'

/** Opens the database that a configuration names and brings its schema up to date. */
export async function openRegistryEngine(
  { configuration, materials }: Settings,
  onError: (error: unknown) => void,
): Promise<SqlEngine> {
  const { file, postgresConnectionsMax } = configuration.registry
  if (materials.registryUrl !== undefined) {
    const options = { url: materials.registryUrl, connectionsMax: postgresConnectionsMax, onError }
    return await PostgresEngine.open(options)
  }
  if (file === undefined) throw new Error('a checked configuration names a registry')
  return new SqliteEngine(file)
}
