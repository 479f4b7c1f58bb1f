import { describe, expect, test } from 'vitest'
import { TenantSuspended } from '../../src/access/tenant-suspended.ts'
import type { PortcullisError } from '../../src/errors.ts'
import type { Suspension } from '../../src/registry/suspension.ts'
import type { KeyAuthority } from '../../src/tenant/tenant.ts'
import { KeyAccessDenied } from '../../src/keyring/key-service.ts'
import { settle } from '../keyring/fake-clock.ts'
import { AccessHarness, AUTHORITY, MemorySuspensions } from './access-harness.ts'
import { DENIED } from './scripted-prover.ts'

const BOUND_MS = 5_000
const MINUTE_MS = 60_000

async function suspended(harness: AccessHarness): Promise<TenantSuspended> {
  const refusal = await harness.refusal()
  expect(refusal).toBeInstanceOf(TenantSuspended)
  return refusal as TenantSuspended
}

describe('admission', () => {
  test('waits for the first verification, then answers at once with the same lease', async () => {
    const harness = new AccessHarness()
    const first = harness.access.admit(AUTHORITY)
    expect(first).toBeInstanceOf(Promise)
    await harness.clock.advance(20)
    const lease = harness.access.admit(AUTHORITY)
    expect(lease).not.toBeInstanceOf(Promise)
    expect(await first).toBe(lease)
    expect(harness.access.status('acme')?.state).toBe('valid')
  })

  test('shares one verification among all requests that wait', async () => {
    const harness = new AccessHarness()
    const waiting = Array.from({ length: 50 }, async () => harness.access.admit(AUTHORITY))
    await harness.clock.advance(20)
    await Promise.all(waiting)
    expect(harness.prover.proofs).toHaveLength(1)
  })

  test.each([10, 60, 150])(
    'is never kept waiting while proofs take their usual %i ms, at little more than one proof per bound',
    async (latencyMs) => {
      const harness = new AccessHarness()
      harness.prover.script = () => ({ latencyMs, outcome: 'verdict' })
      await harness.admit()
      await harness.clock.advance(MINUTE_MS / 2 - BOUND_MS)
      const before = harness.prover.proofs.length
      for (let passedMs = 0; passedMs < 2 * MINUTE_MS; passedMs += 20) {
        await harness.clock.advance(20)
        expect(harness.access.admit(AUTHORITY)).not.toBeInstanceOf(Promise)
      }
      const perBound = (harness.prover.proofs.length - before) / ((2 * MINUTE_MS) / BOUND_MS)
      expect(perBound).toBeGreaterThanOrEqual(1)
      expect(perBound).toBeLessThan(1.15)
    },
  )

  test('waits for a renewal that takes longer than usual, and is not refused', async () => {
    const harness = new AccessHarness()
    const lease = await harness.admit()
    const cuts: unknown[] = []
    lease.onEnd((reason) => cuts.push(reason))
    harness.prover.script = () => ({ latencyMs: 900, outcome: 'verdict' })
    let waited = 0
    for (let passedMs = 0; passedMs < 2 * BOUND_MS; passedMs += 50) {
      const admitted = harness.access.admit(AUTHORITY)
      if (admitted instanceof Promise) {
        waited += 1
        expect(lease.valid).toBe(false)
        void admitted.then((renewed) => expect(renewed).toBe(lease))
      }
      await harness.clock.advance(50)
    }
    expect(waited).toBeGreaterThan(5)
    expect(lease.valid).toBe(true)
    expect(cuts).toEqual([])
  })

  test('waits no more once renewals have been slow for a while', async () => {
    const harness = new AccessHarness()
    await harness.admit()
    harness.prover.script = () => ({ latencyMs: 900, outcome: 'verdict' })
    await harness.clock.advance(3 * BOUND_MS)
    for (let passedMs = 0; passedMs < 4 * BOUND_MS; passedMs += 50) {
      expect(harness.access.admit(AUTHORITY)).not.toBeInstanceOf(Promise)
      await harness.clock.advance(50)
    }
  })

  test('costs an idle authority nothing, and its next request verifies', async () => {
    const harness = new AccessHarness({ idleAfterMs: 10_000 })
    await harness.admit()
    await harness.clock.advance(20_000)
    const verifications = harness.prover.proofs.length
    await harness.clock.advance(60 * MINUTE_MS)
    expect(harness.prover.proofs).toHaveLength(verifications)
    expect(harness.clock.timers).toBe(0)
    expect(harness.access.admit(AUTHORITY)).toBeInstanceOf(Promise)
    await harness.clock.advance(20)
    expect(harness.prover.proofs).toHaveLength(verifications + 1)
  })

  test('ends half a minute after the last request, unless another time is set', async () => {
    const harness = new AccessHarness()
    await harness.admit()
    await harness.clock.advance(30_000 - BOUND_MS)
    expect(harness.clock.timers).toBeGreaterThan(0)
    const verifications = harness.prover.proofs.length
    expect(verifications).toBeGreaterThan(4)
    await harness.clock.advance(2 * BOUND_MS)
    expect(harness.clock.timers).toBe(0)
    expect(harness.prover.proofs.length).toBeLessThanOrEqual(verifications + 2)
  })

  test('takes the tenant keys of an authority in turn', async () => {
    const harness = new AccessHarness()
    harness.prover.keys.push('key-2', 'key-3')
    await harness.admit()
    await harness.clock.advance(12_000)
    expect(new Set(harness.prover.proofs.flatMap(({ keyIds }) => keyIds))).toEqual(
      new Set(['key-1', 'key-2', 'key-3']),
    )
  })

  test('waits for another proof when the process slept through the first', async () => {
    const harness = new AccessHarness()
    const admitted = harness.access.admit(AUTHORITY)
    harness.prover.script = () => ({ latencyMs: 5, outcome: 'verdict' })
    harness.clock.jump(30_000)
    await harness.clock.advance(50)
    await expect(admitted).resolves.toBeDefined()
    expect(harness.prover.proofs.length).toBeGreaterThan(1)
  })

  test('keeps authorities apart', async () => {
    const harness = new AccessHarness()
    await harness.admit()
    const other = { ...AUTHORITY, id: 'vendor:europe', kind: 'vendor' as const }
    void harness.denials!.unwrapDenied(AUTHORITY, DENIED, 'key-1')
    const admitted = harness.access.admit(other)
    await harness.clock.advance(20)
    await expect(admitted).resolves.toBeDefined()
    await suspended(harness)
  })
})

