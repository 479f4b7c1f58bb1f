import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Fleet } from './fleet-harness.ts'
import type { Replica } from './fleet-harness.ts'

const BOUND_MS = 5_000
const RUNS = 250
const REPLICAS = 3
const SLICE_MS = 130

const replica = fc.integer({ min: 0, max: REPLICAS - 1 })
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 4_000 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('stop' as const), replica }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('resume' as const), replica }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut-off' as const), replica }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reconnect' as const), replica }) },
  { weight: 1, arbitrary: fc.constant({ do: 'restart-meeting' as const }) },
  { weight: 3, arbitrary: fc.constant({ do: 'withdraw' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'restore' as const }) },
)

test('no replica allows a use later than the bound after a withdrawal, whatever is lost, late or stands still', async () => {
  let uses = 0
  let adopted = 0
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 5, maxLength: 30 }),
    fc.array(fc.integer({ min: 0, max: 950 }), { minLength: 1, maxLength: 10 }),
    fc.array(fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 3_000 })), {
      minLength: 1,
      maxLength: 10,
    }),
    fc.array(fc.integer({ min: 0, max: 999 }), { minLength: 1, maxLength: 10 }),
    fc.integer({ min: 0, max: 30 }),
    async (steps, latencies, delays, seeds, lossPercent) => {
      let draw = 0
      const random = (): number => seeds[draw++ % seeds.length]! / 1000
      let sent = 0
      const network = {
        latencyMs: (of: 'question' | 'message') =>
          delays[sent++ % delays.length]! / (of === 'question' ? 50 : 1),
        loses: () => random() * 100 < lossPercent,
      }
      const fleet = new Fleet(REPLICAS, network, random)
      let proof = 0
      fleet.prover.script = () => ({ latencyMs: latencies[proof++ % latencies.length]!, outcome: 'verdict' })
      const stopped = new Set<Replica>()
      let withdrawnAtMs: number | undefined
      const violations: string[] = []
      const use = async (one: Replica): Promise<void> => {
        if (stopped.has(one) || !(await one.request()) || stopped.has(one)) return
        uses += 1
        const sinceMs = fleet.clock.now() - (withdrawnAtMs ?? Number.POSITIVE_INFINITY)
        if (sinceMs >= BOUND_MS && !outage(fleet)) violations.push(`${one.name} after ${sinceMs} ms`)
      }
      for (const current of steps) {
        if (current.do === 'stop') {
          fleet.replicas[current.replica]!.clock.stop()
          stopped.add(fleet.replicas[current.replica]!)
        }
        if (current.do === 'resume') {
          stopped.delete(fleet.replicas[current.replica]!)
          fleet.replicas[current.replica]!.clock.resume()
        }
        if (current.do === 'cut-off') fleet.replicas[current.replica]!.exchange.connected = false
        if (current.do === 'reconnect') fleet.replicas[current.replica]!.exchange.connected = true
        if (current.do === 'restart-meeting') fleet.meeting.restart()
        if (current.do === 'withdraw') {
          fleet.prover.allowed = false
          withdrawnAtMs ??= fleet.clock.now()
        }
        if (current.do === 'restore') {
          fleet.prover.allowed = true
          withdrawnAtMs = undefined
        }
        for (let leftMs = current.do === 'wait' ? current.ms : 0; leftMs > 0; leftMs -= SLICE_MS) {
          for (const one of fleet.replicas) void use(one)
          await fleet.clock.advance(Math.min(SLICE_MS, leftMs))
        }
        for (const one of fleet.replicas) void use(one)
      }
      await fleet.close()
      adopted += fleet.replicas.reduce((sum, one) => sum + one.adopted, 0)
      expect(violations).toEqual([])
    },
  )
  await fc.assert(property, { numRuns: RUNS })
  expect(uses).toBeGreaterThan(RUNS)
  expect(adopted).toBeGreaterThan(RUNS / 5)
})

test('no replica refuses a request while access stands, however many messages and replicas are lost', async () => {
  let uses = 0
  const mishap = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 4_000 }) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('cut-off' as const), replica }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('reconnect' as const), replica }) },
    { weight: 1, arbitrary: fc.constant({ do: 'restart-meeting' as const }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('die' as const), replica }) },
  )
  const property = fc.asyncProperty(
    fc.array(mishap, { minLength: 5, maxLength: 30 }),
    fc.array(fc.integer({ min: 0, max: 950 }), { minLength: 1, maxLength: 10 }),
    fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 10 }),
    fc.array(fc.integer({ min: 0, max: 999 }), { minLength: 1, maxLength: 10 }),
    fc.integer({ min: 0, max: 30 }),
    async (steps, latencies, delays, seeds, lossPercent) => {
      let draw = 0
      const random = (): number => seeds[draw++ % seeds.length]! / 1000
      let sent = 0
      const latencyMs = (): number => delays[sent++ % delays.length]!
      const fleet = new Fleet(REPLICAS, { latencyMs, loses: () => random() * 100 < lossPercent }, random)
      let proof = 0
      fleet.prover.script = () => ({ latencyMs: latencies[proof++ % latencies.length]!, outcome: 'verdict' })
      const alive = new Set(fleet.replicas)
      const refused: string[] = []
      const use = async (one: Replica): Promise<void> => {
        const allowed = await one.request()
        if (allowed) uses += 1
        else if (alive.has(one)) refused.push(`${one.name} at ${fleet.clock.now()}`)
      }
      for (const current of steps) {
        if (current.do === 'cut-off') fleet.replicas[current.replica]!.exchange.connected = false
        if (current.do === 'reconnect') fleet.replicas[current.replica]!.exchange.connected = true
        if (current.do === 'restart-meeting') fleet.meeting.restart()
        if (current.do === 'die' && alive.delete(fleet.replicas[current.replica]!)) {
          await fleet.replicas[current.replica]!.close()
        }
        for (let leftMs = current.do === 'wait' ? current.ms : 0; leftMs > 0; leftMs -= SLICE_MS) {
          for (const one of alive) void use(one)
          await fleet.clock.advance(Math.min(SLICE_MS, leftMs))
        }
      }
      await fleet.clock.advance(2 * BOUND_MS)
      alive.clear()
      await fleet.close()
      expect(refused).toEqual([])
    },
  )
  await fc.assert(property, { numRuns: RUNS })
  expect(uses).toBeGreaterThan(RUNS)
})

/** A replica that stood still takes the verification under way for unanswered: that is the outage path. */
function outage({ prover, clock }: Fleet): boolean {
  return prover.proofs.some(({ startedMs }) => {
    const answer = prover.learnt.find((fact) => fact.startedMs === startedMs)
    return (answer?.atMs ?? clock.now()) - startedMs >= 1_000
  })
}
