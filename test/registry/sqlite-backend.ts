import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SqliteEngine } from '../../src/registry/sqlite/sqlite-engine.ts'
import type { Backend } from './registry-suite.ts'

/** SQLite in a directory of its own. */
export function sqliteBackend(): Backend {
  let directory: string | undefined
  return {
    name: 'SQLite',
    create: async () => {
      const file = join((directory = mkdtempSync(join(tmpdir(), 'portcullis-'))), 'registry.sqlite')
      return async () => new SqliteEngine(file)
    },
    remove: async () => rmSync(directory!, { recursive: true }),
  }
}
