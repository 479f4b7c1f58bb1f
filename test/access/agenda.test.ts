import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AgendaItem } from '../../src/access/agenda.ts'
import { Agenda } from '../../src/access/agenda.ts'
import { FakeClock } from '../keyring/fake-clock.ts'

test('items are called once each, when they are due, unless they were taken off', async () => {
  const change = fc.record({
    item: fc.nat(9),
    delayMs: fc.nat(50),
    kind: fc.constantFrom('add', 'remove', 'wait'),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 60 }), async (changes) => {
      const clock = new FakeClock()
      const agenda = new Agenda(clock)
      const called: string[] = []
      const expected = new Map<number, number>()
      const items = Array.from({ length: 10 }, (_, name) => new Item(name, clock, called))
      const expectedCalls: string[] = []
      for (const { item, delayMs, kind } of changes) {
        if (kind === 'wait') {
          await clock.advance(delayMs)
          for (const [name, dueAtMs] of [...expected].filter(([, at]) => at <= clock.now())) {
            expectedCalls.push(`${name} at ${dueAtMs}`)
            expected.delete(name)
          }
          continue
        }
        agenda.remove(items[item]!)
        expected.delete(item)
        if (kind === 'remove') continue
        items[item]!.dueAtMs = clock.now() + delayMs
        agenda.add(items[item]!)
        expected.set(item, clock.now() + delayMs)
      }
      await clock.advance(50)
      for (const [name, dueAtMs] of expected) expectedCalls.push(`${name} at ${dueAtMs}`)
      expect(called.toSorted()).toEqual(expectedCalls.toSorted())
      expect(items.every(({ agendaPlace }) => agendaPlace === undefined)).toBe(true)
      expect(clock.timers).toBe(0)
    }),
  )
})

test('ten thousand items wait for one timer', async () => {
  const clock = new FakeClock()
  const agenda = new Agenda(clock)
  const called: string[] = []
  for (let name = 0; name < 10_000; name += 1) {
    const item = new Item(name, clock, called)
    item.dueAtMs = clock.now() + ((name * 7919) % 10_000)
    agenda.add(item)
  }
  expect(clock.timers).toBe(1)
  await clock.advance(4_999)
  expect(called).toHaveLength(5_000)
  expect(clock.timers).toBe(1)
})

class Item implements AgendaItem {
  dueAtMs = 0
  agendaPlace: number | undefined
  readonly #name: number
  readonly #clock: FakeClock
  readonly #called: string[]

  constructor(name: number, clock: FakeClock, called: string[]) {
    this.#name = name
    this.#clock = clock
    this.#called = called
  }

  due(): void {
    this.#called.push(`${this.#name} at ${this.#clock.now()}`)
  }
}
