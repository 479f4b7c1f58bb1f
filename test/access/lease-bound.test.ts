import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Lease } from '../../src/access/lease.ts'
import { AccessHarness, AUTHORITY } from './access-harness.ts'
import type { ProofScript } from './scripted-prover.ts'
import { DENIED } from './scripted-prover.ts'

const BOUND_MS = 5_000
const GRACE_MS = 30_000
/** A verification without an answer by then is taken for unanswered. */
const TIMEOUT_MS = 1_000
const RUNS = 500
const SLICE_MS = 170

const verdicts: fc.Arbitrary<ProofScript> = fc.record({
  latencyMs: fc.integer({ min: 0, max: 950 }),
  outcome: fc.constant('verdict' as const),
})
const anything: fc.Arbitrary<ProofScript> = fc.oneof(
  { weight: 4, arbitrary: verdicts },
  {
    weight: 3,
    arbitrary: fc.record({
      latencyMs: fc.integer({ min: 0, max: 6_000 }),
      outcome: fc.constantFrom('verdict' as const, 'unavailable' as const, 'defect' as const),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ latencyMs: 0, outcome: 'hang' as const }) },
)

/** Uses that the schedules of one property were allowed; none would prove nothing. */
let uses = 0

type Step =
  | { do: 'wait'; ms: number }
  | { do: 'rest'; ms: number }
  | { do: 'stop'; ms: number }
  | { do: 'withdraw' }
  | { do: 'restore' }
  | { do: 'flicker' }
  | { do: 'deny-look-up' }

/** `wait`: requests keep coming. `rest`: none come. `stop`: the process stands still. `flicker`: denied and back. */
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 4_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('rest' as const), ms: fc.integer({ min: 1, max: 40_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('stop' as const), ms: fc.integer({ min: 1, max: 40_000 }) }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'withdraw' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'restore' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'flicker' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'deny-look-up' as const }) },
)

/** Runs a schedule; calls back at every use that was allowed. */
async function run(
  steps: readonly Step[],
  scripts: readonly ProofScript[],
  seeds: readonly number[],
  allowed: (harness: AccessHarness, atMs: number, withdrawnAtMs: number | undefined) => void,
): Promise<void> {
  let draw = 0
  const harness = new AccessHarness({
    outageGraceMs: GRACE_MS,
    random: () => seeds[draw++ % seeds.length]! / 1000,
  })
  let verification = 0
  harness.prover.script = () => scripts[verification++ % scripts.length]!
  let withdrawnAtMs: number | undefined
  const leases: Lease[] = []
  const violations: unknown[] = []
  const use = (lease: Lease): void => {
    try {
      lease.assertValid()
    } catch {
      return
    }
    uses += 1
    try {
      allowed(harness, harness.clock.now(), withdrawnAtMs)
    } catch (violation) {
      violations.push(violation)
    }
  }
  const request = (): void => {
    leases.slice(-5).forEach(use)
    const admitted = (async () => harness.access.admit(AUTHORITY))()
    admitted.then(
      (lease) => {
        if (!leases.includes(lease)) leases.push(lease)
        use(lease)
      },
      () => undefined,
    )
  }
  const denyLookUp = (): void => {
    void harness.denials!.unwrapDenied(AUTHORITY, DENIED, 'key-1')
    const now = harness.clock.now()
    harness.prover.learnt.push({ kind: 'denied', startedMs: now, atMs: now })
  }
  for (const current of steps) {
    if (current.do === 'wait') {
      for (let leftMs = current.ms; leftMs > 0; leftMs -= SLICE_MS) {
        request()
        await harness.clock.advance(Math.min(SLICE_MS, leftMs))
      }
    }
    if (current.do === 'rest') await harness.clock.advance(current.ms)
    if (current.do === 'stop') harness.clock.jump(current.ms)
    if (current.do === 'withdraw') {
      harness.prover.allowed = false
      withdrawnAtMs ??= harness.clock.now()
    }
    if (current.do === 'restore') {
      harness.prover.allowed = true
      withdrawnAtMs = undefined
    }
    if (current.do === 'deny-look-up' && withdrawnAtMs !== undefined) denyLookUp()
    if (current.do === 'flicker' && withdrawnAtMs === undefined) denyLookUp()
    request()
  }
  await harness.access.close()
  if (violations.length > 0) throw violations[0]
}

