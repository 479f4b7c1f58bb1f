import { afterEach, beforeEach, expect, test } from 'vitest'
import { CutConfirmations } from '../../src/registry/cut-confirmations.ts'
import type { SqlEngine } from '../../src/registry/sql/engine.ts'
import { sqliteBackend } from './sqlite-backend.ts'

const START = Date.UTC(2026, 10, 28)
const at = (seconds: number): string => new Date(START + seconds * 1_000).toISOString()
const backend = sqliteBackend()
let engine: SqlEngine
let confirmations: CutConfirmations

beforeEach(async () => {
  engine = await (await backend.create())()
  confirmations = new CutConfirmations(engine)
})

afterEach(async () => {
  await engine.close()
  await backend.remove()
})

async function expectedAt(seconds: number): Promise<string[]> {
  return (await confirmations.expectedAt(at(seconds))).map(({ replica }) => replica)
}

test('whoever ran, or may have, is expected; whoever had ended or was yet to start is not', async () => {
  await confirmations.present('ended', at(0), START)
  await confirmations.present('crashed', at(0), START)
  await confirmations.present('runs', at(0), START)
  await confirmations.stopped('ended', at(40))
  await confirmations.present('runs', at(0), START + 500_000)
  await confirmations.present('late', at(100), START + 100_000)
  expect(await expectedAt(30)).toEqual(['crashed', 'ended', 'runs'])
  expect(await expectedAt(60)).toEqual(['crashed', 'runs'])
  expect(await expectedAt(150)).toEqual(['late', 'runs'])
})

test('what a replica confirmed first stands', async () => {
  const first = {
    suspensionId: 's1',
    replica: 'a',
    lastAllowedAt: at(1),
    wipedAt: at(2),
    keysWiped: 3,
    transfersCut: 4,
  }
  await confirmations.confirm(first)
  await confirmations.confirm({ ...first, wipedAt: at(9), keysWiped: 0 })
  await confirmations.confirm({ ...first, replica: 'b', lastAllowedAt: null })
  expect(await confirmations.of('s1')).toEqual([first, { ...first, replica: 'b', lastAllowedAt: null }])
  expect(await confirmations.of('s2')).toEqual([])
})
