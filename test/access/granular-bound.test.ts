import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { TenantApp } from '../../src/tenant/tenant.ts'
import { AccessHarness, AUTHORITY, nameOf } from './access-harness.ts'
import { REFUSED } from './scripted-prover.ts'

const BOUND_MS = 5_000
const RUNS = 300
const SLICE_MS = 170
const JIRA: TenantApp = { organization: 'acme', site: 'acme-one', app: 'jira', authority: AUTHORITY }
const CONFLUENCE: TenantApp = { ...JIRA, app: 'confluence' }
const KEYS = ['key-1', 'confluence/key-2', 'key-3', 'confluence/key-4']

const key = fc.constantFrom(...KEYS)
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 4_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('stop' as const), ms: fc.integer({ min: 1, max: 20_000 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('withdraw' as const), key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('restore' as const), key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('look-up' as const), key }) },
)

test('no key is used later than the bound after it was excluded, however narrowly', async () => {
  let uses = 0
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 5, maxLength: 25 }),
    fc.array(fc.integer({ min: 0, max: 950 }), { minLength: 1, maxLength: 10 }),
    fc.array(fc.integer({ min: 0, max: 999 }), { minLength: 1, maxLength: 10 }),
    async (steps, latencies, seeds) => {
      let draw = 0
      const harness = new AccessHarness({ random: () => seeds[draw++ % seeds.length]! / 1000 })
      harness.prover.keys.splice(0, 1, ...KEYS)
      harness.prover.denial = REFUSED
      let proof = 0
      harness.prover.script = () => ({
        latencyMs: latencies[proof++ % latencies.length]!,
        outcome: 'verdict',
      })
      const withdrawnAtMs = new Map<string, number>()
      const violations: string[] = []
      const isWiped = (keyId: string): boolean => {
        const { site, app, dataClass } = harness.prover.placeOf('acme', keyId)!
        return (
          harness.wiped.size > 0 ||
          harness.wipedAreas.has(nameOf({ site, app })) ||
          harness.wipedAreas.has(nameOf({ site, app, dataClass }))
        )
      }
      const use = async (app: TenantApp, keyId: string): Promise<void> => {
        const lease = await harness.access.admit(app)
        lease.assertValid()
        if (isWiped(keyId)) return
        uses += 1
        const sinceMs = harness.clock.now() - (withdrawnAtMs.get(keyId) ?? Number.POSITIVE_INFINITY)
        // A process that stood still takes the proof under way for unanswered: that is the outage path.
        const { proofs, learnt } = harness.prover
        const unanswered = proofs.some(({ startedMs }) => {
          const answer = learnt.find((fact) => fact.startedMs === startedMs)
          return (answer?.atMs ?? harness.clock.now()) - startedMs >= 1_000
        })
        if (sinceMs >= BOUND_MS && !unanswered) violations.push(`${keyId} after ${sinceMs} ms`)
      }
      const requests = (): void => {
        harness.inUse = KEYS.filter((keyId) => !isWiped(keyId))
        for (const keyId of KEYS) {
          use(keyId.startsWith('confluence') ? CONFLUENCE : JIRA, keyId).catch(() => undefined)
        }
      }
      for (const current of steps) {
        if (current.do === 'stop') harness.clock.jump(current.ms)
        if (current.do === 'withdraw') {
          harness.prover.deniedKeys.add(current.key)
          if (!withdrawnAtMs.has(current.key)) withdrawnAtMs.set(current.key, harness.clock.now())
        }
        if (current.do === 'restore') {
          harness.prover.deniedKeys.delete(current.key)
          withdrawnAtMs.delete(current.key)
        }
        if (current.do === 'look-up' && withdrawnAtMs.has(current.key)) {
          void harness.denials!.unwrapDenied(AUTHORITY, REFUSED, current.key)
        }
        for (let leftMs = current.do === 'wait' ? current.ms : 0; leftMs > 0; leftMs -= SLICE_MS) {
          requests()
          await harness.clock.advance(Math.min(SLICE_MS, leftMs))
        }
        requests()
      }
      await harness.access.close()
      expect(violations).toEqual([])
    },
  )
  await fc.assert(property, { numRuns: RUNS })
  expect(uses).toBeGreaterThan(RUNS)
})
