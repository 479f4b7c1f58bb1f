import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TenantSuspended } from '../../src/access/tenant-suspended.ts'
import { Customer, REGIONS } from '../kms/customer.ts'
import type { GatewayParts } from './gateway-parts.ts'
import { startParts } from './gateway-parts.ts'

const BOUND_MS = 5_000
/** Machines that run many tests at once answer late; the bound itself is measured from the clocks below. */
const DEADLINE_MS = 25_000

let customer: Customer
let parts: GatewayParts
let directory: string

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'portcullis-'))
  customer = await Customer.start()
  parts = await startParts(customer, join(directory, 'registry.sqlite'), { probeIntervalMsMax: 2_000 })
})

afterEach(async () => {
  await parts.close()
  await customer.stop()
  rmSync(directory, { recursive: true })
})

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** One request: admission, key, and the check before release. */
async function request(): Promise<void> {
  const lease = await parts.access.admit(customer.authority)
  const key = await parts.keyring.active({ tenant: customer.tenant, dataClass: 'issue' })
  key.derived('field-1')
  lease.assertValid()
}

/** Runs requests until one is refused; the last success and the refusal. */
async function requestsUntilRefused(): Promise<{ lastAllowedMs: number; refusal: unknown }> {
  const startedMs = performance.now()
  let lastAllowedMs = startedMs
  for (;;) {
    try {
      await request()
      lastAllowedMs = performance.now()
    } catch (refusal) {
      return { lastAllowedMs, refusal }
    }
    if (performance.now() - startedMs > DEADLINE_MS) throw new Error('requests were never refused')
    await pause(10)
  }
}

async function requestUntilServed(): Promise<void> {
  const startedMs = performance.now()
  for (;;) {
    try {
      await request()
      return
    } catch (refusal) {
      if (performance.now() - startedMs > DEADLINE_MS) throw refusal
    }
    await pause(20)
  }
}

let grant: Awaited<ReturnType<Customer['grantInsteadOfPolicy']>> | undefined

const WAYS: {
  name: string
  reason: string
  prepare?: () => Promise<void>
  revoke: () => Promise<void>
  restore: () => Promise<void>
}[] = [
  {
    name: 'the key disabled in the first region',
    reason: 'key-disabled',
    revoke: () => customer.disableKey(REGIONS[0]),
    restore: () => customer.enableKey(REGIONS[0]),
  },
  {
    name: 'the key disabled in the second region only',
    reason: 'key-disabled',
    revoke: () => customer.disableKey(REGIONS[1]),
    restore: () => customer.enableKey(REGIONS[1]),
  },
  {
    name: 'the trust policy saying Deny, with earlier credentials still valid',
    reason: 'access-denied',
    revoke: () => customer.denyRole(true),
    restore: () => customer.denyRole(false),
  },
  {
    name: 'another external id in the trust policy',
    reason: 'access-denied',
    revoke: () => customer.changeExternalId('another'),
    restore: () => customer.denyRole(false),
  },
  {
    name: 'a key policy without Decrypt',
    reason: 'access-denied',
    revoke: () => customer.denyDecrypt(true),
    restore: () => customer.denyDecrypt(false),
  },
  {
    name: 'the key disabled in both regions',
    reason: 'key-disabled',
    revoke: async () => {
      await customer.disableKey(REGIONS[0])
      await customer.disableKey(REGIONS[1])
    },
    restore: async () => {
      await customer.enableKey(REGIONS[1])
      await customer.enableKey(REGIONS[0])
    },
  },
  {
    name: 'a grant retired that was all the access there was',
    reason: 'access-denied',
    prepare: async () => {
      grant = await customer.grantInsteadOfPolicy()
    },
    revoke: () => grant!.retire(),
    restore: () => customer.restorePolicy(),
  },
  {
    name: 'a grant revoked in one region',
    reason: 'access-denied',
    prepare: async () => {
      grant = await customer.grantInsteadOfPolicy()
    },
    revoke: () => grant!.revoke(),
    restore: () => customer.restorePolicy(),
  },
  {
    name: 'a key policy that excludes the organization by its encryption context',
    reason: 'access-denied',
    revoke: () => customer.excludeContext({ organization: 'acme' }),
    restore: () => customer.excludeContext(undefined),
  },
  {
    name: 'the replica key scheduled for deletion',
    reason: 'key-pending-deletion',
    revoke: () => customer.scheduleDeletion(REGIONS[1]!),
    restore: () => customer.cancelDeletion(REGIONS[1]!),
  },
]

