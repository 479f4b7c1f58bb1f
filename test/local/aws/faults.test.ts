import { DecryptCommand, GenerateRandomCommand } from '@aws-sdk/client-kms'
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Faults } from '../../../src/local/aws/faults.ts'
import { startLocalAws, type LocalAws } from '../../../src/local/aws/local-aws.ts'
import { failure, kmsClient, stsClient, type Credentials } from './clients.ts'

let local: LocalAws
let admin: Credentials

beforeEach(async () => {
  local = await startLocalAws()
  admin = await local.createAccount('111122223333')
})

afterEach(() => local.stop())

const random = (region = 'eu-central-1') =>
  kmsClient(local, admin, region).send(new GenerateRandomCommand({ NumberOfBytes: 1 }))
const whoami = () => stsClient(local, admin).send(new GetCallerIdentityCommand({}))

describe('a fault', () => {
  test('throttles one service and leaves the others', async () => {
    local.faults.add({ kind: 'throttle', service: 'kms' })
    expect(await failure(random())).toMatchObject({ name: 'ThrottlingException', status: 400 })
    await whoami()
    local.faults.clear()
    local.faults.add({ kind: 'throttle', service: 'sts' })
    expect(await failure(whoami())).toMatchObject({ name: 'Throttling', message: 'Rate exceeded' })
    await random()
  })

  test('takes one region out and leaves the other', async () => {
    local.faults.add({ kind: 'error', service: 'kms', region: 'eu-central-1', status: 503 })
    expect(await failure(random())).toMatchObject({ name: 'DependencyTimeoutException', status: 503 })
    await random('eu-west-1')
    local.faults.clear()
    local.faults.add({ kind: 'error', service: 'kms', region: 'eu-central-1' })
    expect(await failure(random())).toMatchObject({ name: 'KMSInternalException', status: 500 })
  })

  test('resets the connection', async () => {
    local.faults.add({ kind: 'reset' })
    expect((await failure(random())).message).toMatch(/ECONNRESET|socket hang up/)
  })

  test('hangs until the client gives up, and does not hold up the stop', async () => {
    local.faults.add({ kind: 'hang', operation: 'Decrypt' })
    const decrypt = new DecryptCommand({ CiphertextBlob: Buffer.alloc(1) })
    const call = kmsClient(local, admin).send(decrypt, { abortSignal: AbortSignal.timeout(50) })
    expect((await failure(call)).name).toMatch(/AbortError|TimeoutError/)
    const open = failure(
      kmsClient(local, admin).send(new DecryptCommand({ CiphertextBlob: Buffer.alloc(1) })),
    )
    await expect.poll(() => local.counters.count({ outcome: 'hang' })).toBe(2)
    await local.stop()
    expect((await open).message).toMatch(/ECONNRESET|socket hang up/)
  })

  test('adds latency, several of them their sum', async () => {
    local.faults.add({ kind: 'latency', latencyMs: 20 })
    local.faults.add({ kind: 'latency', latencyMs: 5, service: 'kms' })
    const call = { region: 'r', operation: 'o', accountId: 'a' }
    expect(local.faults.judge({ ...call, service: 'kms' }).latencyMs).toBe(25)
    expect(local.faults.judge({ ...call, service: 'sts' }).latencyMs).toBe(20)
    await random()
    expect(local.faults.list().map((active) => active.hits)).toEqual([3, 2])
  })

  test('hits the first so many calls only', async () => {
    local.faults.add({ kind: 'error', count: 2 })
    await failure(random())
    await failure(random())
    await random()
    expect(local.faults.list()).toMatchObject([{ hits: 2 }])
  })

  test('can be kept to one account', async () => {
    const other = await local.createAccount('444455556666')
    local.faults.add({ kind: 'error', accountId: '444455556666' })
    await random()
    await failure(kmsClient(local, other).send(new GenerateRandomCommand({ NumberOfBytes: 1 })))
  })

  test('throttles above a rate, by the clock', () => {
    let nowMs = 0
    const faults = new Faults(() => nowMs)
    faults.add({ kind: 'throttle', ratePerSecond: 2 })
    const call = { service: 'kms', region: 'r', operation: 'o', accountId: 'a' } as const
    const outcomes = () => Array.from({ length: 4 }, () => faults.judge(call).outcome ?? 'ok')
    expect(outcomes()).toEqual(['ok', 'ok', 'throttle', 'throttle'])
    nowMs += 500
    expect(outcomes()).toEqual(['ok', 'throttle', 'throttle', 'throttle'])
    nowMs += 60_000
    expect(outcomes()).toEqual(['ok', 'ok', 'throttle', 'throttle'])
  })

  test.each([
    { kind: 'explode' },
    { kind: 'latency' },
    { kind: 'latency', latencyMs: -1 },
    { kind: 'throttle', ratePerSecond: -1 },
    { kind: 'error', status: 404 },
    { kind: 'error', probability: 2 },
    { kind: 'error', count: 0 },
  ])('that makes no sense is refused: %j', (fault) => {
    expect(() => local.faults.add(fault as never)).toThrow(RangeError)
  })
})

describe('the control endpoint', () => {
  const control = (path: string, init: RequestInit = {}) =>
    fetch(`${local.endpoint}/_portcullis/${path}`, init)
  const post = (path: string, body: unknown) =>
    control(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })

  test('switches faults on and off', async () => {
    const added = await post('faults', { kind: 'throttle', service: 'kms' })
    expect(added.status).toBe(201)
    const { id } = (await added.json()) as { id: string }
    expect((await failure(random())).name).toBe('ThrottlingException')
    expect(await (await control('faults')).json()).toMatchObject({ faults: [{ id, hits: 1 }] })
    expect((await control(`faults/${id}`, { method: 'DELETE' })).status).toBe(204)
    await random()
    expect((await control('faults/none', { method: 'DELETE' })).status).toBe(404)
    await post('faults', { kind: 'reset' })
    expect((await control('faults', { method: 'DELETE' })).status).toBe(204)
    await random()
  })

  test('refuses nonsense and what a web page could send', async () => {
    expect((await post('faults', { kind: 'explode' })).status).toBe(400)
    expect((await post('faults', 'text')).status).toBe(400)
    expect((await post('unknown', {})).status).toBe(404)
    const simple = await control('faults', { method: 'POST', body: '{"kind":"reset"}' })
    expect(simple.status).toBe(415)
    expect(local.faults.list()).toEqual([])
  })

  test('counts calls by operation, region and outcome', async () => {
    await random()
    await random('eu-west-1')
    local.faults.add({ kind: 'error', count: 1 })
    await failure(random())
    expect(local.counters.count({ operation: 'GenerateRandom' })).toBe(3)
    expect(local.counters.count({ region: 'eu-west-1' })).toBe(1)
    expect(local.counters.count({ outcome: 'KMSInternalException' })).toBe(1)
    const { counters } = (await (await control('counters')).json()) as { counters: unknown[] }
    expect(counters).toHaveLength(3)
    await control('counters', { method: 'DELETE' })
    expect(local.counters.count()).toBe(0)
  })

  test('resets everything', async () => {
    await random()
    await post('faults', { kind: 'latency', latencyMs: 1 })
    expect((await post('reset', {})).status).toBe(204)
    expect(local.faults.list()).toEqual([])
    expect(local.events.list()).toEqual([])
    expect((await failure(random())).name).toBe('UnrecognizedClientException')
  })
})