describe('a denial', () => {
  test('refuses everything from then on, with the data of the 423 answer', async () => {
    const harness = new AccessHarness()
    await harness.admit()
    harness.prover.allowed = false
    await harness.clock.advance(BOUND_MS)
    const refusal = await suspended(harness)
    expect(refusal.status).toBe(423)
    expect(refusal.suspension).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      reason: 'key-disabled',
      scope: 'organization',
      since: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    })
    expect(refusal.retryAfterSeconds).toBeGreaterThanOrEqual(1)
    expect(refusal.retryAfterSeconds).toBeLessThanOrEqual(30)
    expect((await suspended(harness)).suspension).toEqual(refusal.suspension)
  })

  test('wipes the keys and cuts running transfers before anything is recorded', async () => {
    const harness = new AccessHarness()
    const order: string[] = []
    const lease = await harness.admit()
    lease.onEnd((reason) => order.push(`cut ${reason.code}`))
    const record = harness.audit.record.bind(harness.audit)
    harness.audit.record = (event) => {
      order.push(event.type)
      record(event)
    }
    harness.prover.allowed = false
    await harness.clock.advance(BOUND_MS)
    expect(order).toEqual(['cut tenant-suspended', 'suspension.started'])
    expect(harness.wiped.has('acme')).toBe(true)
    const [started] = harness.audit.of('suspension.started')
    expect(started).toMatchObject({
      transfersCut: 1,
      awsRequestId: 'request-1',
      awsError: 'DisabledException',
    })
  })

  test('cuts every transfer although one of them fails to be cut', async () => {
    const harness = new AccessHarness()
    const lease = await harness.admit()
    let cut = 0
    lease.onEnd(() => {
      throw new Error('stubborn')
    })
    lease.onEnd(() => void (cut += 1))
    void harness.denials!.unwrapDenied(AUTHORITY, DENIED, 'key-1')
    expect(cut).toBe(1)
  })

  test('leaves transfers alone that have ended by themselves', async () => {
    const harness = new AccessHarness()
    const lease = await harness.admit()
    let cut = 0
    const leave = lease.onEnd(() => void (cut += 1))
    leave()
    void harness.denials!.unwrapDenied(AUTHORITY, DENIED, 'key-1')
    expect(cut).toBe(0)
  })

  test('met by a key look-up suspends at once and refuses the one who met it', async () => {
    const harness = new AccessHarness()
    const lease = await harness.admit()
    const refusal = harness.denials!.unwrapDenied(AUTHORITY, DENIED, 'key-1')
    expect(refusal).toBeInstanceOf(TenantSuspended)
    expect(() => lease.assertValid()).toThrow(TenantSuspended)
    expect(lease.valid).toBe(false)
  })

  test('of wrapping a new key alone only sets off a verification', async () => {
    const harness = new AccessHarness()
    await harness.admit()
    const refusal = harness.denials!.wrapDenied(AUTHORITY, DENIED)
    expect(refusal.code).toBe('key-service-unavailable')
    await harness.clock.advance(20)
    expect(harness.prover.proofs).toHaveLength(2)
    expect(harness.access.status('acme')?.state).toBe('valid')
  })

  test('that comes after the verification was given up still suspends', async () => {
    const harness = new AccessHarness()
    await harness.admit()
    harness.prover.allowed = false
    harness.prover.script = () => ({ latencyMs: 1_300, outcome: 'verdict' })
    await harness.clock.advance(1.3 * BOUND_MS)
    await suspended(harness)
  })

  test('is not undone by a verification that had started before it', async () => {
    const harness = new AccessHarness()
    await harness.admit()
    harness.prover.script = () => ({ latencyMs: 1_000, outcome: 'verdict' })
    void harness.access.verifyNow(AUTHORITY)
    await harness.clock.advance(500)
    void harness.denials!.unwrapDenied(AUTHORITY, DENIED, 'key-1')
    await harness.clock.advance(600)
    await suspended(harness)
  })

  test('takes over a later reason under the same id', async () => {
    const harness = new AccessHarness()
    await harness.admit()
    void harness.denials!.unwrapDenied(AUTHORITY, DENIED, 'key-1')
    const before = await suspended(harness)
    const later = new KeyAccessDenied(
      'key-pending-deletion',
      'eu-west-1',
      'KMSInvalidStateException',
      'request-2',
    )
    void harness.denials!.unwrapDenied(AUTHORITY, later, 'key-1')
    const after = await suspended(harness)
    expect(after.suspension).toEqual({ ...before.suspension, reason: 'key-pending-deletion' })
    expect(harness.audit.of('suspension.changed')).toHaveLength(1)
  })
})

