import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { loadConfiguration } from '../../src/config/load.ts'
import { Gateway } from '../../src/gateway.ts'
import { type LocalEnvironment, startLocalEnvironment } from '../../src/local/environment.ts'
import { createLogger } from '../../src/observability/logger.ts'
import { CustomerAccount } from './customer-account.ts'
import { type Answer, keepAlive, send, type Sending } from './http-client.ts'
import { LogCapture } from './log-capture.ts'
import type { AnyJson } from './any-json.ts'

/** A configuration file's content, to be changed in place. */
export type ConfigurationData = Record<string, AnyJson>

/** Tightens the bound of a configuration, in milliseconds, with timeouts that fit into it, so that tests are short. */
export function tightenBound(configuration: ConfigurationData, boundMs: number): void {
  configuration['revocation'] = { boundMs: `${boundMs}ms`, probeIntervalMs: '500ms' }
  Object.assign(configuration['kms'], {
    attemptTimeoutMs: `${boundMs * 0.15}ms`,
    requestTimeoutMs: `${boundMs * 0.4}ms`,
    verifyTimeoutMs: `${boundMs * 0.39}ms`,
  })
}

/** How a stack is started. */
export interface DevStackOptions {
  /** Where state is kept; a directory of its own, removed at the end, unless given. */
  readonly directory?: string
  /** Changes the configuration that `portcullis dev` would write. */
  readonly configure?: (configuration: ConfigurationData) => void
}

/** The stack of `portcullis dev` in this process, logging everything into memory. */
export class DevStack {
  readonly gateway: Gateway
  readonly environment: LocalEnvironment
  readonly logs: LogCapture
  readonly customer: CustomerAccount
  readonly directory: string
  readonly #agent = keepAlive()
  readonly #removeDirectory: boolean

  private constructor(
    gateway: Gateway,
    environment: LocalEnvironment,
    logs: LogCapture,
    directory: string,
    removeDirectory: boolean,
  ) {
    this.gateway = gateway
    this.environment = environment
    this.logs = logs
    this.directory = directory
    this.#removeDirectory = removeDirectory
    const { customer, vendor } = environment.world
    this.customer = new CustomerAccount(
      environment.aws,
      customer,
      customer,
      environment.organization,
      vendor.gateway.arn,
    )
  }

  static async start(options: DevStackOptions = {}): Promise<DevStack> {
    const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'portcullis-dev-'))
    const environment = await startLocalEnvironment({
      directory: join(directory, 'data'),
      reset: false,
      gatewayPort: 0,
      adminPort: 0,
      logLevel: 'trace',
    })
    const configuration = parse(readFileSync(environment.configurationFile, 'utf8')) as ConfigurationData
    options.configure?.(configuration)
    writeFileSync(environment.configurationFile, stringify(configuration))
    const logs = new LogCapture()
    const gateway = await Gateway.start({
      ...loadConfiguration(environment.configurationFile, environment.variables),
      logger: createLogger({ level: 'trace', destination: logs }),
    })
    const stack = new DevStack(gateway, environment, logs, directory, options.directory === undefined)
    // a key service that has just started can be too slow for tight timeouts
    await stack.until('/jira/issue/none', ({ status }) => status !== 503)
    return stack
  }

  /** Headers that name the tenant and prove who asks. */
  get credentials(): Record<string, string> {
    return {
      'Portcullis-Tenant': this.environment.site,
      'Portcullis-Authorization': `Bearer ${this.environment.tokens.app}`,
    }
  }

  /** A request to the gateway as the app of the site. */
  async request(path: string, sending: Sending = {}): Promise<Answer> {
    return await send(this.gateway.url + path, {
      agent: this.#agent,
      ...sending,
      headers: { ...this.credentials, ...sending.headers },
    })
  }

  /** A write of a JSON document. */
  async put(path: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> {
    return await this.request(path, {
      method: 'PUT',
      body,
      headers: { 'Content-Type': 'application/json', ...headers },
    })
  }

  /** What the store itself holds: path with the mount, as at the gateway. */
  async atRest(path: string, sending: Sending = {}): Promise<Answer> {
    const { jira, confluence } = this.environment.stores
    const store = path.startsWith(`${jira.mount}/`) ? jira : confluence
    return await send(store.upstream + path.slice(store.mount.length), { agent: this.#agent, ...sending })
  }

  /** Repeats a request until its answer is as wanted; fails after a generous deadline. */
  async until(path: string, wanted: (answer: Answer) => boolean, deadlineMs = 30_000): Promise<Answer> {
    const deadline = performance.now() + deadlineMs
    for (;;) {
      const answer = await this.request(path)
      if (wanted(answer)) return answer
      if (performance.now() > deadline) throw new Error(`still ${answer.status} after ${deadlineMs} ms`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async stop(): Promise<void> {
    this.#agent.destroy()
    await this.gateway.drain()
    await this.environment.stop()
    if (this.#removeDirectory) rmSync(this.directory, { recursive: true, force: true })
  }
}
