import { expect, test } from 'vitest'
import { runModel } from '../../bench/fleet/model.ts'

test('a fleet whose tenants mostly ask now and then costs at most one AssumeRole per bound for each that asks within a minute', async () => {
  const figures = await runModel({
    name: 'small',
    tenants: 2_000,
    replicas: 5,
    keysPerTenant: 1,
    requestsPerSecond: 100,
    awakeShare: 1 / 3,
    revocationBoundMs: 5_000,
    idleAfterMs: 30_000,
    lossPercent: 0,
    crashEveryMs: 0,
    revocations: 0,
    notifiedAfterMs: 0,
    warmUpMs: 65_000,
    measuredMs: 20_000,
  })
  expect(figures.activeTenants).toBeGreaterThan(50)
  expect(figures.stsPerTenantOfTheMinuteAndBound).toBeGreaterThan(0.7)
  expect(figures.stsPerTenantOfTheMinuteAndBound).toBeLessThanOrEqual(1)
}, 60_000)

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
