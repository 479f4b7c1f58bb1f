import { beforeEach, describe, expect, test } from 'vitest'
import type { CutReport } from '../../src/access/share.ts'
import { TenantSuspended } from '../../src/access/tenant-suspended.ts'
import { SecureMemory } from '../../src/crypto/secure-memory.ts'
import { Keyring } from '../../src/keyring/keyring.ts'
import { Registry } from '../../src/registry/registry.ts'
import { SqliteDatabase } from '../../src/registry/sqlite/sqlite-database.ts'
import type { Suspension, SuspensionScope } from '../../src/registry/suspension.ts'
import type { TenantApp } from '../../src/tenant/tenant.ts'
import { FakeClock } from '../keyring/fake-clock.ts'
import { MemoryKeyService } from '../keyring/memory-key-service.ts'
import { RecordingAudit } from '../kms/recording-audit.ts'
import { AccessHarness, AUTHORITY } from './access-harness.ts'

const JIRA: TenantApp = { organization: 'acme', site: 'acme-one', app: 'jira', authority: AUTHORITY }
const CONFLUENCE: TenantApp = { ...JIRA, app: 'confluence' }
const SCOPE = { tenant: JIRA, dataClass: 'issue' } as const

let memory: SecureMemory
let keyService: MemoryKeyService
let keyring: Keyring
let reports: CutReport[]
let harness: AccessHarness

beforeEach(async () => {
  memory = new SecureMemory()
  keyService = new MemoryKeyService()
  const store = await Registry.load(new SqliteDatabase(':memory:'))
  keyring = new Keyring({ keyService, store, memory, audit: new RecordingAudit(), clock: new FakeClock() })
  reports = []
  const share = {
    leadMs: 0,
    suspensionChanged: () => undefined,
    cut: (report: CutReport) => void reports.push(report),
  }
  harness = new AccessHarness({ keys: keyring, share })
})

/** Transfers under way for an app. */
async function transfers(app: TenantApp, count: number): Promise<void> {
  const lease = await harness.admit(app)
  for (let index = 0; index < count; index += 1) lease.onEnd(() => undefined)
}

function found(scope: SuspensionScope): Suspension {
  const since = '2026-11-28T12:00:00.000Z'
  return { id: scope, authorityId: AUTHORITY.id, scope, reason: 'key-disabled', since }
}

describe('the report of a cut', () => {
  test('counts the keys that were in memory', async () => {
    await keyring.active(SCOPE)
    await transfers(JIRA, 4)
    harness.access.suspend(AUTHORITY, 'operator')
    expect(reports).toMatchObject([{ keysWiped: 1, transfersCut: 4 }])
    expect(memory.slotsLive).toBe(0)
  })

  test('counts none where every transfer still waited for its key, which is zeroed when it comes', async () => {
    await keyring.active(SCOPE)
    const { keyId } = await keyring.provision(SCOPE)
    keyring.clear()
    let arrive = (): void => undefined
    keyService.gate = new Promise((resolve) => (arrive = resolve))
    const loading = Promise.resolve(keyring.byId([JIRA], keyId))
    const refusal = loading.catch((thrown: unknown) => thrown)
    await transfers(JIRA, 4)
    harness.access.suspend(AUTHORITY, 'operator')
    expect(reports).toMatchObject([{ keysWiped: 0, transfersCut: 4 }])
    arrive()
    expect(await refusal).toBeInstanceOf(TenantSuspended)
    expect(keyService.given.map((bytes) => bytes.every((byte) => byte === 0))).toEqual([true])
    expect(memory.slotsLive).toBe(0)
  })

  test('counts none where a narrower suspension had wiped them', async () => {
    await keyring.active(SCOPE)
    await transfers(JIRA, 2)
    await transfers(CONFLUENCE, 4)
    harness.access.adoptSuspension(found('app:acme-one/jira'), Number.NEGATIVE_INFINITY)
    harness.access.adoptSuspension(found('organization'), Number.NEGATIVE_INFINITY)
    expect(reports).toMatchObject([
      { keysWiped: 1, transfersCut: 2 },
      { keysWiped: 0, transfersCut: 4 },
    ])
  })
})
