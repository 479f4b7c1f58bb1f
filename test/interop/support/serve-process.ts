import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../../../bin/portcullis.js', import.meta.url))

/** The line that `serve` prints when it is ready. */
export interface ServeReady {
  readonly gateway: string
  readonly admin: string
}

/** `portcullis serve` as a process of its own. */
export class ServeProcess {
  readonly #child: ChildProcess
  #ready: ServeReady | undefined
  #errors = ''

  private constructor(child: ChildProcess) {
    this.#child = child
    child.stderr!.on(
      'data',
      (chunk: Buffer) => (this.#errors = (this.#errors + chunk.toString()).slice(-200_000)),
    )
  }

  /**
   * Resolves when it says that it is ready. `inside` is put before the command, `options` come after it; `onLine` is told what it
   * writes on standard error.
   */
  static async start(
    configurationFile: string,
    variables: Readonly<Record<string, string>>,
    inside: (command: readonly string[]) => string[] = (command) => [...command],
    options: readonly string[] = [],
    onLine: (line: string) => void = () => undefined,
  ): Promise<ServeProcess> {
    const [program, ...parameters] = inside([
      process.execPath,
      PROGRAM,
      'serve',
      '--config',
      configurationFile,
      ...options,
    ])
    const child = spawn(program!, parameters, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...variables },
    })
    const started = new ServeProcess(child)
    createInterface({ input: child.stderr }).on('line', onLine)
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`serve ended with ${code}: ${started.errors}`)))
      createInterface({ input: child.stdout }).once('line', (line) => {
        started.#ready = JSON.parse(line) as ServeReady
        resolve()
      })
    })
    return started
  }

  get ready(): ServeReady {
    return this.#ready!
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