describe('a revocation while requests run', () => {
  test.each(WAYS)('suspends within the bound and resumes by itself: $name', async (way) => {
    await way.prepare?.()
    await request()
    const running = requestsUntilRefused()
    await pause(100)
    await way.revoke()
    const revokedMs = performance.now()
    const { lastAllowedMs, refusal } = await running
    expect(lastAllowedMs - revokedMs).toBeLessThanOrEqual(BOUND_MS)
    expect(refusal).toBeInstanceOf(TenantSuspended)
    expect(refusal).toMatchObject({
      code: 'tenant-suspended',
      status: 423,
      suspension: { reason: way.reason, scope: 'organization' },
    })
    const { suspension, retryAfterSeconds } = refusal as TenantSuspended
    expect(suspension.since).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(retryAfterSeconds).toBeGreaterThan(0)
    expect(parts.keyring.size).toBe(0)
    expect(parts.memory.slotsLive).toBe(0)
    expect(parts.memory.freeBytesAreZero()).toBe(true)
    const [started] = parts.audit.of('suspension.started')
    expect(started).toMatchObject({ suspensionId: suspension.id, reason: way.reason, authority: 'acme' })
    expect(started?.awsRequestId).toBeDefined()
    await way.restore()
    await requestUntilServed()
    expect(parts.audit.of('suspension.ended')).toHaveLength(1)
    const [row] = await parts.registry.history('acme', 10)
    expect(row).toMatchObject({ id: suspension.id, reason: way.reason })
    expect(row?.endedAt).toBeDefined()
  })
})

describe('in-flight transfers and restarts', () => {
  test('a running transfer is cut with the reason, and what is suspended stays so over a restart', async () => {
    const lease = await parts.access.admit(customer.authority)
    const cut = new Promise((resolve) => {
      lease.onEnd(resolve)
    })
    await customer.disableKey()
    const revokedMs = performance.now()
    const reason = await cut
    expect(performance.now() - revokedMs).toBeLessThanOrEqual(BOUND_MS)
    expect(reason).toBeInstanceOf(TenantSuspended)
    await parts.close()
    parts = await startParts(customer, join(directory, 'registry.sqlite'), { probeIntervalMsMax: 2_000 })
    const { refusal } = await requestsUntilRefused()
    expect((refusal as TenantSuspended).suspension).toEqual((reason as TenantSuspended).suspension)
    await customer.enableKey()
    await requestUntilServed()
  })

  test("the vendor's own keys are untouched by a customer's revocation", async () => {
    await parts.keyring.active({
      tenant: { ...customer.tenant, app: 'confluence', authority: customer.vendorAuthority },
      dataClass: 'page',
    })
    await parts.access.admit(customer.vendorAuthority)
    await request()
    await customer.disableKey()
    await requestsUntilRefused()
    const lease = await parts.access.admit(customer.vendorAuthority)
    expect(lease.valid).toBe(true)
  })
})

describe('no suspension', () => {
  test.each([
    ['throttling', { kind: 'throttle' }],
    ['errors of KMS', { kind: 'error', service: 'kms' }],
    ['an outage of STS', { kind: 'error', status: 503, service: 'sts' }],
    ['a network that resets', { kind: 'reset' }],
    ['a network that swallows everything', { kind: 'hang' }],
  ] as const)(
    'comes from %s: service goes on through the grace, then 503, then service',
    async (_cause, fault) => {
      await parts.close()
      parts = await startParts(customer, join(directory, 'registry.sqlite'), {
        revocationBoundMs: 1_000,
        outageGraceMs: 3_000,
      })
      await request()
      const outageMs = performance.now()
      customer.local.faults.add(fault)
      const { lastAllowedMs, refusal } = await requestsUntilRefused()
      expect(refusal).toMatchObject({ code: 'key-service-unavailable', status: 503 })
      expect(lastAllowedMs - outageMs).toBeGreaterThan(1_000)
      expect(lastAllowedMs - outageMs).toBeLessThanOrEqual(4_000)
      customer.local.faults.clear()
      await requestUntilServed()
      expect(parts.audit.of('suspension.started')).toEqual([])
      expect(parts.audit.of('tenant-keys.wiped')).toEqual([])
    },
  )

  test('comes from one region that is down', async () => {
    await parts.close()
    parts = await startParts(customer, join(directory, 'registry.sqlite'), { revocationBoundMs: 1_000 })
    await request()
    customer.local.faults.add({ kind: 'hang', region: REGIONS[0]! })
    const startedMs = performance.now()
    while (performance.now() - startedMs < 2_500) {
      await request()
      await pause(20)
    }
    expect(parts.access.status('acme')?.state).toBe('valid')
  })
})
