import { describe, expect, test } from 'vitest'
import { TenantSuspended } from '../../src/access/tenant-suspended.ts'
import type { Suspension } from '../../src/registry/suspension.ts'
import type { TenantApp } from '../../src/tenant/tenant.ts'
import { AccessHarness, AUTHORITY, MemorySuspensions } from './access-harness.ts'
import { DENIED, REFUSED } from './scripted-prover.ts'

const BOUND_MS = 5_000
const JIRA: TenantApp = { organization: 'acme', site: 'acme-one', app: 'jira', authority: AUTHORITY }
const CONFLUENCE: TenantApp = { ...JIRA, app: 'confluence' }
/** Of the classes issue, page, comment, attachment, in that order. */
const KEYS = ['key-1', 'confluence/key-2', 'key-3', 'confluence/key-4']

function harnessOf(suspensions = new MemorySuspensions()): AccessHarness {
  const harness = new AccessHarness({}, suspensions)
  harness.prover.keys.splice(0, 1, ...KEYS)
  harness.prover.denial = REFUSED
  harness.inUse = [...KEYS]
  return harness
}

function judgementsOf({ prover }: AccessHarness): number {
  return prover.proofs.filter(({ demand }) => demand.purpose === 'judge').length
}

async function scopeFor(harness: AccessHarness, app: TenantApp): Promise<string | undefined> {
  const refusal = await harness.refusal(app)
  return refusal instanceof TenantSuspended ? refusal.suspension.scope : undefined
}

describe('a policy that excludes', () => {
  test('one kind of content suspends that, and every app goes on', async () => {
    const harness = harnessOf()
    await harness.admit(JIRA)
    harness.prover.deniedKeys.add('key-3')
    await harness.clock.advance(BOUND_MS)
    expect(await scopeFor(harness, JIRA)).toBeUndefined()
    expect(await scopeFor(harness, CONFLUENCE)).toBeUndefined()
    expect([...harness.wipedAreas.keys()]).toEqual(['acme-one/jira/comment'])
    const refusal = harness.wipedAreas.get('acme-one/jira/comment')!() as TenantSuspended
    expect(refusal.headers['Suspension-Scope']).toBe('data-class:acme-one/jira/comment')
    expect(refusal.status).toBe(423)
    expect(harness.wiped.size).toBe(0)
    expect(harness.access.status('acme')).toMatchObject({ state: 'valid', suspension: undefined })
  })

  test('one app suspends that app alone', async () => {
    const harness = harnessOf()
    const confluence = await harness.admit(CONFLUENCE)
    const jira = await harness.admit(JIRA)
    const cuts: string[] = []
    confluence.onEnd(() => cuts.push('confluence'))
    jira.onEnd(() => cuts.push('jira'))
    harness.prover.deniedKeys.add('confluence/key-2').add('confluence/key-4')
    await harness.clock.advance(BOUND_MS)
    expect(await scopeFor(harness, CONFLUENCE)).toBe('app:acme-one/confluence')
    expect(await scopeFor(harness, JIRA)).toBeUndefined()
    expect(jira.valid).toBe(true)
    expect(cuts).toEqual(['confluence'])
  })

  test('everything suspends the organization, and nobody ever sees another scope', async () => {
    const harness = harnessOf()
    await harness.admit(JIRA)
    for (const key of KEYS) harness.prover.deniedKeys.add(key)
    const scopes = new Set<string | undefined>()
    for (let passedMs = 0; passedMs < 2 * BOUND_MS; passedMs += 50) {
      const admitted = (async () => harness.access.admit(JIRA))()
      admitted.catch((thrown: unknown) => scopes.add((thrown as TenantSuspended).suspension.scope))
      await harness.clock.advance(50)
    }
    expect([...scopes]).toEqual(['organization'])
  })

  test('a key that has only been looked up is judged before anyone is answered', async () => {
    const harness = harnessOf()
    const lease = await harness.admit(JIRA)
    harness.prover.deniedKeys.add('key-3')
    const refusal = harness.denials!.unwrapDenied(AUTHORITY, REFUSED, 'key-3')
    expect(refusal).toBeInstanceOf(Promise)
    expect(lease.valid).toBe(false)
    await harness.clock.advance(50)
    expect(await refusal).toMatchObject({ suspension: { scope: 'data-class:acme-one/jira/comment' } })
    expect((await harness.admit(JIRA)).valid).toBe(true)
  })

  test('callers that name no app are refused while any part is suspended', async () => {
    const harness = harnessOf()
    await harness.admit(JIRA)
    harness.prover.deniedKeys.add('key-3')
    await harness.clock.advance(BOUND_MS)
    expect(await harness.refusal(AUTHORITY)).toMatchObject({
      suspension: { scope: 'data-class:acme-one/jira/comment' },
    })
  })
})

