import { createReadStream, createWriteStream } from 'node:fs'
import { rename } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { openRegistryEngine } from '../composition/registry-engine.ts'
import { BackupRefused, exportRegistry, importRegistry } from '../registry/backup.ts'
import type { SqlEngine } from '../registry/sql/engine.ts'
import { loadOrExplain } from './findings.ts'
import { EXIT, type ExitCode, type Terminal } from './terminal.ts'

/** `portcullis registry backup`: everything that the registry holds, encrypted as it is stored, into a file. */
export async function runBackup(
  options: { readonly config: string; readonly output: string },
  terminal: Terminal,
): Promise<ExitCode> {
  return await withRegistry(options.config, terminal, async (engine) => {
    const unfinished = `${options.output}.unfinished`
    const lines = exportRegistry(engine, new Date().toISOString())
    await pipeline(Readable.from(lines), createWriteStream(unfinished, { mode: 0o600, flush: true }))
    // a backup that broke off never has the name of a whole one
    await rename(unfinished, options.output)
    terminal.print(`backup written to ${options.output}\n`)
    return EXIT.ok
  })
}

/** `portcullis registry restore`: a backup into an empty registry. */
export async function runRestore(
  options: { readonly config: string; readonly input: string },
  terminal: Terminal,
): Promise<ExitCode> {
  return await withRegistry(options.config, terminal, async (engine) => {
    try {
      const lines = createInterface({ input: createReadStream(options.input), crlfDelay: Infinity })
      const rows = await importRegistry(engine, lines)
      terminal.print(`${rows} rows restored\n`)
      return EXIT.ok
    } catch (thrown) {
      if (!(thrown instanceof BackupRefused)) throw thrown
      terminal.printError(`portcullis: ${thrown.message}\n`)
      return EXIT.failed
    }
  })
}

async function withRegistry(
  file: string,
  terminal: Terminal,
  work: (engine: SqlEngine) => Promise<ExitCode>,
): Promise<ExitCode> {
  const loaded = loadOrExplain(file, terminal)
  if (loaded === undefined) return EXIT.failed
  const engine = await openRegistryEngine(loaded, (error) =>
    terminal.printError(`portcullis: ${String(error)}\n`),
  )
  try {
    return await work(engine)
  } finally {
    await engine.close()
  }
}
