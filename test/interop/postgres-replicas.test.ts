import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiGateway, ApiWorld } from '../admin/support/api-world.ts'
import { verifierFromPem } from '../../src/crypto/signature.ts'
import { verifyChain } from '../../src/audit/verify-chain.ts'
import { type Hook, startHook } from './support/hook.ts'
import { PostgresServer, postgresPrograms } from './support/postgres-server.ts'

const programs = postgresPrograms()

describe.skipIf(programs === undefined)(
  'two gateways on one PostgreSQL (skipped where it is not installed)',
  () => {
    let server: PostgresServer
    let world: ApiWorld
    let url: string
    let hook: Hook
    let one: ApiGateway
    let two: ApiGateway

    const start = (name: string): Promise<ApiGateway> =>
      world.gateway(
        name,
        (configuration) => {
          configuration['registry'] = { postgres: { env: 'REGISTRY_URL' } }
          configuration['audit'] = {
            directory: `${name}-audit`,
            forwarders: [{ name: 'hook', kind: 'webhook', url: hook.url, secret: { env: 'HOOK' } }],
          }
        },
        { REGISTRY_URL: url, HOOK: 'webhook-secret-of-at-least-32-characters' },
      )

    beforeAll(async () => {
      server = await PostgresServer.start(programs!)
      url = await server.createDatabase()
      world = await ApiWorld.start()
      hook = await startHook()
      one = await start('one')
      two = await start('two')
    })

    afterAll(async () => {
      await world?.stop()
      await hook?.stop()
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

    it('make every site once, whichever of them is asked and however often at once', async () => {
      const names = Array.from({ length: 15 }, (_, number) => `raced-${number}`)
      const outcomes = await Promise.all(
        names.flatMap((name) =>
          [one, two, one, two].map((gateway) =>
            gateway.api('/admin/v1/organizations/acme/sites', { body: { name, apps: [] } }),
          ),
        ),
      )
      const made = outcomes.filter(({ status }) => status === 201).map(({ json }) => json.name as string)
      expect(made.toSorted(byText)).toEqual(names.toSorted(byText))
      expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set([201, 409]))
      const listed = async (gateway: ApiGateway): Promise<string[]> => {
        const { items } = (await gateway.organization('/acme/sites?limit=500')) as {
          items: { name: string }[]
        }
        return items.map(({ name }) => name).filter((name) => name.startsWith('raced-'))
      }
      for (const gateway of [one, two]) {
        expect(
          (
            await until(
              () => listed(gateway),
              (all) => all.length === 15,
            )
          ).toSorted(byText),
        ).toEqual(names.toSorted(byText))
      }
    })

    it('carry out a request once that both get at the same time under one idempotency key', async () => {
      for (let round = 0; round < 10; round += 1) {
        const asking = {
          body: { id: `once-${round}`, location: 'europe' },
          headers: { 'Idempotency-Key': `at-once-${round}` },
        }
        const answers = await Promise.all(
          [one, two].map((gateway) => gateway.api('/admin/v1/organizations', asking)),
        )
        const won = answers.find(({ status }) => status === 201)!
        // the other one repeats that answer, or says that the request is still being carried out
        for (const { status, json } of answers) {
          if (status === 201) expect(json).toEqual(won.json)
          else expect([status, json.reason]).toEqual([409, 'request-running'])
        }
        expect((await two.api('/admin/v1/organizations', asking)).json).toEqual(won.json)
      }
    })

    it('hear of changes while both are busy', async () => {
      const { token } = await one.organization('/acme/tokens', { body: { name: 'load', sites: ['acme'] } })
      await until(
        () => two.request('/jira/issue/1', 'acme', token),
        ({ status }) => status === 200,
      )
      const enough = new AbortController()
      const load = [one, two, one, two].map(async (gateway) => {
        while (!enough.signal.aborted) {
          const { status, body } = await gateway.request('/jira/issue/1', 'acme', token)
          await body?.cancel()
          expect(status).toBe(200)
        }
      })
      const delays: number[] = []
      for (let round = 0; round < 10; round += 1) {
        const made = await one.organization('/acme/tokens', { body: { name: `n${round}`, sites: ['acme'] } })
        const startedMs = performance.now()
        await until(
          () => two.request('/jira/issue/1', 'acme', made.token as string),
          ({ status }) => status === 200,
        )
        delays.push(performance.now() - startedMs)
      }
      enough.abort()
      await Promise.all(load)
      console.log(`a change was heard of within ${Math.round(Math.max(...delays))} ms at most`)
    })

    it('write one audit trail, which each of them and the receiver of the webhook find whole', async () => {
      for (const gateway of [one, two]) {
        const verified = await gateway.organization('/acme/audit/verification', { method: 'POST' })
        expect(verified).toMatchObject({ ok: true, problems: [] })
        // whoever asked is in the trail after the answer, and may not be signed for yet
        expect(verified.signedUpTo).toBeGreaterThanOrEqual(verified.lastSequence - 5)
      }
      const keys = (await one.organization('/acme/audit/keys')) as { items: { publicKeyPem: string }[] }
      expect(keys.items).toHaveLength(2)
      const created = await one.organization('/acme/audit?types=provisioning.changed&limit=1000')
      expect(created.items.length).toBeGreaterThan(15)
      const last = (await one.organization('/acme/audit?limit=1000')).items.at(-1).sequence as number
      await until(
        async () => hook.rowsOf('acme').length,
        (rows) => rows >= last,
      )
      const verifiers = keys.items.map(({ publicKeyPem }) => verifierFromPem(publicKeyPem))
      const received = await verifyChain(hook.entriesOf('acme'), verifiers)
      expect(received).toMatchObject({ ok: true, problems: [] })
    })

    it('keep what happens while the database is away for when it is back', async () => {
      const { token } = await one.organization('/acme/tokens', { body: { name: 'away', sites: ['acme'] } })
      await until(
        () => two.request('/jira/issue/1', 'acme', token),
        ({ status }) => status === 200,
      )
      await server.kill()
      expect((await two.request('/jira/issue/1', 'acme', token)).status).toBe(200)
      const failed = await two.api('/admin/v1/organizations/acme/tokens', {
        body: { name: 'x', sites: ['acme'] },
      })
      expect(failed.status).toBeGreaterThanOrEqual(500)
      await until(
        async () => await metricOf(two, 'portcullis_audit_append_failures_total'),
        (count) => count > 0,
      )
      await server.run()
      await until(
        async () => await metricOf(two, 'portcullis_audit_queue_length'),
        (count) => count === 0,
      )
      const verified = await until(
        () => two.api('/admin/v1/organizations/acme/audit/verification', { method: 'POST' }),
        ({ status }) => status === 200,
      )
      expect(verified.json).toMatchObject({ ok: true, problems: [] })
      const kept = await two.organization('/acme/audit?types=admin.acted&outcome=failed')
      expect(kept.items.map(({ event }: { event: { operation: string } }) => event.operation)).toEqual([
        'token.create',
      ])
      expect(await metricOf(two, 'portcullis_audit_lost_total')).toBe(0)
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

const byText = (a: string, b: string): number => (a < b ? -1 : 1)

async function metricOf(gateway: ApiGateway, name: string): Promise<number> {
  const { text } = await gateway.api('/metrics')
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}
