import { expect, test } from 'vitest'
import { runModel } from '../../bench/fleet/model.ts'

test('under lost messages and crashes no response starts after the bound, and every withdrawal is found', async () => {
  const figures = await runModel({
    name: 'small',
    tenants: 200,
    replicas: 4,
    keysPerTenant: 1,
    requestsPerSecond: 50,
    awakeShare: 0.3,
    revocationBoundMs: 5_000,
    idleAfterMs: 10_000,
    lossPercent: 20,
    crashEveryMs: 1_000,
    revocations: 60,
    notifiedAfterMs: 0,
    warmUpMs: 1_000,
    measuredMs: 25_000,
  })
  expect(figures).toMatchObject({ revocations: 60, crashes: 24, late: 0 })
  expect(figures.requestsAllowed).toBeGreaterThan(10_000)
  expect(figures.cutOff.p50Ms).toBeGreaterThan(100)
  expect(figures.cutOff.maxMs).toBeLessThan(5_000)
  expect(figures.wiped.count).toBeGreaterThan(60)
}, 60_000)
