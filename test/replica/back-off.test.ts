import { expect, it } from 'vitest'
import { BackOff } from '../../src/replica/back-off.ts'

it('waits twice as long after every early end, half a minute at most, and little again after a long run', () => {
  const backOff = new BackOff()
  const waits = Array.from({ length: 11 }, () => backOff.next(0))
  expect(waits.slice(0, 4)).toEqual([100, 200, 400, 800])
  expect(waits.at(-1)).toBe(30_000)
  expect(backOff.next(60_000)).toBe(100)
})
