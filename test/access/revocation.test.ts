import dns from 'node:dns'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { TenantSuspended } from '../../src/access/tenant-suspended.ts'
import type { Fault } from '../../src/local/aws/faults.ts'
import type { Customer } from '../kms/customer.ts'
import { REGIONS } from '../kms/customer.ts'
import type { WorldOptions } from './revocation-world.ts'
import { BOUND_MS, pause, RevocationWorld } from './revocation-world.ts'

vi.setConfig({ testTimeout: 120_000 })

interface Revocation {
  readonly revoke: () => Promise<void>
  readonly restore: () => Promise<void>
}

/** `begin` prepares the account while access still is and says what to do then. */
const WAYS: {
  name: string
  reason: string
  begin: (customer: Customer) => Revocation | Promise<Revocation>
}[] = [
  {
    name: 'the key disabled in the first region',
    reason: 'key-disabled',
    begin: (customer) => ({
      revoke: () => customer.disableKey(REGIONS[0]),
      restore: () => customer.enableKey(REGIONS[0]),
    }),
  },
  {
    name: 'the key disabled in the second region only',
    reason: 'key-disabled',
    begin: (customer) => ({
      revoke: () => customer.disableKey(REGIONS[1]),
      restore: () => customer.enableKey(REGIONS[1]),
    }),
  },
  {
    name: 'the key disabled in both regions',
    reason: 'key-disabled',
    begin: (customer) => ({
      revoke: async () => {
        await customer.disableKey(REGIONS[0])
        await customer.disableKey(REGIONS[1])
      },
      restore: async () => {
        await customer.enableKey(REGIONS[1])
        await customer.enableKey(REGIONS[0])
      },
    }),
  },
  {
    name: 'the trust policy saying Deny, with earlier credentials still valid',
    reason: 'access-denied',
    begin: (customer) => ({
      revoke: () => customer.denyRole(true),
      restore: () => customer.denyRole(false),
    }),
  },
  {
    name: 'another external id in the trust policy',
    reason: 'access-denied',
    begin: (customer) => ({
      revoke: () => customer.changeExternalId('another'),
      restore: () => customer.denyRole(false),
    }),
  },
  {
    name: 'a key policy without Decrypt',
    reason: 'access-denied',
    begin: (customer) => ({
      revoke: () => customer.denyDecrypt(true),
      restore: () => customer.denyDecrypt(false),
    }),
  },
  {
    name: 'a grant retired that was all the access there was',
    reason: 'access-denied',
    begin: async (customer) => {
      const grant = await customer.grantInsteadOfPolicy()
      return { revoke: () => grant.retire(), restore: () => customer.restorePolicy() }
    },
  },
  {
    name: 'a grant revoked in one region',
    reason: 'access-denied',
    begin: async (customer) => {
      const grant = await customer.grantInsteadOfPolicy()
      return { revoke: () => grant.revoke(), restore: () => customer.restorePolicy() }
    },
  },
  {
    name: 'a key policy that excludes the organization by its encryption context',
    reason: 'access-denied',
    begin: (customer) => ({
      revoke: () => customer.excludeContext({ organization: 'acme' }),
      restore: () => customer.excludeContext(undefined),
    }),
  },
  {
    name: 'the primary key scheduled for deletion',
    reason: 'key-pending-deletion',
    begin: (customer) => ({
      revoke: () => customer.scheduleDeletion(REGIONS[0]!),
      restore: () => customer.cancelDeletion(REGIONS[0]!),
    }),
  },
  {
    name: 'the replica key scheduled for deletion',
    reason: 'key-pending-deletion',
    begin: (customer) => ({
      revoke: () => customer.scheduleDeletion(REGIONS[1]!),
      restore: () => customer.cancelDeletion(REGIONS[1]!),
    }),
  },
]

describe.concurrent('a revocation while requests run', () => {
  test.each(WAYS)('suspends within the bound and resumes by itself: $name', (way) =>
    RevocationWorld.with({}, async (world) => {
      const { customer, parts } = world
      const { revoke, restore } = await way.begin(customer)
      await world.served()
      const running = world.refused()
      await pause(100)
      await revoke()
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
      await restore()
      await world.served()
      expect(parts.audit.of('suspension.ended')).toHaveLength(1)
      const [row] = await parts.registry.history('acme', 10)
      expect(row).toMatchObject({ id: suspension.id, reason: way.reason })
      expect(row?.endedAt).toBeDefined()
    }),
  )
})

