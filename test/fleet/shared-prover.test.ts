import { describe, expect, test } from 'vitest'
import type { TenantSuspended } from '../../src/access/tenant-suspended.ts'
import { AUTHORITY } from '../access/access-harness.ts'
import { DENIED, REFUSED } from '../access/scripted-prover.ts'
import { Fleet } from './fleet-harness.ts'
import type { Replica } from './fleet-harness.ts'

const BOUND_MS = 5_000
const MINUTE_MS = 60_000

async function suspensionOf(replica: Replica): Promise<TenantSuspended['suspension'] | undefined> {
  try {
    await replica.access.admit(AUTHORITY)
    return undefined
  } catch (thrown) {
    return (thrown as TenantSuspended).suspension
  }
}

describe('verifications', () => {
  test.each([1, 3, 20])('of %i replicas with traffic cost as many calls as of one', async (size) => {
    const fleet = new Fleet(size)
    await fleet.clock.advance(1_000)
    await fleet.serve(10_000)
    const before = fleet.verifications.length
    await fleet.serve(2 * MINUTE_MS)
    const perBound = (fleet.verifications.length - before) / ((2 * MINUTE_MS) / BOUND_MS)
    expect(perBound).toBeLessThan(1.16)
    for (const replica of fleet.replicas) expect(replica.access.status('acme')?.state).toBe('valid')
    await fleet.close()
  })

  test('that all replicas need at the same instant are made once', async () => {
    const fleet = new Fleet(20)
    await fleet.clock.advance(1_000)
    const admitted = Promise.all(fleet.replicas.map((replica) => replica.request()))
    await fleet.clock.advance(1_000)
    expect(await admitted).toEqual(fleet.replicas.map(() => true))
    expect(fleet.verifications).toHaveLength(1)
    await fleet.close()
  })

  test('stop when no replica has requests', async () => {
    const fleet = new Fleet(3)
    await fleet.serve(10_000)
    await fleet.clock.advance(2 * MINUTE_MS)
    const { length } = fleet.verifications
    await fleet.clock.advance(10 * MINUTE_MS)
    expect(fleet.verifications).toHaveLength(length)
    await fleet.close()
  })

  test('are taken over from a replica that has died, without a request being refused', async () => {
    const fleet = new Fleet(3)
    await fleet.serve(10_000)
    const holder = fleet.verifications.at(-1)!.by
    const rest = fleet.replicas.filter(({ name }) => name !== holder)
    await fleet.replicas.find(({ name }) => name === holder)!.close()
    let refused = 0
    for (let passedMs = 0; passedMs < 20_000; passedMs += 50) {
      for (const replica of rest) void replica.request().then((allowed) => void (refused += allowed ? 0 : 1))
      await fleet.clock.advance(50)
    }
    expect(refused).toBe(0)
    expect(new Set(fleet.verifications.slice(-3).map(({ by }) => by)).has(holder)).toBe(false)
    await fleet.close()
  })

  test('go on in a replica that is cut off, for itself', async () => {
    const fleet = new Fleet(3)
    await fleet.serve(10_000)
    const cutOff = fleet.replicas[2]!
    cutOff.exchange.connected = false
    const before = fleet.verifications.length
    await fleet.serve(MINUTE_MS)
    const own = fleet.verifications.slice(before).filter(({ by }) => by === cutOff.name)
    expect(own.length).toBeGreaterThan(11)
    expect(cutOff.access.status('acme')?.state).toBe('valid')
    fleet.prover.allowed = false
    await fleet.serve(BOUND_MS)
    expect(await suspensionOf(cutOff)).toMatchObject({ reason: 'key-disabled' })
    await fleet.close()
  })

  test('are shared again after a replica that was cut off is back', async () => {
    const fleet = new Fleet(3)
    await fleet.serve(10_000)
    for (const { exchange } of fleet.replicas) exchange.connected = false
    await fleet.serve(20_000)
    for (const { exchange } of fleet.replicas) exchange.connected = true
    await fleet.serve(10_000)
    const before = fleet.verifications.length
    await fleet.serve(MINUTE_MS)
    expect((fleet.verifications.length - before) / (MINUTE_MS / BOUND_MS)).toBeLessThan(1.2)
    await fleet.close()
  })

  test('of one replica whose own way to AWS is broken leave the others unharmed', async () => {
    const fleet = new Fleet(3)
    await fleet.serve(10_000)
    const holder = fleet.verifications.at(-1)!.by
    fleet.prover.script = () => ({
      latencyMs: 10,
      outcome: fleet.verifications.at(-1)!.by === holder ? 'unavailable' : 'verdict',
    })
    await fleet.serve(20_000)
    fleet.prover.allowed = false
    await fleet.serve(BOUND_MS)
    for (const replica of fleet.replicas) expect(await suspensionOf(replica)).toBeDefined()
    await fleet.close()
  })

  test('are not multiplied by an outage', async () => {
    const fleet = new Fleet(20)
    await fleet.serve(10_000)
    fleet.prover.script = () => ({ latencyMs: 10, outcome: 'unavailable' })
    const before = fleet.verifications.length
    await fleet.serve(MINUTE_MS)
    expect(fleet.verifications.length - before).toBeLessThan(20 * 60)
    for (const replica of fleet.replicas) expect(replica.access.status('acme')?.state).toBe('grace')
    await fleet.close()
  })
})

