import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasAwsCli } from './support/customer-cli.ts'
import { FleetLab, type Replica } from './support/fleet-lab.ts'
import { hasLoadBalancer } from './support/load-balancer.ts'
import { postgresPrograms } from './support/postgres-server.ts'
import { canMakeNetworks } from './support/replica-network.ts'
import { type Seen, SteadyLoad } from './support/steady-load.ts'

const BOUND_MS = 5_000
/** Between the release of an answer and the instant at which a client on a busy machine takes note of it. */
const CLIENT_SLACK_MS = 1_000
const RESTORE_MS_MAX = 30_000
const DEADLINE_MS = 60_000

const ISSUE = { path: '/jira/issue/1', body: '{"id":"1","fields":{"summary":"seen by customers only"}}' }
const PAGE = {
  path: '/confluence/page/1',
  body: '{"id":"1","title":"a page","body":{"storage":{"value":"<p>x</p>"}}}',
}

/** One way to take access away, and how to give it back. */
interface Way {
  readonly name: string
  readonly reason: string
  /** What is suspended; everything unless said. */
  readonly paths?: readonly string[]
  readonly prepare?: () => Promise<unknown>
  readonly revoke: () => Promise<unknown>
  readonly restore: () => Promise<unknown>
}

const programs = postgresPrograms()
const able = programs !== undefined && hasLoadBalancer() && hasAwsCli() && canMakeNetworks()

