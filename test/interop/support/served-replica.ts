import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { type LocalEnvironment, startLocalEnvironment } from '../../../src/local/environment.ts'
import { ServeProcess } from './serve-process.ts'
import type { AnyJson } from '../../support/any-json.ts'
import { CustomerAccount } from '../../support/customer-account.ts'

/** A line of the log, as far as the tests look at it. */
export interface LogLine {
  readonly msg: string
  /** Position of the process that wrote it; absent in lines of the parent. */
  readonly process?: number
  readonly status?: number
  readonly position?: number
  readonly pid?: number
}

/** A whole answer, or what came instead of one: status 0. */
export interface Answer {
  readonly status: number
  readonly text: string
}

/** Who asks the data plane, and for which site. */
export interface Caller {
  readonly site: string
  readonly token: string
}

/** `portcullis serve --workers N` before a local AWS and stores. */
export class ServedReplica {
  readonly environment: LocalEnvironment
  readonly customer: CustomerAccount
  readonly directory: string
  readonly configurationFile: string
  readonly #log: LogLine[] = []
  #process: ServeProcess | undefined

  private constructor(environment: LocalEnvironment, directory: string, configurationFile: string) {
    const { aws, world, organization } = environment
    this.environment = environment
    this.customer = new CustomerAccount(
      aws,
      world.customer,
      world.customer,
      organization,
      world.vendor.gateway.arn,
    )
    this.directory = directory
    this.configurationFile = configurationFile
  }

  /** `change` edits the configuration. */
  static async start(
    workers: number,
    change: (configuration: Record<string, unknown>) => void = () => undefined,
  ): Promise<ServedReplica> {
    const directory = mkdtempSync(join(tmpdir(), 'portcullis-replica-'))
    const environment = await startLocalEnvironment({
      directory: join(directory, 'world'),
      reset: false,
      gatewayPort: 0,
      adminPort: 0,
      logLevel: 'info',
    })
    const configuration = parse(readFileSync(environment.configurationFile, 'utf8')) as Record<
      string,
      unknown
    >
    configuration['registry'] = { file: join(directory, 'registry.sqlite') }
    configuration['audit'] = { directory: join(directory, 'audit') }
    const { accountId, roleArn, externalId, keys } = environment.world.vendor
    const byRegion = Object.fromEntries(keys.map(({ region, keyArn }) => [region, keyArn]))
    configuration['vendorKeys'] = [{ location: 'europe', accountId, roleArn, externalId, keys: byRegion }]
    change(configuration)
    const file = join(directory, 'serve.yaml')
    writeFileSync(file, stringify(configuration))
    const replica = new ServedReplica(environment, directory, file)
    try {
      await replica.serve(workers)
    } catch (thrown) {
      await replica.stop()
      throw thrown
    }
    return replica
  }

  /** Starts the gateway, after an earlier one has ended. */
  async serve(workers: number): Promise<void> {
    const options = ['--workers', String(workers)]
    const { variables } = this.environment
    const onLine = (line: string): void => {
      if (line.startsWith('{')) this.#log.push(JSON.parse(line) as LogLine)
    }
    this.#process = await ServeProcess.start(this.configurationFile, variables, undefined, options, onLine)
    // lines reach a reader a moment after what they tell
    if (workers > 1) await eventually(() => this.pids.size === workers)
  }

  get process(): ServeProcess {
    return this.#process!
  }

  /** Everything that was logged. */
  get log(): readonly LogLine[] {
    return this.#log
  }

  /** Positions of the processes that answered requests with this status. */
  answeredBy(status: number, log = this.log): number[] {
    const lines = log.filter((line) => line.msg === 'request' && line.status === status)
    return [...new Set(lines.map((line) => line.process!))].toSorted((a, b) => a - b)
  }

  /** Identifiers of the processes, by position; of those that were replaced the newest. */
  get pids(): ReadonlyMap<number, number> {
    const served = this.log.filter(({ msg }) => msg === 'a process serves')
    return new Map(served.map(({ position, pid }) => [position!, pid!]))
  }

  /** Sends a request of the app, or of whoever has another token, on a connection of its own. */
  app(method: string, path: string, body?: string, caller?: Caller): Promise<Answer> {
    return this.#begin(method, path, {}, caller).finish(body)
  }

  /** Begins a write whose body is not there yet; resolves once the gateway has its head. */
  async slowUpload(path: string): Promise<Sending> {
    const sending = this.#begin('PUT', path, { Expect: '100-continue' })
    await sending.started
    return sending
  }

  #begin(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    caller: Caller = { site: this.environment.site, token: this.environment.tokens.app },
  ): Sending {
    return begin(this.process.ready.gateway + path, method, {
      'Portcullis-Tenant': caller.site,
      'Portcullis-Authorization': `Bearer ${caller.token}`,
      'Content-Type': 'application/json',
      ...headers,
    })
  }

  /** Sends a request of the operator. */
  async operator(method: string, path: string, body?: object): Promise<Answer & { readonly json: AnyJson }> {
    const answer = await begin(this.process.ready.admin + path, method, {
      Authorization: `Bearer ${this.environment.tokens.admin}`,
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    }).finish(body && JSON.stringify(body))
    const json = /^[[{]/.test(answer.text) ? JSON.parse(answer.text) : undefined
    return { ...answer, json }
  }

  /** Sum of the rows of a metric. */
  async metric(name: string): Promise<number> {
    const { text } = await this.operator('GET', '/metrics')
    const rows = [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'))]
    return rows.reduce((sum, [, value]) => sum + Number(value), 0)
  }

  async stop(): Promise<void> {
    await this.#process?.stop('SIGKILL')
    await this.environment.stop()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** True while a process is there. */
export function runs(pid: number): boolean {
  return existsSync(`/proc/${pid}`)
}

/** Asks until it holds; fails after a minute. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`never held: ${holds.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** A request whose body may still be missing. */
export interface Sending {
  /** The gateway has taken the head. */
  readonly started: Promise<void>
  finish(body?: string): Promise<Answer>
}

function begin(url: string, method: string, headers: Readonly<Record<string, string>>): Sending {
  const sent = request(url, { method, headers, agent: false })
  const answered = new Promise<Answer>((resolve) => {
    const failed = (): void => resolve({ status: 0, text: '' })
    sent.once('error', failed)
    sent.once('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', failed)
      response.once('end', () =>
        resolve({ status: response.statusCode!, text: Buffer.concat(chunks).toString() }),
      )
    })
  })
  return {
    started: new Promise((resolve) => {
      sent.once('continue', resolve)
      if (headers['Expect'] !== undefined) sent.flushHeaders()
    }),
    finish: (body) => {
      sent.end(body)
      return answered
    },
  }
}
