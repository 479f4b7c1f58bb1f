import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { appendFileSync, chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'

const ROOT = '/usr/lib/postgresql'
const DEADLINE_MS = 60_000

/** Folder with PostgreSQL's programs, the newest there is; undefined without any. */
export function postgresPrograms(): string | undefined {
  if (!existsSync(ROOT)) return undefined
  const versions = readdirSync(ROOT).sort((a, b) => Number(b) - Number(a))
  return versions
    .map((version) => join(ROOT, version, 'bin'))
    .find((bin) => existsSync(join(bin, 'postgres')))
}

/** A PostgreSQL of the test's own on loopback; it refuses to run as root, so root becomes `postgres` for it. */
export class PostgresServer {
  readonly port: number
  readonly #bin: string
  readonly #directory: string
  #process: ChildProcess | undefined
  #databases = 0

  private constructor(bin: string, directory: string, port: number) {
    this.#bin = bin
    this.#directory = directory
    this.port = port
  }

  /** It listens on loopback only; `trusted` are networks whose packets are led there. */
  static async start(bin: string, trusted: readonly string[] = []): Promise<PostgresServer> {
    const directory = mkdtempSync(join(tmpdir(), 'portcullis-postgres-'))
    if (isRoot()) execFileSync('chown', ['postgres', directory])
    chmodSync(directory, 0o700)
    const [program, ...parameters] = asPostgres(join(bin, 'initdb'))
    execFileSync(program!, [
      ...parameters,
      '-D',
      join(directory, 'data'),
      '-A',
      'trust',
      '-U',
      'portcullis',
      '-E',
      'UTF8',
    ])
    for (const network of trusted) {
      appendFileSync(join(directory, 'data', 'pg_hba.conf'), `host all all ${network} trust\n`)
    }
    const server = new PostgresServer(bin, directory, await freePort())
    await server.run()
    return server
  }

  /** Starts the server unless it runs, also again after `kill`. */
  async run(): Promise<void> {
    if (this.#process !== undefined) return
    const [program, ...parameters] = asPostgres(join(this.#bin, 'postgres'))
    this.#process = spawn(
      program!,
      [
        ...parameters,
        '-D',
        join(this.#directory, 'data'),
        '-p',
        String(this.port),
        '-k',
        '',
        '-h',
        '127.0.0.1',
      ],
      { stdio: 'ignore' },
    )
    const deadline = performance.now() + DEADLINE_MS
    for (;;) {
      try {
        await this.#query('postgres', 'SELECT 1')
        return
      } catch (thrown) {
        if (performance.now() > deadline) throw thrown
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  }

  /** URL of a new and empty database. */
  async createDatabase(): Promise<string> {
    this.#databases += 1
    const name = `registry_${this.#databases}`
    await this.#query('postgres', `CREATE DATABASE ${name}`)
    return this.#url(name)
  }

  /** Ends every connection to a database, as a failing network would. */
  async cutConnections(url: string): Promise<void> {
    const name = new URL(url).pathname.slice(1)
    await this.#query(
      'postgres',
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
    )
  }

  /** Ends the server as a crash would. */
  async kill(): Promise<void> {
    const running = this.#process
    if (running === undefined) return
    const ended = new Promise((resolve) => running.once('exit', resolve))
    running.kill('SIGQUIT')
    await ended
    this.#process = undefined
  }

  async stop(): Promise<void> {
    await this.kill()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  #url(database: string): string {
    return `postgres://portcullis@127.0.0.1:${this.port}/${database}`
  }

  async #query(database: string, text: string): Promise<void> {
    const client = new Client({ connectionString: this.#url(database) })
    await client.connect()
    try {
      await client.query(text)
    } finally {
      await client.end()
    }
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0
}

function asPostgres(program: string): string[] {
  return isRoot() ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', program] : [program]
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
