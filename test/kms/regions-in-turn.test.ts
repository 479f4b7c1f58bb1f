import { expect, test } from 'vitest'
import { regionsInTurn } from '../../src/kms/regions-in-turn.ts'

const KEYS = ['eu-central-1', 'eu-west-1'].map((region) => ({
  region,
  keyArn: `arn:aws:kms:${region}:1:key/1`,
}))

test('many authorities begin in each of their regions about equally often, and one always in the same', () => {
  const began = { 'eu-central-1': 0, 'eu-west-1': 0 }
  for (let number = 0; number < 1_000; number += 1) {
    const authority = { id: crypto.randomUUID(), keys: KEYS }
    const regions = regionsInTurn(authority)
    expect(regions.toSorted()).toEqual(['eu-central-1', 'eu-west-1'])
    expect(regionsInTurn(authority)).toEqual(regions)
    began[regions[0] as keyof typeof began] += 1
  }
  expect(Math.min(...Object.values(began))).toBeGreaterThan(400)
})

test('an authority of one region has that one, and one without keys has none', () => {
  expect(regionsInTurn({ id: 'acme', keys: KEYS.slice(0, 1) })).toEqual(['eu-central-1'])
  expect(regionsInTurn({ id: 'acme', keys: [] })).toEqual([])
})
