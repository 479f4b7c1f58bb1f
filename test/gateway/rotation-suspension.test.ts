import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { AnyJson } from '../support/any-json.ts'
import { DevStack, tightenBound } from '../support/dev-stack.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let stack: DevStack

beforeAll(async () => {
  stack = await DevStack.start({ configure: (configuration) => tightenBound(configuration, 3_000) })
  await stack.put('/jira/issue/1', '{"id":"1","fields":{"summary":"sealed under version 1"}}')
})
afterAll(() => stack.stop())

async function admin(path: string, method = 'GET'): Promise<AnyJson> {
  const answer = await fetch(`${stack.gateway.adminUrl}/admin/v1/organizations/acme${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${stack.environment.tokens.admin}`,
      ...(method === 'POST' ? { 'Content-Type': 'application/json' } : {}),
    },
    ...(method === 'POST' ? { body: '{}' } : {}),
  })
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as AnyJson
}

it('a queued rotation of a suspended organization makes no key, and goes on once access is back', async () => {
  await stack.customer.disableKey()
  await stack.until('/jira/issue/1', ({ status }) => status === 423)
  const before = JSON.stringify(await admin('/keys'))
  const { id } = await admin('/rotations', 'POST')
  await expect.poll(async () => (await admin(`/rotations/${id}`)).error, { timeout: 30_000 }).not.toBeNull()
  expect(await admin(`/rotations/${id}`)).toMatchObject({ state: 'running', keys: { done: 0 } })
  expect(JSON.stringify(await admin('/keys'))).toBe(before)
  await stack.customer.enableKey()
  await expect
    .poll(async () => (await admin(`/rotations/${id}`)).state, { timeout: 60_000 })
    .toBe('succeeded')
})
