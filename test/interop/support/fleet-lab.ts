import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { CustomerCli } from './customer-cli.ts'
import { LoadBalancer } from './load-balancer.ts'
import type { WorldReady } from './local-world.ts'
import { PostgresServer } from './postgres-server.ts'
import { ReplicaNetwork } from './replica-network.ts'
import { ServeProcess } from './serve-process.ts'

const GATEWAY_PORT = 8080
const ADMIN_PORT = 8081

/** One replica: a host, and the `serve` that runs there. */
export class Replica {
  readonly name: string
  readonly network: ReplicaNetwork
  process: ServeProcess | undefined
  readonly #configurationFile: string
  readonly #variables: Readonly<Record<string, string>>

  constructor(
    name: string,
    network: ReplicaNetwork,
    configurationFile: string,
    variables: Readonly<Record<string, string>>,
  ) {
    this.name = name
    this.network = network
    this.#configurationFile = configurationFile
    this.#variables = variables
  }

  get adminUrl(): string {
    return `http://${this.network.address}:${ADMIN_PORT}`
  }

  get gatewayUrl(): string {
    return `http://${this.network.address}:${GATEWAY_PORT}`
  }

  async start(): Promise<void> {
    this.process = await ServeProcess.start(this.#configurationFile, this.#variables, (command) =>
      this.network.inside(command),
    )
  }

  async stop(signal?: NodeJS.Signals): Promise<void> {
    await this.process?.stop(signal)
    this.process = undefined
  }
}

/** Three replicas of `serve` on hosts of their own, one PostgreSQL, HAProxy, and a customer's AWS account. */
export class FleetLab {
  readonly world: WorldReady
  readonly customer: CustomerCli
  readonly database: PostgresServer
  readonly balancer: LoadBalancer
  readonly replicas: readonly Replica[]
  readonly #worldProcess: ChildProcess
  readonly #directory: string

  private constructor(
    world: WorldReady,
    database: PostgresServer,
    balancer: LoadBalancer,
    replicas: readonly Replica[],
    worldProcess: ChildProcess,
    directory: string,
  ) {
    this.world = world
    this.customer = new CustomerCli(world)
    this.database = database
    this.balancer = balancer
    this.replicas = replicas
    this.#worldProcess = worldProcess
    this.#directory = directory
  }

  /** `change` edits the configuration that all replicas share. */
  static async start(
    postgresPrograms: string,
    change: (configuration: Record<string, unknown>) => void,
  ): Promise<FleetLab> {
    const directory = mkdtempSync(join(tmpdir(), 'portcullis-fleet-'))
    const worldProcess = fork(join(import.meta.dirname, 'local-world.ts'))
    const world = await new Promise<WorldReady>((resolve) => worldProcess.once('message', resolve))
    const database = await PostgresServer.start(postgresPrograms, ['10.203.0.0/16'])
    const registryUrl = await database.createDatabase()
    const shared = [database.port, world.ports.aws, ...world.ports.stores]
    const replicas = ['one', 'two', 'three'].map((name, index) => {
      const network = ReplicaNetwork.create(index + 1, shared)
      const configuration = structuredClone(world.configuration)
      configuration['registry'] = { postgres: { env: 'REGISTRY_URL' } }
      configuration['audit'] = { directory: join(directory, `${name}-audit`) }
      configuration['listener'] = { host: network.address, port: GATEWAY_PORT }
      const { tokens } = configuration['admin'] as { tokens: unknown }
      configuration['admin'] = { host: network.address, port: ADMIN_PORT, tokens }
      change(configuration)
      const file = join(directory, `${name}.yaml`)
      writeFileSync(file, stringify(configuration))
      return new Replica(name, network, file, { ...world.variables, REGISTRY_URL: registryUrl })
    })
    const balancer = await LoadBalancer.start(
      replicas.map(({ name, network }) => ({
        name,
        address: network.address,
        port: GATEWAY_PORT,
        adminPort: ADMIN_PORT,
      })),
    )
    const lab = new FleetLab(world, database, balancer, replicas, worldProcess, directory)
    try {
      for (const replica of replicas) await replica.start()
    } catch (thrown) {
      await lab.stop()
      throw thrown
    }
    return lab
  }

  /** Headers of the app. */
  get headers(): Record<string, string> {
    return {
      'portcullis-tenant': this.world.site,
      'portcullis-authorization': `Bearer ${this.world.tokens.app}`,
    }
  }

  /** Loses this share of the packets between the replicas and their database and key service. */
  losePackets(percent: number): void {
    for (const { network } of this.replicas) network.lose(percent, [this.database.port, this.world.ports.aws])
  }

  /** Calls the admin API of one replica as the operator. */
  async admin(replica: Replica, path: string, method = 'GET', body?: unknown): Promise<Response> {
    return await fetch(`${replica.adminUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.world.tokens.admin}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  }

  /** Switches faults of the key service on; `undefined` switches all off. */
  async keyServiceFault(fault: object | undefined): Promise<void> {
    const answer = await fetch(`${this.world.aws}/_portcullis/faults`, {
      method: fault === undefined ? 'DELETE' : 'POST',
      headers: { 'content-type': 'application/json' },
      ...(fault === undefined ? {} : { body: JSON.stringify(fault) }),
    })
    if (!answer.ok) throw new Error(`the local AWS answered ${answer.status}: ${await answer.text()}`)
  }

  /** Calls that the key service has had, by operation. */
  async keyServiceCalls(): Promise<Record<string, number>> {
    const answer = await fetch(`${this.world.aws}/_portcullis/counters`)
    const { counters } = (await answer.json()) as { counters: { operation: string; calls: number }[] }
    const calls: Record<string, number> = {}
    for (const row of counters) calls[row.operation] = (calls[row.operation] ?? 0) + row.calls
    return calls
  }

  async stop(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.stop('SIGKILL')))
    await this.balancer.stop()
    await this.database.stop()
    for (const { network } of this.replicas) network.remove()
    this.#worldProcess.disconnect()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
