import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'

/** A process under measurement that printed one line of JSON when it was ready. */
export interface Child<Ready> {
  readonly pid: number
  readonly ready: Ready
  stop(): Promise<void>
}

const ATTEMPTS_MAX = 100
const ATTEMPT_INTERVAL_MS = 100

const taskset =
  process.platform === 'linux' &&
  availableParallelism() > 1 &&
  spawnSync('taskset', ['--version']).status === 0

/** Starts a node program, pinned to `core` where the machine can, and waits for its ready line on stdout. */
export async function startChild<Ready>(arguments_: string[], core?: number): Promise<Child<Ready>> {
  const child = spawnPinned([process.execPath, ...arguments_], core, process.env, 'pipe')
  const ready = await readyLine<Ready>(child, arguments_.join(' '))
  return { pid: child.pid!, ready, stop: () => stop(child) }
}

/** Starts any program, pinned to one core if one is given, and waits until `url` answers; what it prints is dropped. */
export async function startProgram(
  command: readonly string[],
  core: number | undefined,
  options: { readonly url: string; readonly env?: Readonly<Record<string, string>> },
): Promise<Child<undefined>> {
  const child = spawnPinned(command, core, { ...process.env, ...options.env }, 'ignore')
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`${command[0]} ended with ${child.exitCode}`)
    const answers = await fetch(options.url).then(
      () => true,
      () => false,
    )
    if (answers) return { pid: child.pid!, ready: undefined, stop: () => stop(child) }
    await new Promise((resolve) => {
      setTimeout(resolve, ATTEMPT_INTERVAL_MS)
    })
  }
  await stop(child)
  throw new Error(`${command[0]} does not answer`)
}

/** Keeps this process, the load generator, off the core of the subject. */
export function pinThisProcess(core: number): void {
  if (taskset) spawnSync('taskset', ['-acp', String(core), String(process.pid)])
}

function spawnPinned(
  command: readonly string[],
  core: number | undefined,
  env: NodeJS.ProcessEnv,
  output: 'pipe' | 'ignore',
): ChildProcess {
  const [program, ...rest] =
    taskset && core !== undefined ? ['taskset', '-c', String(core), ...command] : command
  return spawn(program!, rest, { stdio: ['ignore', output, output === 'pipe' ? 'inherit' : 'ignore'], env })
}

async function readyLine<Ready>(child: ChildProcess, name: string): Promise<Ready> {
  return await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code} before it was ready`)))
    createInterface({ input: child.stdout! }).once('line', (line) => resolve(JSON.parse(line) as Ready))
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const exited = new Promise((resolve) => {
    child.once('exit', resolve)
  })
  child.kill('SIGTERM')
  const force = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await exited
  clearTimeout(force)
}
