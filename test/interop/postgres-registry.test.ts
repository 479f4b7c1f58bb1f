import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ControlPlane } from '../../src/registry/control-plane/control-plane.ts'
import { findOrganization, saveOrganization } from '../../src/registry/control-plane/statements.ts'
import { PostgresEngine } from '../../src/registry/postgres/postgres-engine.ts'
import type { SqlWork } from '../../src/registry/sql/statement.ts'
import { controlPlaneSuite } from '../registry/control-plane-suite.ts'
import { type Backend, registrySuite } from '../registry/registry-suite.ts'
import { PostgresServer, postgresPrograms } from './support/postgres-server.ts'

const programs = postgresPrograms()

describe.skipIf(programs === undefined)('PostgreSQL (skipped where it is not installed)', () => {
  let server: PostgresServer
  const errors: unknown[] = []

  beforeAll(async () => {
    server = await PostgresServer.start(programs!)
  })

  afterAll(async () => {
    await server?.stop()
  })

  function backend(): Backend {
    return {
      name: 'PostgreSQL',
      create: async () => {
        const url = await server.createDatabase()
        return () => PostgresEngine.open({ url, onError: (error) => errors.push(error) })
      },
      remove: async () => undefined,
    }
  }

  registrySuite(backend())
  controlPlaneSuite(backend())

  function add(controlPlane: ControlPlane, id: string): Promise<void> {
    return controlPlane.change(function* (revision): SqlWork<void> {
      if ((yield* findOrganization(id)) !== undefined) return
      yield* saveOrganization({
        id,
        name: null,
        location: 'europe',
        externalId: `${id}-x`,
        managedBy: 'api',
        createdAt: '2026-11-22T01:02:03.004Z',
        revision,
      })
    })
  }

  async function until(holds: () => boolean): Promise<void> {
    const deadline = performance.now() + 30_000
    while (!holds()) {
      expect(performance.now()).toBeLessThan(deadline)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  describe('replicas', () => {
    it('start together on an empty database', async () => {
      const url = await server.createDatabase()
      const engines = await Promise.all(Array.from({ length: 4 }, () => PostgresEngine.open({ url })))
      await Promise.all(engines.map((engine) => engine.close()))
    })

    it('hear of each other again after their connections were cut and after a crash of the server', async () => {
      const url = await server.createDatabase()
      const engines = await Promise.all([
        PostgresEngine.open({ url, onError: () => undefined }),
        PostgresEngine.open({ url, onError: () => undefined }),
      ])
      const [here, there] = await Promise.all(engines.map((engine) => ControlPlane.load(engine)))
      engines[1].onChange(() => void there!.refresh().catch(() => undefined))
      await add(here!, 'one')
      await until(() => there!.snapshot.organizations.has('one'))

      await server.cutConnections(url)
      await retried(() => add(here!, 'two'))
      await until(() => there!.snapshot.organizations.has('two'))

      await server.kill()
      await expect(add(here!, 'three')).rejects.toThrow()
      await server.run()
      await retried(() => add(here!, 'three'))
      await until(() => there!.snapshot.organizations.has('three'))
      await Promise.all(engines.map((engine) => engine.close()))
    })

    it('say nothing of the password when they cannot connect', async () => {
      const url = `postgres://portcullis:hunter2@127.0.0.1:${server.port}/nowhere`
      await expect(PostgresEngine.open({ url })).rejects.toThrow(/nowhere/)
      const thrown: unknown = await PostgresEngine.open({ url }).catch((error: unknown) => error)
      expect(String((thrown as Error).stack)).not.toContain('hunter2')
    })
  })
})

async function retried(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await work()
      return
    } catch (thrown) {
      if (attempt === 100) throw thrown
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