describe('restoring', () => {
  test('happens by itself within 30 s of the return of access, however long it was away', async () => {
    const harness = new AccessHarness()
    await harness.admit()
    harness.prover.allowed = false
    await harness.clock.advance(24 * 60 * MINUTE_MS)
    const { retryAfterSeconds } = await suspended(harness)
    harness.prover.allowed = true
    await harness.clock.advance(retryAfterSeconds! * 1000)
    await expect(harness.admit()).resolves.toBeDefined()
    expect(harness.audit.of('suspension.ended')).toHaveLength(1)
    expect(harness.wiped.size).toBe(0)
  })

  test('needs the very keys that were denied to unwrap again', async () => {
    const harness = new AccessHarness()
    harness.prover.keys.push('key-2', 'key-3')
    await harness.admit()
    harness.prover.deniedKeys.add('key-2')
    harness.prover.deniedKeys.add('key-3')
    void harness.denials!.unwrapDenied(AUTHORITY, DENIED, 'key-2')
    void harness.denials!.unwrapDenied(AUTHORITY, DENIED, 'key-3')
    harness.prover.deniedKeys.delete('key-2')
    await harness.clock.advance(60_000)
    await suspended(harness)
    harness.prover.deniedKeys.delete('key-3')
    await harness.clock.advance(30_000)
    await expect(harness.admit()).resolves.toBeDefined()
  })

  test('does not wait for a denied key that exists no more', async () => {
    const harness = new AccessHarness()
    harness.prover.keys.push('key-2')
    await harness.admit()
    void harness.denials!.unwrapDenied(AUTHORITY, DENIED, 'key-2')
    harness.prover.keys.pop()
    await harness.clock.advance(30_000)
    await expect(harness.admit()).resolves.toBeDefined()
  })

  test('gives a lease that is not the one from before', async () => {
    const harness = new AccessHarness()
    const before = await harness.admit()
    void harness.denials!.unwrapDenied(AUTHORITY, DENIED, 'key-1')
    await harness.clock.advance(30_000)
    const after = await harness.admit()
    expect(after).not.toBe(before)
    expect(before.valid).toBe(false)
    expect(() => before.assertValid()).toThrow(TenantSuspended)
    expect(() => before.onEnd(() => undefined)).toThrow(TenantSuspended)
  })

  test('is spread over time where many tenants return at once', () => {
    const dueMs = Array.from({ length: 50 }, (_, index) => {
      const harness = new AccessHarness({ random: () => index / 50 }, withOpenDenial())
      harness.access.track([AUTHORITY])
      return harness
    })
    return Promise.all(dueMs.map((harness) => harness.clock.advance(3_000))).then(() => {
      const starts = new Set(dueMs.map(({ prover }) => prover.proofs[0]?.startedMs))
      expect(starts.size).toBeGreaterThan(25)
    })
  })
})