describe('a suspension', () => {
  test('found by one replica cuts all of them, under one id, and each reports what it wiped', async () => {
    const fleet = new Fleet(5)
    await fleet.serve(10_000)
    fleet.prover.allowed = false
    await fleet.serve(BOUND_MS)
    const suspensions = await Promise.all(fleet.replicas.map(suspensionOf))
    expect(new Set(suspensions.map((one) => one?.id)).size).toBe(1)
    for (const replica of fleet.replicas) {
      expect(replica.wiped.has('acme')).toBe(true)
      expect(replica.cuts).toHaveLength(1)
      expect(replica.cuts[0]).toMatchObject({ keysWiped: 1, suspension: { id: suspensions[0]!.id } })
    }
    expect(fleet.suspensions.open()).toHaveLength(1)
    await fleet.close()
  })

  test('reaches the others in the time of a message', async () => {
    const fleet = new Fleet(3)
    await fleet.serve(10_000)
    void fleet.replicas[1]!.denials!.unwrapDenied(AUTHORITY, DENIED, 'key-1')
    await fleet.clock.advance(10)
    for (const replica of fleet.replicas) expect(await suspensionOf(replica)).toBeDefined()
    await fleet.close()
  })

  test('of one app or kind of content is as narrow on every replica', async () => {
    const fleet = new Fleet(3)
    fleet.prover.keys.push('confluence/key-2', 'key-3')
    fleet.prover.denial = REFUSED
    for (const replica of fleet.replicas) replica.inUse = [...fleet.prover.keys]
    await fleet.serve(10_000)
    fleet.prover.deniedKeys.add('key-3')
    await fleet.serve(BOUND_MS)
    for (const replica of fleet.replicas) {
      expect([...replica.wipedAreas.keys()]).toEqual(['acme-one/jira/comment'])
      expect(replica.wiped.size).toBe(0)
    }
    await fleet.close()
  })

  test('is probed by one replica at a time and lifted on all within 30 s', async () => {
    const fleet = new Fleet(20, undefined, Math.random)
    await fleet.serve(10_000)
    fleet.prover.allowed = false
    await fleet.serve(2 * MINUTE_MS, 1_000)
    const before = fleet.verifications.length
    await fleet.serve(10 * MINUTE_MS, 1_000)
    expect(fleet.verifications.length - before).toBeLessThan(10 * 60)
    fleet.prover.allowed = true
    await fleet.serve(30_000, 500)
    for (const replica of fleet.replicas) expect(await suspensionOf(replica)).toBeUndefined()
    expect(fleet.suspensions.open()).toEqual([])
    await fleet.close()
  })

  test('by an operator is placed and lifted on all replicas', async () => {
    const fleet = new Fleet(3)
    await fleet.serve(10_000)
    const placed = fleet.replicas[0]!.access.suspend(AUTHORITY, 'olga')
    await fleet.clock.advance(10)
    for (const replica of fleet.replicas) expect(await suspensionOf(replica)).toMatchObject({ id: placed.id })
    await fleet.serve(MINUTE_MS, 1_000)
    fleet.replicas[2]!.access.lift(AUTHORITY, 'oleg')
    await fleet.serve(1_000)
    for (const replica of fleet.replicas) expect(await suspensionOf(replica)).toBeUndefined()
    await fleet.close()
  })

  test('that a replica missed while it was cut off is taken over when it is back', async () => {
    const fleet = new Fleet(3)
    await fleet.serve(10_000)
    const cutOff = fleet.replicas[2]!
    cutOff.exchange.connected = false
    fleet.replicas[0]!.access.suspend(AUTHORITY, 'olga')
    await fleet.clock.advance(1_000)
    cutOff.exchange.connected = true
    await fleet.clock.advance(10)
    expect(await suspensionOf(cutOff)).toMatchObject({ reason: 'operator' })
    cutOff.exchange.connected = false
    fleet.replicas[0]!.access.lift(AUTHORITY, 'oleg')
    await fleet.clock.advance(1_000)
    expect(await suspensionOf(cutOff)).toMatchObject({ reason: 'operator' })
    cutOff.exchange.connected = true
    await fleet.serve(1_000)
    expect(await suspensionOf(cutOff)).toBeUndefined()
    await fleet.close()
  })
})

describe('a replica that stood still', () => {
  test('serves nothing on waking by what it knew, nor by what it was told meanwhile', async () => {
    const fleet = new Fleet(3)
    await fleet.serve(10_000)
    const stopped = fleet.replicas[2]!
    const lease = await stopped.access.admit(AUTHORITY)
    stopped.clock.stop()
    const others = fleet.replicas.slice(0, 2)
    await fleet.serve(25_000, 100, others)
    for (const { exchange } of others) exchange.connected = false
    fleet.prover.allowed = false
    await fleet.clock.advance(5_000)
    stopped.clock.resume()
    expect(lease.valid).toBe(false)
    expect(() => lease.assertValid()).toThrow()
    const admitted = stopped.access.admit(AUTHORITY)
    expect(admitted).toBeInstanceOf(Promise)
    Promise.resolve(admitted).catch(() => undefined)
    await fleet.clock.advance(2_000)
    expect(await suspensionOf(stopped)).toMatchObject({ reason: 'key-disabled' })
    await fleet.close()
  })
})

describe('interest', () => {
  test('of a replica in a key makes the proofs of another include it', async () => {
    const fleet = new Fleet(2)
    fleet.prover.keys.splice(0, 1, '11111111111111111111111111111111', '22222222222222222222222222222222')
    fleet.replicas[0]!.inUse = [fleet.prover.keys[0]!]
    await fleet.serve(5_000, 100, [fleet.replicas[0]!])
    fleet.replicas[1]!.inUse = [fleet.prover.keys[1]!]
    await fleet.serve(20_000)
    for (const replica of fleet.replicas) expect(replica.proven).toEqual(fleet.prover.keys)
    await fleet.close()
  })
})
