import { SqlRegistryDatabase } from '../sql/sql-database.ts'
import { SqliteEngine } from './sqlite-engine.ts'

/** The registry in one SQLite file. */
export class SqliteDatabase extends SqlRegistryDatabase {
  /** Opens or creates `file` (`:memory:` for none) and brings its schema up to date. */
  constructor(file: string) {
    super(new SqliteEngine(file))
  }
}