test('a thousand tenants that were denied at once, and return at once, are all back in 30 s without a rush', async () => {
  let seed = 1
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647
  const resumedMs: number[] = []
  const harness: AccessHarness = new AccessHarness({
    random,
    observe: { resumed: () => resumedMs.push(harness.clock.now()) },
  })
  const tenants = Array.from({ length: 1_000 }, (_, index) => ({ ...AUTHORITY, id: `tenant-${index}` }))
  harness.access.track(tenants)
  for (const tenant of tenants) void harness.denials!.unwrapDenied(tenant, DENIED, 'key-1')
  harness.prover.allowed = false
  await harness.clock.advance(MINUTE_MS)
  const told = tenants.map((tenant) => refusalOf(harness, tenant).retryAfterSeconds!)
  expect(Math.max(...told)).toBeLessThanOrEqual(30)
  harness.prover.allowed = true
  const returnedMs = harness.clock.now()
  await harness.clock.advance(30_000)
  for (const { state } of harness.access.statuses()) expect(state).not.toBe('suspended')
  expect(resumedMs).toHaveLength(tenants.length)
  const inTenths = new Map<number, number>()
  for (const ms of resumedMs)
    inTenths.set(Math.floor(ms / 100), (inTenths.get(Math.floor(ms / 100)) ?? 0) + 1)
  expect(Math.max(...inTenths.values())).toBeLessThan(tenants.length / 10)
  for (const ms of resumedMs) expect(ms - returnedMs).toBeLessThanOrEqual(Math.max(...told) * 1_000)
})

function refusalOf(harness: AccessHarness, tenant: KeyAuthority): TenantSuspended {
  try {
    void harness.access.admit(tenant)
  } catch (thrown) {
    if (thrown instanceof TenantSuspended) return thrown
  }
  throw new Error(`${tenant.id} is not suspended`)
}

function withOpenDenial(): MemorySuspensions {
  const store = new MemorySuspensions()
  const suspension: Suspension = {
    id: 'kept',
    authorityId: 'acme',
    reason: 'key-disabled',
    scope: 'organization',
    since: '2026-11-22T01:02:03.004Z',
    keyId: 'key-1',
  }
  store.rows.set(suspension.id, suspension)
  return store
}

describe('persistence', () => {
  test('a restart starts suspended and lifts only after a verification', async () => {
    const harness = new AccessHarness({}, withOpenDenial())
    harness.prover.allowed = false
    const refusal = await suspended(harness)
    expect(refusal.suspension).toMatchObject({ id: 'kept', since: '2026-11-22T01:02:03.004Z' })
    await harness.clock.advance(MINUTE_MS)
    await suspended(harness)
    harness.prover.allowed = true
    await harness.clock.advance(30_000)
    await expect(harness.admit()).resolves.toBeDefined()
    await settle()
    expect(harness.suspensions.rows.get('kept')?.endedAt).toBeDefined()
  })

  test('a tracked authority is probed after a restart although nobody asks for it', async () => {
    const harness = new AccessHarness({}, withOpenDenial())
    harness.access.track([AUTHORITY])
    await harness.clock.advance(30_000)
    expect(harness.access.status('acme')?.state).not.toBe('suspended')
  })

  test('a store that fails delays no cut, and gets the suspension later', async () => {
    const failures: unknown[] = []
    const harness = new AccessHarness({ observe: { persistenceFailed: (error) => failures.push(error) } })
    harness.suspensions.failuresLeft = 2
    const lease = await harness.admit()
    harness.prover.allowed = false
    void harness.denials!.unwrapDenied(AUTHORITY, DENIED, 'key-1')
    expect(lease.valid).toBe(false)
    await suspended(harness)
    await harness.clock.advance(10_000)
    expect(failures).toHaveLength(2)
    expect(harness.suspensions.open()).toHaveLength(1)
  })

  test('a store that hangs delays no cut', async () => {
    const harness = new AccessHarness()
    harness.suspensions.blocked = new Promise(() => undefined)
    const lease = await harness.admit()
    void harness.denials!.unwrapDenied(AUTHORITY, DENIED, 'key-1')
    expect(lease.valid).toBe(false)
    await suspended(harness)
  })
})

