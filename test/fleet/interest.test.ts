import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { Interest } from '../../src/fleet/interest.ts'
import { FakeClock } from '../keyring/fake-clock.ts'

const LASTS_MS = 60_000

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

test('the interest of others lasts as long as told, from the last time', () => {
  const clock = new FakeClock()
  const interest = new Interest(clock, LASTS_MS)
  interest.note('acme', ['key-1', 'key-2'])
  clock.jump(LASTS_MS - 1)
  interest.note('acme', ['key-2', 'key-3'])
  expect(interest.of('acme')).toEqual(['key-1', 'key-2', 'key-3'])
  clock.jump(1)
  expect(interest.of('acme')).toEqual(['key-2', 'key-3'])
  expect(interest.of('another')).toEqual([])
})

test('own interest is told at first, again at half of its time, and at once when a proof leaves a key out', () => {
  const clock = new FakeClock()
  const interest = new Interest(clock, LASTS_MS)
  const all = new Set(['key-1', 'key-2'])
  expect(interest.toAnnounce('acme', [...all], all)).toEqual(['key-1', 'key-2'])
  expect(interest.toAnnounce('acme', [...all], all)).toEqual([])
  expect(interest.toAnnounce('acme', [...all], new Set(['key-1']))).toEqual(['key-2'])
  clock.jump(LASTS_MS / 2)
  expect(interest.toAnnounce('acme', ['key-1'], all)).toEqual(['key-1'])
})

test('what is no longer of interest takes no memory, however many authorities there were', () => {
  const clock = new FakeClock()
  const interest = new Interest(clock, LASTS_MS)
  const bytes = (): number => {
    collect()
    return process.memoryUsage().heapUsed
  }
  const before = bytes()
  for (let number = 0; number < 50_000; number += 1) interest.note(`organization-${number}`, ['key-1'])
  const full = bytes() - before
  clock.jump(LASTS_MS)
  interest.note('acme', ['key-1'])
  expect(bytes() - before).toBeLessThan(full / 4)
  expect(interest.of('acme')).toEqual(['key-1'])
})
