import { expect, test } from 'vitest'
import { MarkBook } from '../../src/fleet/mark.ts'

const epoch = 'one'

test('a mark is placed after the newest own one that is not later, in whatever order answers come', () => {
  const marks = new MarkBook()
  marks.note({ epoch, count: 30 }, 300)
  marks.note({ epoch, count: 10 }, 100)
  marks.note({ epoch, count: 20 }, 200)
  expect(marks.notBefore({ epoch, count: 9 })).toBe(Number.NEGATIVE_INFINITY)
  expect(marks.notBefore({ epoch, count: 10 })).toBe(100)
  expect(marks.notBefore({ epoch, count: 29 })).toBe(200)
  expect(marks.notBefore({ epoch, count: 99 })).toBe(300)
  expect(marks.notBefore({ epoch: 'another', count: 99 })).toBe(Number.NEGATIVE_INFINITY)
})

test('an earlier mark that was asked for later places those after it too', () => {
  const marks = new MarkBook()
  marks.note({ epoch, count: 20 }, 200)
  marks.note({ epoch, count: 10 }, 250)
  expect(marks.notBefore({ epoch, count: 15 })).toBe(250)
  expect(marks.notBefore({ epoch, count: 25 })).toBe(250)
})

test('marks of a replica that asks for thousands a second reach back further than a lease', () => {
  const marks = new MarkBook(50)
  for (let atMs = 0; atMs <= 6_000; atMs += 1) marks.note({ epoch, count: atMs }, atMs)
  expect(marks.notBefore({ epoch, count: 1_020 })).toBe(1_000)
})