describe('the first requests after a start', () => {
  const WAIT_MS = 5_000

  test.each(['unavailable', 'hang'] as const)(
    'wait while the first verifications end as %s',
    async (outcome) => {
      const harness = new AccessHarness()
      let left = 3
      harness.prover.script = () => ({ latencyMs: 10, outcome: left-- > 0 ? outcome : 'verdict' })
      const askedAtMs = harness.clock.now()
      await expect(harness.admit()).resolves.toMatchObject({ valid: true })
      expect(harness.clock.now() - askedAtMs).toBeLessThan(WAIT_MS)
    },
  )

  test('are refused when the wait brings no verdict, and later ones at once', async () => {
    const harness = new AccessHarness()
    harness.prover.script = () => ({ latencyMs: 10, outcome: 'unavailable' })
    const askedAtMs = harness.clock.now()
    expect(await harness.refusal()).toMatchObject({ code: 'key-service-unavailable' })
    expect(harness.clock.now() - askedAtMs).toBeGreaterThan(WAIT_MS - 500)
    expect(harness.clock.now() - askedAtMs).toBeLessThan(WAIT_MS + 1_500)
    const laterAtMs = harness.clock.now()
    expect(await harness.refusal()).toMatchObject({ code: 'key-service-unavailable' })
    expect(harness.clock.now() - laterAtMs).toBeLessThan(100)
  })

  test('are refused at once by a denial', async () => {
    const harness = new AccessHarness()
    harness.prover.allowed = false
    const askedAtMs = harness.clock.now()
    expect(await harness.refusal()).toBeInstanceOf(TenantSuspended)
    expect(harness.clock.now() - askedAtMs).toBeLessThan(100)
  })
})

describe('a denial that another replica has found as well', () => {
  test("ends with the other's, by a proof that began after it was found here and by none before", async () => {
    const harness = new AccessHarness()
    await harness.admit()
    harness.prover.allowed = false
    await harness.clock.advance(BOUND_MS)
    const found = harness.suspensions.open()[0]!
    const lifted = { ...found, id: 'of-another-replica', endedAt: '2026-01-01T00:00:00Z' }
    harness.access.adoptSuspension(lifted, harness.clock.now() - BOUND_MS)
    expect((await suspended(harness)).suspension.id).toBe(found.id)
    harness.prover.allowed = true
    harness.access.adoptSuspension(lifted, harness.clock.now() + 1)
    await expect(harness.admit()).resolves.toBeDefined()
    expect(harness.suspensions.open()).toEqual([])
  })
})

describe("an operator's suspension", () => {
  test('stands although access is proven, until it is lifted', async () => {
    const harness = new AccessHarness()
    const lease = await harness.admit()
    const placed = harness.access.suspend(AUTHORITY, 'olga')
    expect(placed).toMatchObject({ reason: 'operator', by: 'olga' })
    expect(lease.valid).toBe(false)
    void harness.access.verifyNow(AUTHORITY)
    await harness.clock.advance(MINUTE_MS)
    expect((await suspended(harness)).suspension.reason).toBe('operator')
    expect(harness.access.lift(AUTHORITY, 'oleg')).toBe(true)
    expect(harness.access.lift(AUTHORITY, 'oleg')).toBe(false)
    expect(harness.access.admit(AUTHORITY)).toBeInstanceOf(Promise)
    await harness.clock.advance(20)
    expect(harness.access.status('acme')?.state).toBe('valid')
    expect(harness.audit.of('suspension.ended')[0]).toMatchObject({ by: 'oleg' })
  })

  test('and a denial are lifted each by its own way', async () => {
    const harness = new AccessHarness()
    await harness.admit()
    harness.access.suspend(AUTHORITY, 'olga')
    await harness.clock.advance(10)
    void harness.denials!.unwrapDenied(AUTHORITY, DENIED, 'key-1')
    expect((await suspended(harness)).suspension.reason).toBe('operator')
    harness.prover.allowed = false
    harness.access.lift(AUTHORITY, 'olga')
    expect((await suspended(harness)).suspension.reason).toBe('key-disabled')
    expect(harness.wiped.has('acme')).toBe(true)
    harness.prover.allowed = true
    await harness.clock.advance(30_000)
    await expect(harness.admit()).resolves.toBeDefined()
  })
})

