import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'

/** A process under measurement that printed one line of JSON when it was ready. */
export interface Child<Ready> {
  readonly pid: number
  readonly ready: Ready
  stop(): Promise<void>
}

const taskset =
  process.platform === 'linux' &&
  availableParallelism() > 1 &&
  spawnSync('taskset', ['--version']).status === 0

/** Starts a node program pinned to one core where the machine can, and waits for its ready line on stdout. */
export async function startChild<Ready>(arguments_: string[], core: number): Promise<Child<Ready>> {
  const [command, ...rest] = taskset
    ? ['taskset', '-c', String(core), process.execPath, ...arguments_]
    : [process.execPath, ...arguments_]
  const child = spawn(command!, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ready = await readyLine<Ready>(child, arguments_.join(' '))
  return { pid: child.pid!, ready, stop: () => stop(child) }
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
