import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../../../bin/portcullis.js', import.meta.url))

/** `portcullis serve` as a process of its own. */
export class ServeProcess {
  readonly #child: ChildProcess
  #errors = ''

  private constructor(child: ChildProcess) {
    this.#child = child
    child.stderr!.on(
      'data',
      (chunk: Buffer) => (this.#errors = (this.#errors + chunk.toString()).slice(-200_000)),
    )
  }

  /** Resolves when it says that it is ready. `inside` is put before the command. */
  static async start(
    configurationFile: string,
    variables: Readonly<Record<string, string>>,
    inside: (command: readonly string[]) => string[],
  ): Promise<ServeProcess> {
    const [program, ...parameters] = inside([
      process.execPath,
      PROGRAM,
      'serve',
      '--config',
      configurationFile,
    ])
    const child = spawn(program!, parameters, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...variables },
    })
    const started = new ServeProcess(child)
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`serve ended with ${code}: ${started.errors}`)))
      createInterface({ input: child.stdout }).once('line', () => resolve())
    })
    return started
  }

  /** The newest of what it wrote on standard error. */
  get errors(): string {
    return this.#errors
  }

  get pid(): number {
    return this.#child.pid!
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Ends it; resolves to its exit code, null when it was killed. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#child.exitCode
    const ended = new Promise<number | null>((resolve) => this.#child.once('exit', resolve))
    this.#child.kill(signal)
    return await ended
  }
}
