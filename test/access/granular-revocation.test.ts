import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TenantSuspended } from '../../src/access/tenant-suspended.ts'
import type { DataClass, TenantApp } from '../../src/tenant/tenant.ts'
import { Customer, REGIONS } from '../kms/customer.ts'
import type { GatewayParts } from './gateway-parts.ts'
import { startParts } from './gateway-parts.ts'

const BOUND_MS = 5_000
const DEADLINE_MS = 25_000

let customer: Customer
let parts: GatewayParts
let directory: string
let nowMs = Date.now()

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'portcullis-'))
  nowMs = 0
  customer = await Customer.start({ clock: () => Date.now() + nowMs })
  parts = await startParts(customer, join(directory, 'registry.sqlite'), { probeIntervalMsMax: 2_000 })
})

afterEach(async () => {
  await parts.close()
  await customer.stop()
  rmSync(directory, { recursive: true })
})

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const jira = (): TenantApp => customer.tenant
const confluence = (): TenantApp => ({ ...customer.tenant, app: 'confluence' })

async function request(app: TenantApp, dataClass: DataClass): Promise<void> {
  const lease = await parts.access.admit(app)
  const key = await parts.keyring.active({ tenant: app, dataClass })
  key.derived('field-1')
  lease.assertValid()
}

/** Asks for a kind of content again and again until it is refused. */
async function refused(app: TenantApp, dataClass: DataClass): Promise<{ lastMs: number; refusal: unknown }> {
  const startedMs = performance.now()
  for (let lastMs = startedMs; ; await pause(10)) {
    try {
      await request(app, dataClass)
      lastMs = performance.now()
    } catch (refusal) {
      return { lastMs, refusal }
    }
    if (lastMs - startedMs > DEADLINE_MS) throw new Error('requests were never refused')
  }
}

async function served(app: TenantApp, dataClass: DataClass): Promise<void> {
  const startedMs = performance.now()
  for (;;) {
    try {
      await request(app, dataClass)
      return
    } catch (refusal) {
      if (performance.now() - startedMs > DEADLINE_MS) throw refusal
    }
    await pause(20)
  }
}

const CONTENT: [() => TenantApp, DataClass][] = [
  [jira, 'issue'],
  [jira, 'comment'],
  [confluence, 'page'],
  [confluence, 'comment'],
]

async function warmUp(): Promise<void> {
  for (const [app, dataClass] of CONTENT) await request(app(), dataClass)
}

describe('a key policy condition on the encryption context', () => {
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
    async ({ excluded, scopes }) => {
      await warmUp()
      const running = CONTENT.map(async ([app, dataClass]) => {
        const name = `${app().app} ${dataClass}`
        if (scopes[name] === undefined) return undefined
        return { name, ...(await refused(app(), dataClass)) }
      })
      await pause(100)
      await customer.excludeContext(excluded)
      const revokedMs = performance.now()
      for (const outcome of await Promise.all(running)) {
        if (outcome === undefined) continue
        expect(outcome.lastMs - revokedMs).toBeLessThanOrEqual(BOUND_MS)
        expect(outcome.refusal).toBeInstanceOf(TenantSuspended)
        expect(outcome.refusal).toMatchObject({
          status: 423,
          suspension: { reason: 'access-denied', scope: scopes[outcome.name] },
        })
      }
      for (const [app, dataClass] of CONTENT) {
        if (scopes[`${app().app} ${dataClass}`] === undefined) await request(app(), dataClass)
      }
      await customer.excludeContext(undefined)
      for (const [app, dataClass] of CONTENT) await served(app(), dataClass)
      expect(parts.access.status('acme')?.suspensions).toEqual([])
      expect(parts.memory.freeBytesAreZero()).toBe(true)
    },
  )

  test('in one region only is found by the proofs as they alternate', async () => {
    await warmUp()
    const running = refused(jira(), 'comment')
    await customer.excludeContext({ 'data-class': 'comment' }, [REGIONS[1]!])
    const { refusal } = await running
    expect(refusal).toMatchObject({ suspension: { scope: 'data-class:acme-one/jira/comment' } })
    await request(jira(), 'issue')
  })
})

describe('a key that is deleted at last', () => {
  test('suspends the organization as not found', async () => {
    await warmUp()
    await customer.scheduleDeletion(REGIONS[1]!)
    await refused(jira(), 'issue')
    nowMs = 8 * 24 * 60 * 60 * 1000
    // The session of the role ends as well while a week passes: the next proof begins a new one.
    const startedMs = performance.now()
    while (parts.access.status('acme')?.suspension?.reason !== 'key-not-found') {
      if (performance.now() - startedMs > DEADLINE_MS) throw new Error('the reason never changed')
      await pause(50)
    }
    expect(parts.access.status('acme')?.suspension).toMatchObject({ scope: 'organization' })
  })
})

describe('the calls that proofs cost', () => {
  test('are one AssumeRole and one Decrypt per key in use, far from growing with traffic', async () => {
    await warmUp()
    customer.local.counters.reset()
    const startedMs = performance.now()
    while (performance.now() - startedMs < 2.5 * BOUND_MS) {
      for (const [app, dataClass] of CONTENT) await request(app(), dataClass)
      await pause(5)
    }
    const bounds = (performance.now() - startedMs) / BOUND_MS
    const roles = customer.local.counters.count({ operation: 'AssumeRole' })
    const unwraps = customer.local.counters.count({ operation: 'Decrypt' })
    expect(roles / bounds).toBeLessThan(2)
    expect(unwraps / bounds / CONTENT.length).toBeLessThan(2)
    for (const region of REGIONS) {
      const asked = customer.local.counters.count({ operation: 'Decrypt', region })
      expect(asked / bounds).toBeGreaterThan(1)
    }
  })
})