describe('how far a denial reaches', () => {
  test('counts as everything when nobody answers that question', async () => {
    const harness = harnessOf()
    await harness.admit(JIRA)
    harness.prover.deniedKeys.add('key-3')
    harness.prover.script = ({ purpose }) => ({
      latencyMs: 10,
      outcome: purpose === 'judge' ? 'unavailable' : 'verdict',
    })
    await harness.clock.advance(BOUND_MS)
    expect(await scopeFor(harness, JIRA)).toBe('organization')
  })

  test('is asked again after a verification without an answer, and nothing is served or refused meanwhile', async () => {
    const harness = harnessOf()
    const lease = await harness.admit(JIRA)
    harness.prover.deniedKeys.add('key-3')
    harness.prover.script = ({ purpose }) =>
      purpose === 'judge' && judgementsOf(harness) === 1
        ? { latencyMs: 0, outcome: 'hang' }
        : { latencyMs: 10, outcome: 'verdict' }
    while (judgementsOf(harness) === 0) await harness.clock.advance(10)
    await harness.clock.advance(50)
    expect(lease.valid).toBe(false)
    const admitted = harness.access.admit(JIRA)
    expect(admitted).toBeInstanceOf(Promise)
    await harness.clock.advance(2_000)
    expect((await admitted).valid).toBe(true)
    expect(judgementsOf(harness)).toBe(2)
    expect([...harness.wipedAreas.keys()]).toEqual(['acme-one/jira/comment'])
    expect(harness.wiped.size).toBe(0)
    expect(harness.audit.of('suspension.started')).toHaveLength(1)
  })

  test('is asked again while a key of the judgement has no verdict', async () => {
    const harness = harnessOf()
    await harness.admit(JIRA)
    harness.prover.deniedKeys.add('key-3')
    harness.prover.script = ({ purpose }) => {
      if (purpose === 'judge') harness.prover.unansweredKeys.delete('confluence/key-2')
      return { latencyMs: 10, outcome: 'verdict' }
    }
    harness.prover.unansweredKeys.add('key-1').add('confluence/key-2').add('confluence/key-4')
    while (judgementsOf(harness) === 0) await harness.clock.advance(10)
    await harness.clock.advance(100)
    expect(harness.access.status('acme')?.suspensions).toEqual([])
    harness.prover.unansweredKeys.clear()
    await harness.clock.advance(1_000)
    expect(harness.access.status('acme')?.suspensions.map(({ scope }) => scope)).toEqual([
      'data-class:acme-one/jira/comment',
    ])
    expect(harness.audit.of('suspension.started')).toHaveLength(1)
  })

  test('is as far as unanswered keys allow once asking again has not helped', async () => {
    const harness = harnessOf()
    await harness.admit(JIRA)
    harness.prover.deniedKeys.add('key-3')
    harness.prover.unansweredKeys.add('key-1')
    await harness.clock.advance(2 * BOUND_MS)
    expect(await scopeFor(harness, JIRA)).toBe('app:acme-one/jira')
    expect(await scopeFor(harness, CONFLUENCE)).toBeUndefined()
  })

  test('is not widened by a key without a verdict while part is suspended', async () => {
    const harness = harnessOf()
    await harness.admit(JIRA)
    harness.prover.deniedKeys.add('key-3')
    await harness.clock.advance(BOUND_MS)
    harness.inUse = KEYS.filter((key) => key !== 'key-3')
    harness.prover.unansweredKeys.add('key-1')
    for (let passedMs = 0; passedMs < 30_000; passedMs += 100) {
      expect((await harness.admit(JIRA)).valid).toBe(true)
      await harness.clock.advance(100)
    }
    expect(harness.audit.of('suspension.started')).toMatchObject([
      { scope: 'data-class:acme-one/jira/comment' },
    ])
  })

  test('is not asked when the key itself is disabled', async () => {
    const harness = harnessOf()
    await harness.admit(JIRA)
    harness.prover.deniedKeys.add('key-3')
    harness.prover.denial = DENIED
    await harness.clock.advance(BOUND_MS)
    expect(await scopeFor(harness, JIRA)).toBe('organization')
    expect(harness.prover.proofs.filter(({ demand }) => demand.purpose === 'judge')).toEqual([])
  })

  test('leaves a denial standing that the same key no longer meets a moment later', async () => {
    const harness = harnessOf()
    await harness.admit(JIRA)
    void harness.denials!.unwrapDenied(AUTHORITY, REFUSED, 'key-3')
    await harness.clock.advance(500)
    expect([...harness.wipedAreas.keys()]).toEqual(['acme-one/jira/comment'])
    await harness.clock.advance(3_000)
    expect(harness.wipedAreas.size).toBe(0)
  })

  test('is narrowed when part of the access comes back, and widened when more goes', async () => {
    const harness = harnessOf()
    await harness.admit(JIRA)
    for (const key of KEYS) harness.prover.deniedKeys.add(key)
    await harness.clock.advance(BOUND_MS)
    expect(await scopeFor(harness, JIRA)).toBe('organization')
    for (const key of ['key-1', 'confluence/key-2', 'confluence/key-4']) harness.prover.deniedKeys.delete(key)
    await harness.clock.advance(30_000)
    expect(await scopeFor(harness, JIRA)).toBeUndefined()
    expect(harness.access.status('acme')?.suspensions.map(({ scope }) => scope)).toEqual([
      'data-class:acme-one/jira/comment',
    ])
    expect(harness.wiped.size).toBe(0)
    harness.prover.deniedKeys.add('key-1')
    await harness.clock.advance(BOUND_MS)
    expect(await scopeFor(harness, JIRA)).toBe('app:acme-one/jira')
    harness.prover.deniedKeys.clear()
    await harness.clock.advance(30_000)
    expect(await scopeFor(harness, JIRA)).toBeUndefined()
    expect(harness.access.status('acme')?.suspensions).toEqual([])
    expect(harness.wipedAreas.size).toBe(0)
  })
})

