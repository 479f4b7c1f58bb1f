import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { DevStack, tightenBound } from '../support/dev-stack.ts'

const ISSUE = '{"id":"1","fields":{"summary":"served through an outage"}}'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let stack: DevStack

beforeAll(async () => {
  stack = await DevStack.start({
    configure: (configuration) => {
      tightenBound(configuration, 3_000)
      configuration['kms'].outageGraceMs = '4500ms'
    },
  })
  await stack.put('/jira/issue/1', ISSUE)
})
afterEach(async () => {
  stack.environment.aws.faults.clear()
  await stack.until('/jira/issue/1', ({ status }) => status === 200)
})
afterAll(async () => {
  await stack.stop()
})

describe('no suspension, but service from cached keys and then 503, comes from', () => {
  it.each([
    ['throttling', { kind: 'throttle' }],
    ['an outage of STS', { kind: 'error', status: 503, service: 'sts' }],
    ['a network that swallows everything', { kind: 'hang' }],
  ] as const)('%s', async (_name, fault) => {
    expect((await stack.request('/jira/issue/1')).status).toBe(200)
    const outageMs = performance.now()
    stack.environment.aws.faults.add(fault)
    let lastServedMs = outageMs
    const refused = await stack.until('/jira/issue/1', ({ status, text }) => {
      if (status === 200) {
        expect(text).toBe(ISSUE)
        lastServedMs = performance.now()
      }
      return status !== 200
    })
    expect(refused.status).toBe(503)
    expect(refused.headers['retry-after']).toMatch(/^[1-9]\d?$/)
    expect(refused.headers['content-type']).toBe('application/problem+json')
    expect(refused.headers['cache-control']).toBe('no-store')
    expect(refused.headers['suspension-reason']).toBeUndefined()
    expect(refused.json).toMatchObject({ status: 503, reason: 'key-service-unavailable', tenant: 'acme' })
    // longer than the lease alone would have lasted
    expect(lastServedMs - outageMs).toBeGreaterThan(3_000)
    expect((await stack.put('/jira/issue/1', ISSUE)).status).toBe(503)
    expect((await stack.request('/jira/nothing')).status).toBe(503)
    stack.environment.aws.faults.clear()
    const back = await stack.until('/jira/issue/1', ({ status }) => status === 200)
    expect(back.text).toBe(ISSUE)
    expect(stack.logs.of('suspended')).toEqual([])
  })

  it('one region that is down makes no difference at all', async () => {
    stack.environment.aws.faults.add({ kind: 'hang', region: 'eu-central-1' })
    const endMs = performance.now() + 2_000
    while (performance.now() < endMs) {
      expect((await stack.request('/jira/issue/1')).status).toBe(200)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })
})

describe('readiness and metrics', () => {
  it('tell of an outage without a secret', async () => {
    stack.environment.aws.faults.add({ kind: 'error', service: 'kms' })
    await stack.until('/jira/issue/1', ({ status }) => status === 503)
    const { adminUrl } = stack.gateway
    const { tokens } = stack.environment
    const metrics = await stack.request('', {})
    expect(metrics.status).toBe(404)
    const answer = await fetch(`${adminUrl}/metrics`, {
      headers: { Authorization: `Bearer ${tokens.admin}` },
    })
    expect(answer.status).toBe(200)
    const text = await answer.text()
    expect(text).toMatch(/^portcullis_\w+\{[^}]*authority="acme"/m)
    for (const secret of secretsOf(stack)) expect(text).not.toContain(secret)
    expect((await fetch(`${adminUrl}/healthz`)).status).toBe(200)
    expect((await fetch(`${adminUrl}/readyz`)).status).toBe(200)
    expect((await fetch(`${adminUrl}/metrics`)).status).toBe(401)
  })

  it('no log line of all this holds a credential', () => {
    for (const secret of secretsOf(stack)) expect(stack.logs.text).not.toContain(secret)
  })
})

function secretsOf({ environment }: DevStack): string[] {
  const { tokens, world, variables } = environment
  return [
    tokens.app,
    tokens.admin,
    world.customer.secretAccessKey,
    world.customer.externalId,
    ...Object.values(variables),
  ]
}