describe.skipIf(!able)(
  'three replicas behind HAProxy on PostgreSQL (skipped without haproxy, aws, PostgreSQL or network namespaces)',
  () => {
    let lab: FleetLab
    let load: SteadyLoad
    const measured: Record<string, string | number>[] = []

    beforeAll(async () => {
      lab = await FleetLab.start(programs!, (configuration) => {
        configuration['revocation'] = { boundMs: BOUND_MS, probeIntervalMs: 5_000 }
      })
      load = new SteadyLoad({
        url: lab.balancer.url,
        headers: lab.headers,
        documents: [ISSUE, PAGE],
        connections: 6,
        pauseMs: 40,
      })
      for (const { path, body } of [ISSUE, PAGE]) {
        const headers = { ...lab.headers, 'content-type': 'application/json' }
        await until(
          async () => (await fetch(lab.balancer.url + path, { method: 'PUT', headers, body })).ok,
          path,
        )
      }
      load.start()
    })

    afterAll(async () => {
      await load?.stop()
      await lab?.stop()
      if (measured.length > 0) console.table(measured)
    })

    const running = (): readonly Replica[] => lab.replicas.filter(({ process }) => process !== undefined)

    /** The newest answer of each running replica about one of the paths. */
    const newest = (paths: readonly string[]): Map<string, Seen> => {
      const found = new Map<string, Seen>()
      for (const seen of load.seen)
        if (seen.by !== undefined && paths.includes(seen.path)) found.set(seen.by, seen)
      return found
    }

    const everywhere = (status: number, paths: readonly string[], sinceMs: number) => (): boolean => {
      const found = newest(paths)
      return running().every(({ name }) => {
        const seen = found.get(name)
        return seen !== undefined && seen.startedAtMs > sinceMs && seen.status === status
      })
    }

    /** Revokes under load, measures what every replica did, and restores; fails when a promise does not hold. */
    async function cutAndRestore(way: Way, circumstances: string): Promise<void> {
      try {
        await measure(way, circumstances)
      } catch (failure) {
        // So that one failure does not become those of all that come after.
        await way.restore().catch(() => undefined)
        throw failure
      }
    }

    async function measure(way: Way, circumstances: string): Promise<void> {
      const paths = way.paths ?? [ISSUE.path, PAGE.path]
      const spared = [ISSUE.path, PAGE.path].filter((path) => !paths.includes(path))
      await way.prepare?.()
      load.forget()
      await until(everywhere(200, paths, performance.now()), 'all serve')
      await way.revoke()
      const revokedAtMs = performance.now()
      await until(everywhere(423, paths, revokedAtMs), `all answer 423 (${way.name})`)
      const cutAtMs = performance.now()
      // Long enough to see answers that were on their way.
      await pause(500)
      const lastMs = new Map(running().map(({ name }) => [name, 0]))
      for (const { by = '', path, status, endedAtMs } of load.seen) {
        if (status !== 200 || !paths.includes(path)) continue
        lastMs.set(by, Math.max(lastMs.get(by) ?? 0, endedAtMs - revokedAtMs))
      }
      const refused = load.seen.filter(({ status, path }) => status === 423 && paths.includes(path))
      expect(new Set(refused.map(({ reason }) => reason))).toEqual(new Set([way.reason]))
      expect(Math.max(...lastMs.values())).toBeLessThanOrEqual(BOUND_MS + CLIENT_SLACK_MS)
      // Once every replica has refused, nothing is served and nothing acknowledged any more.
      const late = load.seen.filter(
        ({ status, path, startedAtMs }) => status === 200 && paths.includes(path) && startedAtMs > cutAtMs,
      )
      expect(late).toEqual([])
      const writes = load.acknowledged.filter(
        ({ startedAtMs }) => paths.includes(ISSUE.path) && startedAtMs > cutAtMs,
      )
      expect(writes).toEqual([])
      if (spared.length > 0) expect(everywhere(200, spared, revokedAtMs)()).toBe(true)
      await way.restore()
      const restoredAtMs = performance.now()
      await until(everywhere(200, paths, restoredAtMs), `all serve again (${way.name})`)
      const restoreMs = performance.now() - restoredAtMs
      expect(restoreMs).toBeLessThan(RESTORE_MS_MAX)
      measured.push({
        circumstances,
        way: way.name,
        ...Object.fromEntries([...lastMs].map(([name, ms]) => [`${name} ms`, Math.round(ms)])),
        'restore ms': Math.round(restoreMs),
      })
    }

    /** Nothing that was acknowledged is lost, and nothing was ever answered that was not what had been written. */
    async function nothingIsLost(): Promise<void> {
      expect(load.wrong).toEqual([])
      const written = load.acknowledged.splice(0)
      expect(written.length).toBeGreaterThan(0)
      for (let at = 0; at < written.length; at += 20) {
        const some = written.slice(at, at + 20)
        const read = await Promise.all(
          some.map(async ({ path }) => {
            const answer = await fetch(lab.balancer.url + path, { headers: lab.headers })
            return [answer.status, await answer.text()]
          }),
        )
        expect(read).toEqual(some.map(({ body }) => [200, body]))
      }
    }

    const disabledKey: Way = {
      name: 'the key disabled in the first region',
      reason: 'key-disabled',
      revoke: () => lab.customer.disableKey(lab.customer.regions[0]!),
      restore: () => lab.customer.enableKey(lab.customer.regions[0]!),
    }
    const deniedRole: Way = {
      name: 'the trust policy saying Deny',
      reason: 'access-denied',
      revoke: () => lab.customer.trust({ Effect: 'Deny', Principal: '*', Action: 'sts:AssumeRole' }),
      restore: () => lab.customer.trust(),
    }
    const deniedDecrypt: Way = {
      name: 'the key policy without Decrypt',
      reason: 'access-denied',
      revoke: () => lab.customer.denyInKeyPolicy({ actions: 'kms:Decrypt' }),
      restore: () => lab.customer.denyInKeyPolicy(undefined),
    }
    let grant = ''
    let suspension = ''
    const WAYS: readonly Way[] = [
      disabledKey,
      {
        name: 'the key disabled in the second region only',
        reason: 'key-disabled',
        revoke: () => lab.customer.disableKey(lab.customer.regions[1]!),
        restore: () => lab.customer.enableKey(lab.customer.regions[1]!),
      },
      {
        name: 'the key disabled in both regions',
        reason: 'key-disabled',
        revoke: () => eachRegion((region) => lab.customer.disableKey(region)),
        restore: () => eachRegion((region) => lab.customer.enableKey(region)),
      },
      {
        name: 'a key scheduled for deletion',
        reason: 'key-pending-deletion',
        revoke: () => lab.customer.scheduleDeletion(lab.customer.regions[1]!),
        restore: () => lab.customer.cancelDeletion(lab.customer.regions[1]!),
      },
      deniedRole,
      {
        name: 'another ExternalId',
        reason: 'access-denied',
        revoke: () => lab.customer.changeExternalId('another-external-id'),
        restore: () => lab.customer.trust(),
      },
      deniedDecrypt,
      {
        name: 'a grant retired',
        reason: 'access-denied',
        prepare: async () => {
          grant = await lab.customer.grantInsteadOfPolicy()
        },
        revoke: () => lab.customer.retireGrant(grant),
        restore: () => lab.customer.denyInKeyPolicy(undefined),
      },
      {
        name: 'a condition that excludes Confluence',
        reason: 'access-denied',
        paths: [PAGE.path],
        revoke: () => lab.customer.denyInKeyPolicy({ actions: 'kms:*', context: { app: 'confluence' } }),
        restore: () => lab.customer.denyInKeyPolicy(undefined),
      },
      {
        name: "the operator's own suspension",
        reason: 'operator',
        revoke: async () => {
          const path = `/admin/v1/organizations/${lab.world.organization}/suspensions`
          const answer = await lab.admin(lab.replicas[0]!, path, 'POST', {})
          expect(answer.status).toBe(201)
          suspension = ((await answer.json()) as { id: string }).id
        },
        restore: async () => {
          const path = `/admin/v1/organizations/${lab.world.organization}/suspensions/${suspension}`
          expect((await lab.admin(lab.replicas[1]!, path, 'DELETE')).ok).toBe(true)
        },
      },
    ]

    async function eachRegion(act: (region: string) => Promise<void>): Promise<void> {
      for (const region of lab.customer.regions) await act(region)
    }

    it('ask the key service no more often than one replica would', async () => {
      const before = await lab.keyServiceCalls()
      const seconds = 15
      await pause(seconds * 1_000)
      const after = await lab.keyServiceCalls()
      const perBound = (operation: string): number =>
        (((after[operation] ?? 0) - (before[operation] ?? 0)) * BOUND_MS) / 1_000 / seconds
      measured.push({
        circumstances: 'calls per bound, all replicas together',
        way: `AssumeRole ${perBound('AssumeRole').toFixed(2)}, Decrypt ${perBound('Decrypt').toFixed(2)}`,
      })
      // Little more than one per bound; one more may fall into the time of three. Strangers would make three per bound.
      expect(perBound('AssumeRole')).toBeLessThan(2)
    })

    it.each(WAYS.map((way) => [way.name, way] as const))(
      'cut off within the bound, and serve again by themselves: %s',
      async (_name, way) => {
        await cutAndRestore(way, 'all well')
      },
    )

    it('lose nothing that they acknowledged', nothingIsLost)

    it.each([disabledKey, deniedRole].map((way) => [way.name, way] as const))(
      'do so while one of them is stopped: %s',
      async (_name, way) => {
        const [first] = lab.replicas
        await first!.stop()
        try {
          await cutAndRestore(way, 'one replica stopped')
        } finally {
          await first!.start()
        }
      },
    )

    it('serve nothing on a stale lease after a pause of half a minute', async () => {
      const paused = lab.replicas[0]!
      await until(everywhere(200, [ISSUE.path], performance.now()), 'all serve')
      // Requests wait in the kernel of the paused replica, and are the first thing it sees when it wakes.
      paused.process!.signal('SIGSTOP')
      const waiting = Array.from({ length: 4 }, () =>
        fetch(paused.gatewayUrl + ISSUE.path, { headers: lab.headers }).then(({ status }) => status),
      )
      await disabledKey.revoke()
      await pause(30_000)
      paused.process!.signal('SIGCONT')
      const statuses = await Promise.all(waiting)
      expect(new Set(statuses)).toEqual(new Set([423]))
      await disabledKey.restore()
    })

    it.each([disabledKey, deniedRole].map((way) => [way.name, way] as const))(
      'do so while PostgreSQL restarts: %s',
      async (_name, way) => {
        await cutAndRestore(
          {
            ...way,
            prepare: () => lab.database.kill(),
            restore: async () => {
              await lab.database.run()
              await way.restore()
            },
          },
          'PostgreSQL away, then back',
        )
      },
    )

    it.each([disabledKey, deniedRole].map((way) => [way.name, way] as const))(
      'do so while the key service throttles half of the calls: %s',
      async (_name, way) => {
        await lab.keyServiceFault({ kind: 'throttle', service: 'kms', probability: 0.5 })
        try {
          await cutAndRestore(way, 'KMS throttles half of the calls')
        } finally {
          await lab.keyServiceFault(undefined)
        }
      },
    )

    it.each([deniedDecrypt, deniedRole].map((way) => [way.name, way] as const))(
      'do so while a fifth of the packets to database and key service is lost: %s',
      async (_name, way) => {
        lab.losePackets(20)
        try {
          await cutAndRestore(way, '20 % packet loss')
        } finally {
          lab.losePackets(0)
        }
      },
    )

    it('have lost nothing after all that', nothingIsLost)
  },
)

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadlineMs = performance.now() + DEADLINE_MS
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`never: ${what}`)
    await pause(20)
  }
}