describe('a suspended part', () => {
  test('returns within 30 s of its access while the rest goes on being served without a pause', async () => {
    const harness = harnessOf()
    await harness.admit(JIRA)
    harness.prover.deniedKeys.add('key-3')
    await harness.clock.advance(BOUND_MS)
    harness.inUse = KEYS.filter((key) => key !== 'key-3')
    for (let passedMs = 0; passedMs < 120_000; passedMs += 100) {
      expect(harness.access.admit(JIRA)).not.toBeInstanceOf(Promise)
      await harness.clock.advance(100)
    }
    harness.prover.deniedKeys.clear()
    await harness.clock.advance(30_000)
    expect(harness.wipedAreas.size).toBe(0)
    expect(harness.audit.of('suspension.ended')).toMatchObject([
      { scope: 'data-class:acme-one/jira/comment' },
    ])
  })

  test('stays so over a restart, and is lifted by proof alone', async () => {
    const kept = new MemorySuspensions()
    const suspension: Suspension = {
      id: 'kept',
      authorityId: 'acme',
      reason: 'access-denied',
      scope: 'app:acme-one/confluence',
      since: '2026-11-22T01:02:03.004Z',
      keyId: 'confluence/key-2',
    }
    kept.rows.set(suspension.id, suspension)
    const harness = harnessOf(kept)
    harness.prover.deniedKeys.add('confluence/key-2').add('confluence/key-4')
    harness.access.track([AUTHORITY])
    expect((await harness.admit(JIRA)).valid).toBe(true)
    expect(await harness.refusal(CONFLUENCE)).toMatchObject({ suspension: { id: 'kept' } })
    harness.prover.deniedKeys.clear()
    await harness.clock.advance(30_000)
    expect(await scopeFor(harness, CONFLUENCE)).toBeUndefined()
  })

  test('is no reason to spare the rest: a later denial of everything cuts it too', async () => {
    const harness = harnessOf()
    const lease = await harness.admit(CONFLUENCE)
    harness.prover.deniedKeys.add('key-3')
    await harness.clock.advance(BOUND_MS)
    expect(lease.valid).toBe(true)
    for (const key of KEYS) harness.prover.deniedKeys.add(key)
    await harness.clock.advance(BOUND_MS)
    expect(lease.valid).toBe(false)
    expect(await scopeFor(harness, CONFLUENCE)).toBe('organization')
  })
})

test('a proof tells the keyring which keys it covers', async () => {
  const harness = harnessOf()
  harness.inUse = ['key-1', 'key-3']
  await harness.admit(JIRA)
  expect(harness.proven).toEqual(['key-1', 'key-3'])
})