describe('an outage of the key service', () => {
  test('is bridged without a pause until the grace ends, then answered with 503', async () => {
    const harness = new AccessHarness({ outageGraceMs: MINUTE_MS })
    const lease = await harness.admit()
    const cuts: PortcullisError[] = []
    lease.onEnd((reason) => cuts.push(reason))
    const provenMs = harness.prover.proofs[0]!.startedMs
    harness.prover.script = () => ({ latencyMs: 1_990, outcome: 'unavailable' })
    let waited = 0
    while (harness.clock.now() - provenMs < MINUTE_MS - 50) {
      const admitted = harness.access.admit(AUTHORITY)
      if (admitted instanceof Promise) {
        waited += 1
        void admitted.then((renewed) => expect(renewed).toBe(lease))
      } else expect(admitted).toBe(lease)
      await harness.clock.advance(50)
    }
    // Nobody had known until the first verification went unanswered; from then on they come early enough.
    expect(waited).toBeLessThan(1_000 / 50)
    expect(harness.access.status('acme')?.state).toBe('grace')
    expect(cuts).toEqual([])
    await harness.clock.advance(5_000)
    const refusal = await harness.refusal()
    expect(refusal).toMatchObject({ code: 'key-service-unavailable', status: 503 })
    expect((refusal as PortcullisError).retryAfterSeconds).toBeGreaterThanOrEqual(1)
    expect(cuts.map(({ code }) => code)).toEqual(['key-service-unavailable'])
    expect(harness.audit.of('suspension.started')).toEqual([])
    expect(harness.wiped.size).toBe(0)
    expect(harness.audit.events.map(({ type }) => type)).toEqual(['access.unavailable', 'access.grace-ended'])
  })

  test('without any answer is bridged in the same way', async () => {
    const harness = new AccessHarness()
    const lease = await harness.admit()
    harness.prover.script = () => ({ latencyMs: 0, outcome: 'hang' })
    await harness.clock.advance(BOUND_MS)
    expect(await harness.admit()).toBe(lease)
    for (let passedMs = 0; passedMs < 10 * MINUTE_MS; passedMs += 250) {
      expect(harness.access.admit(AUTHORITY)).toBe(lease)
      await harness.clock.advance(250)
    }
  })

  test('that says so at once, as throttling does, keeps nobody waiting and is asked about less and less', async () => {
    const harness = new AccessHarness()
    const lease = await harness.admit()
    harness.prover.script = () => ({ latencyMs: 10, outcome: 'unavailable' })
    for (let passedMs = 0; passedMs < 2 * MINUTE_MS; passedMs += 50) {
      expect(harness.access.admit(AUTHORITY)).toBe(lease)
      await harness.clock.advance(50)
    }
    expect(harness.prover.proofs.length / ((2 * MINUTE_MS) / BOUND_MS)).toBeLessThan(2.5)
  })

  test('of half of the verifications keeps nobody waiting', async () => {
    const harness = new AccessHarness()
    const lease = await harness.admit()
    let asked = 0
    harness.prover.script = () => ({ latencyMs: 30, outcome: asked++ % 2 === 0 ? 'unavailable' : 'verdict' })
    for (let passedMs = 0; passedMs < 2 * MINUTE_MS; passedMs += 50) {
      expect(harness.access.admit(AUTHORITY)).toBe(lease)
      await harness.clock.advance(50)
    }
  })

  test('ends with the first verdict', async () => {
    const harness = new AccessHarness({ outageGraceMs: MINUTE_MS })
    await harness.admit()
    harness.prover.script = () => ({ latencyMs: 10, outcome: 'unavailable' })
    for (let passedMs = 0; passedMs < 2 * MINUTE_MS; passedMs += 500) {
      await harness.refusal()
      await harness.clock.advance(500)
    }
    harness.prover.script = () => ({ latencyMs: 10, outcome: 'verdict' })
    await harness.clock.advance(BOUND_MS)
    await expect(harness.admit()).resolves.toBeDefined()
    expect(harness.access.status('acme')?.state).toBe('valid')
  })

  test('is asked about once in a while, not by every request', async () => {
    const harness = new AccessHarness()
    harness.prover.script = () => ({ latencyMs: 5, outcome: 'unavailable' })
    for (let passedMs = 0; passedMs < MINUTE_MS; passedMs += 50) {
      const admitted = (async () => harness.access.admit(AUTHORITY))()
      admitted.catch(() => undefined)
      await harness.clock.advance(50)
    }
    // Every half second while the first requests wait, then ever less often; 1,200 requests came.
    expect(harness.prover.proofs.length).toBeLessThan(40)
  })

  test('during which access is denied ends in a suspension, not in grace', async () => {
    const harness = new AccessHarness()
    await harness.admit()
    harness.prover.script = () => ({ latencyMs: 10, outcome: 'unavailable' })
    await harness.clock.advance(10_000)
    void harness.denials!.unwrapDenied(AUTHORITY, DENIED, 'key-1')
    await harness.clock.advance(MINUTE_MS)
    await suspended(harness)
  })
})

