import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RevocationStatement } from '../../src/audit/revocation-statement.ts'
import { runProgram } from '../../src/cli/program.ts'
import { CustomerAccount } from '../support/customer-account.ts'
import { send } from '../support/http-client.ts'
import type { WorldReady } from './support/local-world.ts'
import { PostgresServer, postgresPrograms } from './support/postgres-server.ts'
import { ServeProcess } from './support/serve-process.ts'

const programs = postgresPrograms()

describe.skipIf(programs === undefined)(
  'the evidence of a revocation by three replicas on one PostgreSQL (skipped where it is not installed)',
  () => {
    let directory: string
    let database: PostgresServer
    let worldProcess: ChildProcess
    let world: WorldReady
    const replicas: ServeProcess[] = []

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'portcullis-evidence-'))
      worldProcess = fork(join(import.meta.dirname, 'support/local-world.ts'))
      world = await new Promise<WorldReady>((resolve) => worldProcess.once('message', resolve))
      database = await PostgresServer.start(programs!)
      const registryUrl = await database.createDatabase()
      for (const name of ['one', 'two', 'three']) {
        const { tokens } = world.configuration['admin'] as { tokens: unknown }
        const file = join(directory, `${name}.yaml`)
        const configuration = {
          ...world.configuration,
          registry: { postgres: { env: 'REGISTRY_URL' } },
          audit: { directory: join(directory, name) },
          listener: { port: 0 },
          admin: { port: 0, tokens },
        }
        writeFileSync(file, stringify(configuration))
        const variables = { ...world.variables, REGISTRY_URL: registryUrl }
        // the second one consists of two processes
        const options = name === 'two' ? ['--workers', '2'] : []
        replicas.push(await ServeProcess.start(file, variables, undefined, options))
      }
    })

    afterAll(async () => {
      await Promise.all(replicas.map((replica) => replica.stop('SIGKILL')))
      await database?.stop()
      worldProcess?.disconnect()
      rmSync(directory, { recursive: true, force: true })
    })

    const app = async (replica: ServeProcess, method = 'GET'): Promise<number> => {
      const answer = await send(`${replica.ready.gateway}/jira/issue/1`, {
        method,
        headers: {
          'Portcullis-Tenant': world.site,
          'Portcullis-Authorization': `Bearer ${world.tokens.app}`,
          'Content-Type': 'application/json',
        },
        ...(method === 'PUT' ? { body: '{"id":"1","fields":{"summary":"text"}}' } : {}),
      })
      return answer.status
    }

    /** Runs a command of the operator against the first replica. */
    async function command(...argv: string[]): Promise<{ code: number; text: string }> {
      let text = ''
      const code = await runProgram(argv, {
        environment: {
          PORTCULLIS_ADMIN_URL: replicas[0]!.ready.admin,
          PORTCULLIS_ADMIN_TOKEN: world.tokens.admin,
        },
        print: (printed) => (text += printed),
        printError: (printed) => (text += printed),
        stopRequested: new AbortController().signal,
      })
      return { code, text }
    }

    const newest = async (): Promise<RevocationStatement> => {
      const { text } = await command('access', 'report', world.organization, '--json')
      return (JSON.parse(text) as RevocationStatement[])[0]!
    }

    async function until(holds: () => Promise<boolean>): Promise<void> {
      const deadline = performance.now() + 60_000
      while (!(await holds())) {
        if (performance.now() > deadline) throw new Error(`never held: ${holds.toString()}`)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }

    it('is a signed statement that lists a stopped replica as unconfirmed until it has confirmed', async () => {
      const customer = new CustomerAccount(
        { endpoint: world.aws },
        world.customer,
        world.customer,
        world.organization,
        world.gatewayArn,
      )
      expect(await app(replicas[0]!, 'PUT')).toBe(201)
      const running = replicas.slice(0, 2)
      await until(async () =>
        (await Promise.all(replicas.map((one) => app(one)))).every((status) => status === 200),
      )
      replicas[2]!.signal('SIGSTOP')
      await customer.disableKey()
      await until(async () =>
        (await Promise.all(running.map((one) => app(one)))).every((status) => status === 423),
      )

      await until(async () => (await newest()).replicas.filter(({ confirmed }) => confirmed).length === 3)
      const statement = await newest()
      expect(statement.replicas).toHaveLength(4)
      expect(statement).toMatchObject({ complete: false, suspension: { reason: 'key-disabled' } })
      const [missing] = statement.replicas.filter(({ confirmed }) => !confirmed)
      expect(missing!.replica).toContain(`-${replicas[2]!.pid}-`)

      const files = { statement: join(directory, 'statement.json'), keys: join(directory, 'keys.pem') }
      const write = async (): Promise<void> => {
        await command(
          'access',
          'statement',
          world.organization,
          statement.suspension.id,
          '--output',
          files.statement,
        )
      }
      await command('audit', 'keys', world.organization, '--output', files.keys)
      await write()
      const verify = ['access', 'verify', files.statement, '--public-key', files.keys]
      const incomplete = await command(...verify)
      expect(incomplete.code).toBe(1)
      expect(incomplete.text).toMatch(/genuine/)
      expect(incomplete.text).toMatch(/NOT CONFIRMED/)

      replicas[2]!.signal('SIGCONT')
      await until(async () => (await app(replicas[2]!)) === 423 && (await newest()).complete)
      await write()
      const complete = await command(...verify)
      expect([complete.code, complete.text]).toEqual([0, expect.stringMatching(/4 of 4/)])
      // what any replica last allowed is the figure that is shown
      const { lastAllowedAt, replicas: all } = await newest()
      const uses = all.flatMap((one) =>
        one.confirmed && one.lastAllowedAt !== null ? [one.lastAllowedAt] : [],
      )
      expect(lastAllowedAt).toBe(uses.toSorted().at(-1))
      expect(complete.text).toContain(lastAllowedAt)
    })
  },
)
