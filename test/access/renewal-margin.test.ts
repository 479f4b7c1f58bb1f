import { describe, expect, test } from 'vitest'
import { RenewalMargin } from '../../src/access/renewal-margin.ts'
import { RoundTrip } from '../../src/access/round-trip.ts'

const BOUND_MS = 5_000

describe('the round trip of proofs', () => {
  test('is unknown before the first', () => {
    expect(new RoundTrip().nearlyAlwaysMs).toBeUndefined()
  })

  test('is three times the first, and then what RFC 6298 makes of the next ones', () => {
    const roundTrip = new RoundTrip()
    roundTrip.observe(100)
    expect(roundTrip.nearlyAlwaysMs).toBe(100 + 4 * 50)
    roundTrip.observe(180)
    // Deviation 3/4 of 50 and 1/4 of |100 - 180|; smoothed 7/8 of 100 and 1/8 of 180.
    expect(roundTrip.nearlyAlwaysMs).toBeCloseTo(110 + 4 * 57.5)
  })
})

describe('the margin of a renewal', () => {
  test('is a tenth of the bound while nothing is known', () => {
    expect(new RenewalMargin(BOUND_MS, new RoundTrip()).ms).toBe(0.1 * BOUND_MS)
  })

  test('follows what proofs take, between 10 % and 25 % of the bound', () => {
    const margin = new RenewalMargin(BOUND_MS, new RoundTrip())
    for (let proof = 0; proof < 60; proof += 1) margin.answered(1)
    expect(margin.ms).toBe(0.1 * BOUND_MS)
    for (let proof = 0; proof < 60; proof += 1) margin.answered(700)
    expect(margin.ms).toBeGreaterThan(700)
    expect(margin.ms).toBeLessThan(750)
    for (let proof = 0; proof < 60; proof += 1) margin.answered(4_000)
    expect(margin.ms).toBe(0.25 * BOUND_MS)
  })

  test('grows at once for whoever got no verdict, and shrinks with the proofs that follow', () => {
    const roundTrip = new RoundTrip()
    const throttled = new RenewalMargin(BOUND_MS, roundTrip)
    const other = new RenewalMargin(BOUND_MS, roundTrip)
    for (let proof = 0; proof < 60; proof += 1) throttled.answered(20)
    throttled.unanswered()
    expect(throttled.ms).toBe(0.25 * BOUND_MS)
    expect(other.ms).toBe(0.1 * BOUND_MS)
    const shares: number[] = []
    for (let proof = 0; proof < 10; proof += 1) {
      throttled.answered(20)
      shares.push(throttled.ms / BOUND_MS)
    }
    expect(shares).toEqual(shares.toSorted((a, b) => b - a))
    expect(shares[0]).toBeGreaterThan(0.15)
    expect(shares.at(-1)).toBe(0.1)
  })

  test('does not take a process that stood still for slow proofs', () => {
    const margin = new RenewalMargin(BOUND_MS, new RoundTrip())
    for (let proof = 0; proof < 60; proof += 1) margin.answered(20)
    margin.answered(3_600_000)
    for (let proof = 0; proof < 30; proof += 1) margin.answered(20)
    expect(margin.ms).toBe(0.1 * BOUND_MS)
  })
})
