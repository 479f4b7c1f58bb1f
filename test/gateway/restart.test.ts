import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { auditEventsOnce } from '../support/audit-trail.ts'
import { DevStack, tightenBound } from '../support/dev-stack.ts'

const ISSUE = '{"id":"1","fields":{"summary":"written before the restart"}}'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let directory: string
let stack: DevStack

const start = async (): Promise<DevStack> =>
  await DevStack.start({
    directory,
    configure: (configuration) => tightenBound(configuration, 3_000),
  })

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'portcullis-restart-'))
  stack = await start()
})
afterAll(async () => {
  await stack.stop()
  rmSync(directory, { recursive: true, force: true })
})

it('a restart keeps documents, keys, tokens and the account of the customer', async () => {
  await stack.put('/jira/issue/1', ISSUE)
  const { tokens, world } = stack.environment
  await stack.stop()
  stack = await start()
  expect(stack.environment.tokens).toEqual(tokens)
  expect(stack.environment.world.customer).toEqual(world.customer)
  const answer = await stack.request('/jira/issue/1')
  expect(answer.status).toBe(200)
  expect(answer.text).toBe(ISSUE)
})

it('a restart keeps an open suspension, with its identifier and beginning, until access returns', async () => {
  await stack.customer.disableKey()
  const before = await stack.until('/jira/issue/1', ({ status }) => status === 423)
  const auditDirectory = join(directory, 'data', 'audit')
  await stack.stop()
  stack = await start()
  const after = await stack.request('/jira/issue/1')
  expect(after.status).toBe(423)
  for (const name of ['suspension-id', 'suspension-since', 'suspension-reason', 'suspension-scope']) {
    expect(after.headers[name]).toBe(before.headers[name])
  }
  await stack.customer.enableKey()
  await stack.until('/jira/issue/1', ({ status }) => status === 200)
  const suspensionId = before.headers['suspension-id']
  const [started] = await auditEventsOnce(auditDirectory, 'suspension.started', 1)
  const [ended] = await auditEventsOnce(auditDirectory, 'suspension.ended', 1)
  expect(started).toMatchObject({ suspensionId, reason: 'key-disabled', authority: 'acme' })
  expect(ended).toMatchObject({ suspensionId })
})

it('a rotation of the key needs nothing: what was written before and after it is read', async () => {
  await stack.customer.rotateKey()
  await stack.put('/jira/issue/2', ISSUE)
  await stack.stop()
  stack = await start()
  expect((await stack.request('/jira/issue/1')).text).toBe(ISSUE)
  expect((await stack.request('/jira/issue/2')).text).toBe(ISSUE)
})