describe.concurrent('in-flight transfers and restarts', () => {
  test('a running transfer is cut with the reason, and what is suspended stays so over a restart', () =>
    RevocationWorld.with({}, async (world) => {
      await world.served()
      const lease = await world.parts.access.admit(world.customer.authority)
      const cut = new Promise((resolve) => {
        lease.onEnd(resolve)
      })
      await world.customer.disableKey()
      const revokedMs = performance.now()
      const reason = await cut
      expect(performance.now() - revokedMs).toBeLessThanOrEqual(BOUND_MS)
      expect(reason).toBeInstanceOf(TenantSuspended)
      await world.restart()
      const { refusal } = await world.refused()
      expect((refusal as TenantSuspended).suspension).toEqual((reason as TenantSuspended).suspension)
      await world.customer.enableKey()
      await world.served()
    }))

  test("the vendor's own keys are untouched by a customer's revocation", () =>
    RevocationWorld.with({}, async (world) => {
      const { customer, parts } = world
      await world.served()
      await parts.keyring.active({
        tenant: { ...customer.tenant, app: 'confluence', authority: customer.vendorAuthority },
        dataClass: 'page',
      })
      await parts.access.admit(customer.vendorAuthority)
      await customer.disableKey()
      const { refusal } = await world.refused()
      expect(refusal).toBeInstanceOf(TenantSuspended)
      const lease = await parts.access.admit(customer.vendorAuthority)
      expect(lease.valid).toBe(true)
    }))
})

const OUTAGE_BOUND_MS = 1_500
const GRACE_MS = 3_000

/** Something that is no decision of the customer. */
interface Trouble {
  readonly world?: WorldOptions
  begin(customer: Customer): void
  end(customer: Customer): void
}

function fault(fault: Fault): Trouble {
  return {
    begin: ({ local }) => void local.faults.add(fault),
    end: ({ local }) => local.faults.clear(),
  }
}

/** The services' clock runs ahead, or the gateway's behind: no signature is accepted. */
function clockSkew(byMs: number): Trouble {
  let skewMs = 0
  return {
    world: { aws: { signingClock: () => Date.now() + skewMs } },
    begin: () => {
      skewMs = byMs
    },
    end: () => {
      skewMs = 0
    },
  }
}

/** Names that resolve to this machine at the will of a test, and else not at all: `.invalid` never does. */
const resolvable = new Set<string>()
const unresolved: string[] = []
const { lookup } = dns
dns.lookup = ((name: string, ...rest: unknown[]) => {
  if (name.endsWith('.invalid') && !resolvable.has(name)) unresolved.push(name)
  ;(lookup as (...parameters: unknown[]) => void)(resolvable.has(name) ? '127.0.0.1' : name, ...rest)
}) as typeof dns.lookup
afterAll(() => {
  dns.lookup = lookup
})

/** The name of the services no longer resolves; connections that stand would not notice, so they are lost first. */
function resolverFailure(): Trouble {
  const name = 'aws.portcullis.invalid'
  resolvable.add(name)
  return {
    world: { endpoint: (port) => `http://${name}:${port}` },
    begin: ({ local }) => {
      resolvable.delete(name)
      local.faults.add({ kind: 'reset' })
      setTimeout(() => local.faults.clear(), OUTAGE_BOUND_MS)
    },
    end: () => {
      expect(unresolved).toContain(name)
      resolvable.add(name)
    },
  }
}

describe.concurrent('no suspension', () => {
  test.each<[string, () => Trouble]>([
    ['throttling', () => fault({ kind: 'throttle' })],
    ['errors of KMS', () => fault({ kind: 'error', service: 'kms' })],
    ['an outage of STS', () => fault({ kind: 'error', status: 503, service: 'sts' })],
    ['a network that resets', () => fault({ kind: 'reset' })],
    ['a network that swallows everything', () => fault({ kind: 'hang' })],
    ['answers that come too late', () => fault({ kind: 'latency', latencyMs: 10_000 })],
    ['a clock that is behind', () => clockSkew(20 * 60_000)],
    ['a clock that is ahead', () => clockSkew(-20 * 60_000)],
    ['names that do not resolve', resolverFailure],
  ])('comes from %s: service goes on through the grace, then 503, then service', (_cause, make) => {
    const trouble = make()
    const access = { revocationBoundMs: OUTAGE_BOUND_MS, outageGraceMs: GRACE_MS }
    return RevocationWorld.with({ ...trouble.world, access }, async (world) => {
      await world.served()
      const troubleMs = performance.now()
      trouble.begin(world.customer)
      const { lastAllowedMs, refusal } = await world.refused()
      expect(refusal).toMatchObject({ code: 'key-service-unavailable', status: 503 })
      // Longer than a lease alone would last, and not longer than the grace after the last proof.
      expect(lastAllowedMs - troubleMs).toBeGreaterThan(OUTAGE_BOUND_MS)
      expect(lastAllowedMs - troubleMs).toBeLessThanOrEqual(GRACE_MS)
      trouble.end(world.customer)
      await world.served()
      expect(world.parts.audit.of('suspension.started')).toEqual([])
      expect(world.parts.audit.of('tenant-keys.wiped')).toEqual([])
    })
  })

  test('comes from one region that is down', () =>
    RevocationWorld.with({}, async (world) => {
      await world.served()
      world.customer.local.faults.add({ kind: 'hang', region: REGIONS[0]! })
      const startedMs = performance.now()
      while (performance.now() - startedMs < 1.5 * BOUND_MS) {
        await world.request()
        await pause(20)
      }
      expect(world.parts.access.status('acme')?.state).toBe('valid')
    }))
})