describe('a defect', () => {
  test('lets the lease run out and is no suspension', async () => {
    const defects: unknown[] = []
    const harness = new AccessHarness({ observe: { defect: (_authorityId, error) => defects.push(error) } })
    const lease = await harness.admit()
    harness.prover.script = () => ({ latencyMs: 10, outcome: 'defect' })
    await harness.clock.advance(4_000)
    expect(lease.valid).toBe(true)
    await harness.clock.advance(2_000)
    expect(await harness.refusal()).toMatchObject({ code: 'key-service-unavailable' })
    expect(harness.access.status('acme')?.suspension).toBeUndefined()
    expect(defects.length).toBeGreaterThan(0)
    expect(harness.audit.of('access.defect')).toHaveLength(1)
  })
})

describe('a long transfer', () => {
  test('keeps the authority active although no request comes', async () => {
    const harness = new AccessHarness({ idleAfterMs: 5_000 })
    const lease = await harness.admit()
    const leave = lease.onEnd(() => expect.fail('the transfer was cut'))
    await harness.clock.advance(10 * MINUTE_MS)
    expect(lease.valid).toBe(true)
    leave()
    await harness.clock.advance(MINUTE_MS)
    expect(harness.clock.timers).toBe(0)
  })

  test('that outlives its proof goes on when the next proof succeeds', async () => {
    const harness = new AccessHarness()
    const lease = await harness.admit()
    const cuts: unknown[] = []
    lease.onEnd((reason) => cuts.push(reason))
    harness.clock.jump(30_000)
    expect(lease.valid).toBe(false)
    expect(() => lease.assertValid()).toThrow()
    await harness.clock.advance(100)
    expect(cuts).toEqual([])
    expect(lease.valid).toBe(true)
  })
})

describe('options', () => {
  test.each([
    [{ revocationBoundMs: 0 }, /revocationBoundMs/],
    [{ revocationBoundMs: Number.NaN }, /revocationBoundMs/],
    [{ probeIntervalMsMax: 29_500 }, /30000 ms/],
    [{ outageGraceMs: 1_000 }, /outageGraceMs/],
    [{ idleAfterMs: -1 }, /idleAfterMs/],
  ])('that cannot keep the promise are refused: %j', (options, message) => {
    expect(() => new AccessHarness(options)).toThrow(message)
  })
})

test('verifyNow starts a verification of its own when one is under way', async () => {
  const harness = new AccessHarness()
  await harness.admit()
  harness.prover.script = () => ({ latencyMs: 500, outcome: 'verdict' })
  const first = harness.access.verifyNow(AUTHORITY)
  await harness.clock.advance(100)
  const second = harness.access.verifyNow(AUTHORITY)
  await harness.clock.advance(1_500)
  expect((await first).state).toBe('valid')
  expect((await second).state).toBe('valid')
  expect(harness.prover.proofs).toHaveLength(3)
})
