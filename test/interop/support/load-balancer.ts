import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../support/ports.ts'

/** A gateway behind the load balancer. */
export interface Balanced {
  readonly name: string
  readonly address: string
  readonly port: number
  /** Answers `/readyz`. */
  readonly adminPort: number
}

/** True where HAProxy is installed. */
export function hasLoadBalancer(): boolean {
  return spawnSync('haproxy', ['-v']).status === 0
}

/** HAProxy before several gateways; says in `x-served-by` which of them answered. */
export class LoadBalancer {
  readonly url: string
  readonly #process: ChildProcess
  readonly #directory: string

  private constructor(url: string, process: ChildProcess, directory: string) {
    this.url = url
    this.#process = process
    this.#directory = directory
  }

  static async start(gateways: readonly Balanced[]): Promise<LoadBalancer> {
    const port = await freePort()
    const directory = mkdtempSync(join(tmpdir(), 'portcullis-haproxy-'))
    const file = join(directory, 'haproxy.cfg')
    writeFileSync(file, configuration(port, gateways))
    const child = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' })
    return new LoadBalancer(`http://127.0.0.1:${port}`, child, directory)
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve))
    if (this.#process.exitCode === null && this.#process.kill('SIGKILL')) await ended
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

function configuration(port: number, gateways: readonly Balanced[]): string {
  const servers = gateways
    .map((each) => `  server ${each.name} ${each.address}:${each.port} check port ${each.adminPort}`)
    .join('\n')
  return `defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
frontend apps
  bind 127.0.0.1:${port}
  default_backend gateways
backend gateways
  balance roundrobin
  option httpchk GET /readyz
  default-server inter 500ms fall 2 rise 1
  http-response set-header x-served-by %s
${servers}
`
}