/** What requests and a transfer meet that is no service, while access stands. */
async function refusalsWhileAllowed(
  steps: readonly Step[],
  scripts: readonly ProofScript[],
  seeds: readonly number[],
): Promise<unknown[]> {
  let draw = 0
  const harness = new AccessHarness({ random: () => seeds[draw++ % seeds.length]! / 1000 })
  await harness.admit()
  let verification = 0
  harness.prover.script = () => scripts[verification++ % scripts.length]!
  const refusals: unknown[] = []
  const request = async (): Promise<void> => {
    try {
      const admitted = harness.access.admit(AUTHORITY)
      const lease = admitted instanceof Promise ? await admitted : admitted
      lease.assertValid()
      uses += 1
    } catch (refusal) {
      refusals.push(refusal)
    }
  }
  const transfer = await harness.admit()
  const leave = transfer.onEnd((reason) => refusals.push(reason))
  const waiting: Promise<void>[] = []
  // Who waits while the process stands still again and again is told so at last.
  const once = steps.find((current) => current.do === 'stop')
  for (const current of steps) {
    if (current.do === 'stop' && current === once) harness.clock.jump(current.ms)
    for (let leftMs = current.do === 'wait' ? current.ms : 0; leftMs > 0; leftMs -= SLICE_MS) {
      waiting.push(request())
      await harness.clock.advance(Math.min(SLICE_MS, leftMs))
    }
    if (current.do === 'rest') await harness.clock.advance(current.ms)
    waiting.push(request())
  }
  await harness.clock.advance(2 * TIMEOUT_MS)
  await Promise.all(waiting)
  leave()
  await harness.access.close()
  return refusals
}

const seeds = fc.array(fc.integer({ min: 0, max: 999 }), { minLength: 1, maxLength: 10 })

describe('no use of a lease is allowed', () => {
  test('later than the bound after a withdrawal, while verifications get verdicts', async () => {
    const schedule = fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 25 }),
      fc.array(verdicts, { minLength: 1, maxLength: 10 }),
      seeds,
      async (steps, scripts, drawn) => {
        await run(steps, scripts, drawn, (harness, atMs, withdrawnAtMs) => {
          // A stopped process makes the verification under way look unanswered: that is the outage path, below.
          const { proofs, learnt } = harness.prover
          const unanswered = proofs.some(({ startedMs }) => {
            const answer = learnt.find((fact) => fact.startedMs === startedMs)
            return (answer?.atMs ?? atMs) - startedMs >= TIMEOUT_MS
          })
          if (withdrawnAtMs !== undefined && !unanswered) expect(atMs - withdrawnAtMs).toBeLessThan(BOUND_MS)
        })
      },
    )
    uses = 0
    await fc.assert(schedule, { numRuns: RUNS })
    expect(uses).toBeGreaterThan(RUNS)
  })

  test('after a denial, beyond the grace, or without a proof that carries it, whatever verifications meet', async () => {
    const schedule = fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 25 }),
      fc.array(anything, { minLength: 1, maxLength: 10 }),
      seeds,
      async (steps, scripts, drawn) => {
        await run(steps, scripts, drawn, ({ prover }, atMs) => {
          const known = prover.learnt.filter((fact) => fact.atMs <= atMs)
          const verified = known.filter(({ kind }) => kind === 'verified').map(({ startedMs }) => startedMs)
          const provenMs = Math.max(...verified)
          expect(verified.length).toBeGreaterThan(0)
          const deniedMs = Math.max(
            ...known.filter(({ kind }) => kind === 'denied').map((fact) => fact.atMs),
            Number.NEGATIVE_INFINITY,
          )
          expect(provenMs).toBeGreaterThan(deniedMs)
          expect(atMs - provenMs).toBeLessThan(GRACE_MS)
          // What carries the lease is the proof itself, or a later verification that nobody has answered with no.
          const provenLearntMs = known.find(
            (fact) => fact.kind === 'verified' && fact.startedMs === provenMs,
          )!.atMs
          const defects = known.filter((fact) => fact.kind === 'defect' && fact.atMs > provenLearntMs)
          const defectMs = Math.min(...defects.map((fact) => fact.atMs))
          const carrying = prover.proofs.filter(({ startedMs }) => {
            const answer = known.find((fact) => fact.startedMs === startedMs)
            const inTime = answer !== undefined && answer.atMs - startedMs < TIMEOUT_MS
            return startedMs > provenMs && startedMs < defectMs && !(inTime && answer.kind === 'defect')
          })
          const starts = [provenMs, ...carrying.map(({ startedMs }) => startedMs)]
          expect(atMs - Math.max(...starts)).toBeLessThan(BOUND_MS)
        })
      },
    )
    uses = 0
    await fc.assert(schedule, { numRuns: RUNS })
    expect(uses).toBeGreaterThan(RUNS)
  })
})

test('a lease that lapses before its renewal is answered makes requests wait, never fail, whatever proofs take', async () => {
  const mishaps: fc.Arbitrary<ProofScript> = fc.oneof(
    { weight: 3, arbitrary: verdicts },
    {
      weight: 1,
      arbitrary: fc.record({
        latencyMs: fc.integer({ min: 0, max: 3_000 }),
        outcome: fc.constantFrom('verdict' as const, 'unavailable' as const, 'hang' as const),
      }),
    },
  )
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 5, maxLength: 25 }),
    fc.array(mishaps, { minLength: 1, maxLength: 10 }),
    seeds,
    async (steps, scripts, drawn) => {
      expect(await refusalsWhileAllowed(steps, scripts, drawn)).toEqual([])
    },
  )
  uses = 0
  await fc.assert(property, { numRuns: RUNS })
  expect(uses).toBeGreaterThan(RUNS)
})
