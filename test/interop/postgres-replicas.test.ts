import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiGateway, ApiWorld } from '../admin/support/api-world.ts'
import { PostgresServer, postgresPrograms } from './support/postgres-server.ts'

const programs = postgresPrograms()

describe.skipIf(programs === undefined)(
  'two gateways on one PostgreSQL (skipped where it is not installed)',
  () => {
    let server: PostgresServer
    let world: ApiWorld
    let url: string
    let one: ApiGateway
    let two: ApiGateway

    const start = (name: string): Promise<ApiGateway> =>
      world.gateway(
        name,
        (configuration) => {
          configuration['registry'] = { postgres: { env: 'REGISTRY_URL' } }
        },
        { REGISTRY_URL: url },
      )

    beforeAll(async () => {
      server = await PostgresServer.start(programs!)
      url = await server.createDatabase()
      world = await ApiWorld.start()
      one = await start('one')
      two = await start('two')
    })

    afterAll(async () => {
      await world?.stop()
      await server?.stop()
    })

    async function until<Result>(
      ask: () => Promise<Result>,
      holds: (result: Result) => boolean,
    ): Promise<Result> {
      const deadline = performance.now() + 30_000
      for (;;) {
        const result = await ask()
        if (holds(result)) return result
        expect(performance.now()).toBeLessThan(deadline)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }

    it('serve what the other was told a moment ago, and read what the other wrote', async () => {
      await world.organization(one, 'acme')
      await one.organization('/acme/sites', { body: { name: 'acme', apps: [{ type: 'jira', byok: true }] } })
      const { token } = await one.organization('/acme/tokens', { body: { name: 'app', sites: ['acme'] } })
      const body = '{"id":"1","fields":{"summary":"from one"}}'
      expect((await one.request('/jira/issue/1', 'acme', token, { method: 'PUT', body })).ok).toBe(true)
      const read = await until(
        () => two.request('/jira/issue/1', 'acme', token),
        ({ status }) => status !== 403 && status !== 404,
      )
      expect([read.status, await read.text()]).toEqual([200, body])
    })

    it('never both get what only one can have', async () => {
      const outcomes = await Promise.all(
        [one, two, one, two].map((gateway) =>
          gateway.api('/admin/v1/organizations', { body: { id: 'race', location: 'europe' } }),
        ),
      )
      expect(outcomes.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409, 409, 409])
    })

    it('repeat an answer that the other gave', async () => {
      const asking = { body: { id: 'repeated', location: 'europe' }, headers: { 'Idempotency-Key': 'k' } }
      const first = await one.api('/admin/v1/organizations', asking)
      const again = await two.api('/admin/v1/organizations', asking)
      expect([first.status, again.status, again.json]).toEqual([201, 201, first.json])
    })

    it('take up a revoked token at once, both of them', async () => {
      const made = await one.organization('/acme/tokens', { body: { name: 'short', sites: ['acme'] } })
      const { id, token } = made as { id: string; token: string }
      const read = (gateway: ApiGateway) => () => gateway.request('/jira/issue/1', 'acme', token)
      await until(read(two), ({ status }) => status === 200)
      await one.organization(`/acme/tokens/${id}`, { method: 'DELETE' })
      await until(read(two), ({ status }) => status === 403)
      expect((await read(one)()).status).toBe(403)
    })

    it('go on when one ends and when the database restarts', async () => {
      const { token } = await one.organization('/acme/tokens', { body: { name: 'lasting', sites: ['acme'] } })
      await until(
        () => two.request('/jira/issue/1', 'acme', token),
        ({ status }) => status === 200,
      )
      await one.stop()
      expect((await two.request('/jira/issue/1', 'acme', token)).status).toBe(200)
      await server.kill()
      // the data plane asks the registry nothing
      expect((await two.request('/jira/issue/1', 'acme', token)).status).toBe(200)
      const refused = await two.api('/admin/v1/organizations', { body: { id: 'later', location: 'europe' } })
      expect(refused.status).toBeGreaterThanOrEqual(500)
      await server.run()
      await until(
        () => two.api('/admin/v1/organizations', { body: { id: 'later', location: 'europe' } }),
        ({ status }) => status === 201,
      )
      const three = await start('three')
      expect(await three.organization('/later')).toMatchObject({ id: 'later' })
    })
  },
)
