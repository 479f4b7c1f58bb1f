import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { PostgresExchange } from '../../src/fleet/postgres-exchange.ts'
import { Customer } from '../kms/customer.ts'
import type { ReplicaOrder, ReplicaReport } from './support/fleet-replica.ts'
import { PostgresServer, postgresPrograms } from './support/postgres-server.ts'

const BOUND_MS = 5_000
const DEADLINE_MS = 60_000
const programs = postgresPrograms()

/** A replica in a process of its own. */
class ReplicaProcess {
  readonly name: string
  readonly #child: ChildProcess
  report: ReplicaReport | undefined

  constructor(name: string, url: string, customer: Customer) {
    this.name = name
    this.#child = fork(join(import.meta.dirname, 'support/fleet-replica.ts'))
    this.#child.on('message', (report: ReplicaReport) => {
      this.report = report
    })
    const { authority, gatewayCredentials: credentials } = customer
    this.#child.send({ name, url, endpoint: customer.local.endpoint, credentials, authority })
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  order(order: ReplicaOrder): void {
    this.#child.send(order)
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await ended
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function until(holds: () => boolean, what: string, said: () => unknown): Promise<void> {
  const startedMs = performance.now()
  while (!holds()) {
    if (performance.now() - startedMs > DEADLINE_MS)
      throw new Error(`never: ${what}: ${JSON.stringify(said())}`)
    await pause(20)
  }
}

describe.skipIf(programs === undefined)('three replica processes on PostgreSQL', () => {
  let server: PostgresServer
  let customer: Customer
  let replicas: ReplicaProcess[]

  beforeAll(async () => {
    server = await PostgresServer.start(programs!)
  })
  afterAll(() => server.stop())

  beforeEach(async () => {
    customer = await Customer.start()
    const url = await server.createDatabase()
    replicas = ['one', 'two', 'three'].map((name) => new ReplicaProcess(name, url, customer))
    await allAre('allowed')
  })
  afterEach(async () => {
    await Promise.all(replicas.map((replica) => replica.end()))
    await customer.stop()
  })

  const allAre = (state: ReplicaReport['state'], some = replicas): Promise<void> =>
    until(
      () => some.every(({ report }) => report?.state === state),
      `all are ${state}`,
      () => some.map(({ report }) => report),
    )
  const lastAllowedAt = (): number => Math.max(...replicas.map(({ report }) => report!.lastAllowedAt))
  const settle = (): Promise<unknown> => pause(100)

  test('are all cut within the bound and all return, under one suspension', async () => {
    const restoredAfterMs: number[] = []
    for (let round = 0; round < 3; round += 1) {
      await customer.disableKey()
      const revokedAt = Date.now()
      await allAre('suspended')
      await settle()
      expect(lastAllowedAt() - revokedAt).toBeLessThanOrEqual(BOUND_MS)
      expect(new Set(replicas.map(({ report }) => report!.suspensionId)).size).toBe(1)
      expect(replicas.map(({ report }) => report!.keys)).toEqual([0, 0, 0])
      await customer.enableKey()
      const enabledAt = Date.now()
      await allAre('allowed')
      restoredAfterMs.push(Date.now() - enabledAt)
    }
    expect(Math.max(...restoredAfterMs)).toBeLessThan(30_000)
  })

  test('cost as many verifications as one', async () => {
    await pause(BOUND_MS)
    customer.local.counters.reset()
    const startedMs = performance.now()
    await pause(4 * BOUND_MS)
    const bounds = (performance.now() - startedMs) / BOUND_MS
    expect(customer.local.counters.count({ operation: 'AssumeRole' }) / bounds).toBeLessThan(2)
    expect(customer.local.counters.count({ operation: 'Decrypt' }) / bounds / 2).toBeLessThan(2)
  })

  test('serve nothing stale when one of them is stopped and wakes after the revocation', async () => {
    const [first, second, stopped] = replicas as [ReplicaProcess, ReplicaProcess, ReplicaProcess]
    stopped.signal('SIGSTOP')
    await pause(200)
    const before = stopped.report!.allowed
    await customer.disableKey()
    const revokedAt = Date.now()
    await allAre('suspended', [first, second])
    // The notice waits in its socket as well as in its own proof: neither may help it.
    await pause(Math.max(0, BOUND_MS + 500 - (Date.now() - revokedAt)))
    stopped.signal('SIGCONT')
    await allAre('suspended')
    await settle()
    expect(stopped.report!.allowed - before).toBeLessThanOrEqual(60)
    expect(stopped.report!.lastAllowedAt - revokedAt).toBeLessThanOrEqual(BOUND_MS)
    await customer.enableKey()
    await allAre('allowed')
  })

  test('stay within the bound while PostgreSQL is down, and go on when it is back', async () => {
    await server.kill()
    await pause(2 * BOUND_MS)
    expect(replicas.map(({ report }) => report!.state)).toEqual(['allowed', 'allowed', 'allowed'])
    await customer.disableKey()
    const revokedAt = Date.now()
    await allAre('suspended')
    await settle()
    expect(lastAllowedAt() - revokedAt).toBeLessThanOrEqual(BOUND_MS)
    await server.run()
    await customer.enableKey()
    await allAre('allowed')
  })

  test('go on when the one that verified is killed', async () => {
    const [killed, ...rest] = replicas as [ReplicaProcess, ...ReplicaProcess[]]
    await killed.end()
    await pause(BOUND_MS)
    expect(rest.map(({ report }) => report!.state)).toEqual(['allowed', 'allowed'])
    await customer.denyRole(true)
    const revokedAt = Date.now()
    await allAre('suspended', rest)
    await settle()
    expect(Math.max(...rest.map(({ report }) => report!.lastAllowedAt)) - revokedAt).toBeLessThanOrEqual(
      BOUND_MS,
    )
  })

  test("share an operator's suspension and its end", async () => {
    replicas[0]!.order({ do: 'suspend' })
    await allAre('suspended')
    await pause(1_000)
    replicas[2]!.order({ do: 'lift' })
    await allAre('allowed')
  })

  test('are told to look at the registry once they listen, the first time too', async () => {
    const url = await server.createDatabase()
    const exchange = await PostgresExchange.open({ url, replica: 'new' })
    let resumed = 0
    exchange.listen({ received: () => undefined, resumed: () => (resumed += 1) })
    await until(
      () => resumed === 1,
      'told at the first connection',
      () => resumed,
    )
    await server.cutConnections(url)
    await until(
      () => resumed === 2,
      'told after a lost connection',
      () => resumed,
    )
    await exchange.close()
  })
})
