import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Answer, send, type Sending } from './http-client.ts'
import type { AnyJson } from './any-json.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/portcullis.js', import.meta.url))

/** `portcullis dev` as a process of its own. */
export class DevProcess {
  readonly child: ChildProcess
  /** The one line of JSON on standard output. */
  readonly ready: Record<string, AnyJson>
  readonly #output: { stdout: string; stderr: string }
  readonly #exited: Promise<number | null>

  private constructor(
    child: ChildProcess,
    ready: Record<string, AnyJson>,
    output: { stdout: string; stderr: string },
    exited: Promise<number | null>,
  ) {
    this.child = child
    this.ready = ready
    this.#output = output
    this.#exited = exited
  }

  static async start(directory: string, ...options: string[]): Promise<DevProcess> {
    const child = spawn(
      process.execPath,
      [PROGRAM, 'dev', '--port', '0', '--admin-port', '0', '--data-dir', directory, ...options],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    const output = { stdout: '', stderr: '' }
    child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()))
    const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
    const line = await new Promise<string>((resolve, reject) => {
      child.stdout.on('data', (chunk: Buffer) => {
        output.stdout += chunk.toString()
        if (output.stdout.includes('\n')) resolve(output.stdout)
      })
      void exited.then((code) => reject(new Error(`exited with ${code}: ${output.stderr}`)))
    })
    return new DevProcess(child, JSON.parse(line) as Record<string, AnyJson>, output, exited)
  }

  get stdout(): string {
    return this.#output.stdout
  }

  get stderr(): string {
    return this.#output.stderr
  }

  async request(path: string, sending: Sending = {}): Promise<Answer> {
    const { tenant, tokens, gateway } = this.ready
    return await send(gateway + path, {
      ...sending,
      headers: {
        'Portcullis-Tenant': tenant,
        'Portcullis-Authorization': `Bearer ${tokens.app}`,
        ...sending.headers,
      },
    })
  }

  async put(path: string, body: string | Buffer): Promise<Answer> {
    return await this.request(path, { method: 'PUT', body, headers: { 'Content-Type': 'application/json' } })
  }

  /** Resident memory now. Linux only. */
  get residentMebibytes(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) / 1024
  }

  /** Asks the process to stop; resolves to its exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode === null) this.child.kill(signal)
    return await this.#exited
  }
}
