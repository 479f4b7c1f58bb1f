import { describe, expect, test } from 'vitest'
import { systemClock, timestamp } from '../../src/keyring/clock.ts'

function clockOf(times: { monotonicMs: number; wallMs: number }) {
  return systemClock(
    () => times.monotonicMs,
    () => times.wallMs,
  )
}

describe('the system clock', () => {
  test('follows the monotonic clock while both run alike', () => {
    const times = { monotonicMs: 10, wallMs: 1_000_000 }
    const clock = clockOf(times)
    times.monotonicMs += 500
    times.wallMs += 501
    expect(clock.now()).toBe(510)
  })

  test('jumps forward with the wall when the machine slept', () => {
    const times = { monotonicMs: 10, wallMs: 1_000_000 }
    const clock = clockOf(times)
    times.wallMs += 3_600_000
    expect(clock.now()).toBe(3_600_010)
    times.monotonicMs += 5
    times.wallMs += 5
    expect(clock.now()).toBe(3_600_015)
  })

  test('never goes back, however the wall clock is set', () => {
    const times = { monotonicMs: 0, wallMs: 1_000_000 }
    const clock = clockOf(times)
    let last = clock.now()
    for (const stepMs of [-900_000, 5_000, -5_000, 2_000_000, -1, 700, -2_000_000]) {
      times.wallMs += stepMs
      times.monotonicMs += 1
      const now = clock.now()
      expect(now).toBeGreaterThan(last)
      last = now
    }
  })

  test('notices a sleep after the wall clock was set back', () => {
    const times = { monotonicMs: 0, wallMs: 1_000_000 }
    const clock = clockOf(times)
    times.wallMs -= 500_000
    clock.now()
    times.wallMs += 60_000
    expect(clock.now()).toBe(60_000)
  })

  test('calls timers back, unless cancelled', async () => {
    const clock = systemClock()
    const fired: string[] = []
    clock.setTimer(() => fired.push('cancelled'), 1).cancel()
    await new Promise<void>((resolve) => {
      clock.setTimer(() => {
        fired.push('kept')
        resolve()
      }, 5)
      // The clock's own timers keep no process alive, so the test does.
      setTimeout(() => undefined, 1_000)
    })
    expect(fired).toEqual(['kept'])
  })
})

test('timestamps are RFC 3339 in UTC with milliseconds', () => {
  expect(timestamp(Date.UTC(2026, 10, 22, 1, 2, 3, 4))).toBe('2026-11-22T01:02:03.004Z')
})
