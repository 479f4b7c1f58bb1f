import { expect, it } from 'vitest'
import { awaitTurn, noteSmall, TURN_BYTES_MAX, turnBytes } from '../../src/wire/turns.ts'

function passOfTheLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

it('lets one waiter proceed in each pass of the event loop, in the order of asking', async () => {
  const proceeded: string[] = []
  for (const name of ['first', 'second', 'third']) awaitTurn(() => proceeded.push(name))
  expect(proceeded).toEqual([])
  const seen: number[] = []
  for (let pass = 0; pass < 3; pass += 1) {
    await passOfTheLoop()
    seen.push(proceeded.length)
  }
  expect(seen).toEqual([1, 2, 3])
  expect(proceeded).toEqual(['first', 'second', 'third'])
})

it('puts a waiter that asks again behind those who wait already', async () => {
  const proceeded: string[] = []
  awaitTurn(() => {
    proceeded.push('big')
    awaitTurn(() => proceeded.push('big again'))
  })
  awaitTurn(() => proceeded.push('small'))
  while (proceeded.length < 3) await passOfTheLoop()
  expect(proceeded).toEqual(['big', 'small', 'big again'])
})

it('goes on after a waiter threw', async () => {
  const thrown: unknown[] = []
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.once('uncaughtException', (error) => thrown.push(error))
  const reached: string[] = []
  awaitTurn(() => {
    throw new Error('a defect')
  })
  awaitTurn(() => reached.push('after'))
  while (reached.length === 0) await passOfTheLoop()
  for (const listener of listeners) process.on('uncaughtException', listener)
  expect(thrown).toHaveLength(1)
})

it('is shorter while small requests come in numbers, and long again when they have ceased', () => {
  const start = 1_000_000
  for (let each = 0; each < 3; each += 1) noteSmall(start + each)
  noteSmall(start + 150)
  expect(turnBytes(start + 151)).toBe(TURN_BYTES_MAX)
  for (let each = 0; each < 4; each += 1) noteSmall(start + 160 + each)
  expect(turnBytes(start + 170)).toBe(TURN_BYTES_MAX / 2)
  expect(turnBytes(start + 500)).toBe(TURN_BYTES_MAX)
})
