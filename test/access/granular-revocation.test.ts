import { describe, expect, test, vi } from 'vitest'
import { TenantSuspended } from '../../src/access/tenant-suspended.ts'
import type { DataClass, TenantApp } from '../../src/tenant/tenant.ts'
import { REGIONS } from '../kms/customer.ts'
import { pause, RevocationWorld } from './revocation-world.ts'

vi.setConfig({ testTimeout: 120_000 })

const DEADLINE_MS = 25_000
/** Twice the usual: how far a denial reaches is only known where AWS answers in time, on a busy machine too. */
const BOUND_MS = 10_000

const CONTENT = [
  ['jira', 'issue'],
  ['jira', 'comment'],
  ['confluence', 'page'],
  ['confluence', 'comment'],
] as const satisfies [string, DataClass][]

async function warmUp(world: RevocationWorld): Promise<void> {
  for (const [app, dataClass] of CONTENT) await world.served(world[app], dataClass)
}

/** The suspension that ends requests; on a machine too busy for AWS to answer in time they meet 503 before. */
async function suspended(
  world: RevocationWorld,
  app: TenantApp,
  dataClass: DataClass,
): Promise<{ lastAllowedMs: number; refusal: TenantSuspended }> {
  for (let lastAllowedMs = 0; ;) {
    const outcome = await world.refused(app, dataClass)
    lastAllowedMs = Math.max(lastAllowedMs, outcome.lastAllowedMs)
    if (outcome.refusal instanceof TenantSuspended) return { lastAllowedMs, refusal: outcome.refusal }
    expect(outcome.refusal).toMatchObject({ code: 'key-service-unavailable' })
  }
}

describe.concurrent('a key policy condition on the encryption context', () => {
  test.each([
    {
      excluded: { app: 'confluence' },
      scopes: {
        'confluence page': 'app:acme-one/confluence',
        'confluence comment': 'app:acme-one/confluence',
      },
    },
    {
      excluded: { 'data-class': 'comment' },
      scopes: {
        'jira comment': 'data-class:acme-one/jira/comment',
        'confluence comment': 'data-class:acme-one/confluence/comment',
      },
    },
    {
      excluded: { app: 'jira', 'data-class': 'issue' },
      scopes: { 'jira issue': 'data-class:acme-one/jira/issue' },
    },
  ] as { excluded: Record<string, string>; scopes: Record<string, string> }[])(
    'suspends within the bound what it excludes and nothing else, and lifts it: $excluded',
    ({ excluded, scopes }) =>
      RevocationWorld.with({ access: { revocationBoundMs: BOUND_MS } }, async (world) => {
        const { customer, parts } = world
        await warmUp(world)
        const running = CONTENT.map(async ([app, dataClass]) => {
          const scope = scopes[`${app} ${dataClass}`]
          return scope === undefined
            ? undefined
            : { scope, ...(await suspended(world, world[app], dataClass)) }
        })
        await pause(100)
        await customer.excludeContext(excluded)
        const revokedMs = performance.now()
        for (const outcome of await Promise.all(running)) {
          if (outcome === undefined) continue
          expect(outcome.lastAllowedMs - revokedMs).toBeLessThanOrEqual(BOUND_MS)
          expect(outcome.refusal).toMatchObject({
            status: 423,
            suspension: { reason: 'access-denied', scope: outcome.scope },
          })
        }
        for (const [app, dataClass] of CONTENT) {
          if (scopes[`${app} ${dataClass}`] === undefined) await world.request(world[app], dataClass)
        }
        await customer.excludeContext(undefined)
        for (const [app, dataClass] of CONTENT) await world.served(world[app], dataClass)
        expect(parts.access.status('acme')?.suspensions).toEqual([])
        expect(parts.memory.freeBytesAreZero()).toBe(true)
      }),
  )

  test('in one region only is found by the proofs as they alternate', () =>
    RevocationWorld.with({ access: { revocationBoundMs: BOUND_MS } }, async (world) => {
      await warmUp(world)
      const running = suspended(world, world.jira, 'comment')
      await world.customer.excludeContext({ 'data-class': 'comment' }, [REGIONS[1]!])
      const { refusal } = await running
      expect(refusal).toMatchObject({ suspension: { scope: 'data-class:acme-one/jira/comment' } })
      await world.request(world.jira, 'issue')
    }))
})

describe.concurrent('a key that is deleted at last', () => {
  test('suspends the organization as not found', () => {
    let passedMs = 0
    return RevocationWorld.with({ aws: { clock: () => Date.now() + passedMs } }, async (world) => {
      const { customer, parts } = world
      await warmUp(world)
      await customer.scheduleDeletion(REGIONS[1]!)
      await world.refused(world.jira, 'issue')
      passedMs = 8 * 24 * 60 * 60 * 1000
      // The session of the role ends as well while a week passes: the next proof begins a new one.
      const startedMs = performance.now()
      while (parts.access.status('acme')?.suspension?.reason !== 'key-not-found') {
        if (performance.now() - startedMs > DEADLINE_MS) throw new Error('the reason never changed')
        await pause(50)
      }
      expect(parts.access.status('acme')?.suspension).toMatchObject({ scope: 'organization' })
    })
  })
})

describe.concurrent('the calls that proofs cost', () => {
  test('are one AssumeRole and one Decrypt per key in use for each proof, and requests cost none', () => {
    const proofs: string[] = []
    const observe = { verification: (_authority: string, outcome: string) => void proofs.push(outcome) }
    return RevocationWorld.with({ access: { observe } }, async (world) => {
      await warmUp(world)
      // What is under way ends first.
      await world.parts.access.verifyNow(world.customer.authority)
      const { calls } = world.parts
      calls.length = proofs.length = 0
      let requests = 0
      while (proofs.length < 2) {
        for (const [app, dataClass] of CONTENT) await world.request(world[app], dataClass)
        requests += CONTENT.length
        await pause(5)
      }
      const succeeded = calls.filter(({ outcome }) => outcome === 'succeeded')
      const of = (operation: string, region?: string): number =>
        succeeded.filter((call) => call.operation === operation && (region ?? call.region) === call.region)
          .length
      expect(requests).toBeGreaterThan(100)
      // One more proof may be under way.
      expect(of('AssumeRole')).toBeLessThanOrEqual(proofs.length + 1)
      expect(of('Decrypt')).toBeLessThanOrEqual((proofs.length + 1) * CONTENT.length)
      for (const region of REGIONS) expect(of('Decrypt', region)).toBeGreaterThanOrEqual(proofs.length)
      expect(succeeded.filter(({ purpose }) => purpose !== 'verify')).toEqual([])
    })
  })
})
