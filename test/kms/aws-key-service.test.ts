import { createServer } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/keyring/clock.ts'
import { encryptionContextOf } from '../../src/keyring/encryption-context.ts'
import { KeyAccessDenied, KeyServiceDefect, KeyServiceUnavailable } from '../../src/keyring/key-service.ts'
import type { AwsKeyServiceOptions } from '../../src/kms/aws-key-service.ts'
import { AwsKeyService } from '../../src/kms/aws-key-service.ts'
import { Customer, REGIONS } from './customer.ts'
import { RecordingAudit } from './recording-audit.ts'

const PLAINTEXT = Buffer.from(Array.from({ length: 32 }, (_, index) => (index * 37 + 200) & 255))

let customer: Customer
let audit: RecordingAudit
let service: AwsKeyService

const context = encryptionContextOf({
  organization: 'acme',
  site: 'acme-one',
  app: 'jira',
  dataClass: 'issue',
  keyId: '00112233445566778899aabbccddeeff',
})

function newService(options: Partial<AwsKeyServiceOptions> = {}): AwsKeyService {
  return new AwsKeyService({
    clock: systemClock(),
    audit,
    baseCredentials: customer.gatewayCredentials,
    endpoints: customer.endpoints,
    ...options,
  })
}

/** Calls by operation since the last reset. */
function calls(operation: string): number {
  return audit.of('key-service.called').filter((event) => event.operation === operation).length
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (thrown) {
    return thrown
  }
  throw new Error('expected a rejection')
}

beforeEach(async () => {
  audit = new RecordingAudit()
  customer = await Customer.start()
  service = newService()
})

afterEach(async () => {
  service.close()
  await customer.stop()
})

describe('wrapping and unwrapping', () => {
  test('a key wrapped in every region comes back from the first', async () => {
    const copies = await service.wrap(customer.authority, PLAINTEXT, context)
    expect(copies.map((copy) => copy.region)).toEqual(REGIONS)
    const { plaintext, region } = await service.unwrap(customer.authority, copies, context)
    expect(Buffer.from(plaintext)).toEqual(PLAINTEXT)
    expect(region).toBe(REGIONS[0])
    expect(calls('AssumeRole')).toBe(1)
  })
  test('each regional copy unwraps by itself', async () => {
    const copies = await service.wrap(customer.authority, PLAINTEXT, context)
    for (const copy of copies) {
      const { plaintext, region } = await service.unwrap(customer.authority, [copy], context)
      expect(Buffer.from(plaintext)).toEqual(PLAINTEXT)
      expect(region).toBe(copy.region)
    }
  })
  test('another encryption context does not unwrap, and suspends nobody', async () => {
    const copies = await service.wrap(customer.authority, PLAINTEXT, context)
    const other = { ...context, 'portcullis:site': 'globex-one' }
    const error = await rejection(service.unwrap(customer.authority, copies, other))
    expect(error).toBeInstanceOf(KeyServiceDefect)
    expect(error).toMatchObject({ awsError: 'InvalidCiphertextException' })
  })

  test('every call says in CloudTrail and in our audit trail what it was for', async () => {
    const copies = await service.wrap(customer.authority, PLAINTEXT, context)
    await service.unwrap(customer.authority, copies, context)
    const events = audit.of('key-service.called')
    expect(events.map(({ operation, outcome }) => `${operation} ${outcome}`).toSorted()).toEqual([
      'AssumeRole succeeded',
      'Decrypt succeeded',
      'Encrypt succeeded',
      'Encrypt succeeded',
    ])
    for (const event of events) {
      expect(event.awsRequestId).toBeDefined()
      const [trail] = customer.local.events.list({ requestId: event.awsRequestId! })
      expect(trail?.eventName).toBe(event.operation)
      if (event.operation !== 'AssumeRole') {
        expect(event.encryptionContext).toEqual(context)
        expect(trail?.requestParameters?.['encryptionContext']).toEqual(context)
      }
    }
  })

  test('calls for two authorities at once are each signed by their own role', async () => {
    const authorities = [customer.authority, customer.vendorAuthority]
    const wrapped = await Promise.all(
      authorities.map((authority) => service.wrap(authority, PLAINTEXT, context)),
    )
    const rounds = Array.from({ length: 20 }, (_, index) => index % 2)
    const unwrapped = await Promise.all(
      rounds.map((index) => service.unwrap(authorities[index]!, wrapped[index]!, context)),
    )
    for (const { plaintext } of unwrapped) expect(Buffer.from(plaintext)).toEqual(PLAINTEXT)
    expect(calls('AssumeRole')).toBe(2)
  })

  test('wrapping is all or nothing: one region that denies fails it', async () => {
    await customer.disableKey(REGIONS[1])
    const error = await rejection(service.wrap(customer.authority, PLAINTEXT, context))
    expect(error).toMatchObject({ name: 'KeyAccessDenied', reason: 'key-disabled', region: REGIONS[1] })
  })

  test('a denial of the first region is final: the second is not asked', async () => {
    const copies = await service.wrap(customer.authority, PLAINTEXT, context)
    await customer.disableKey(REGIONS[0])
    const error = await rejection(service.unwrap(customer.authority, copies, context))
    expect(error).toMatchObject({
      name: 'KeyAccessDenied',
      region: REGIONS[0],
      awsError: 'DisabledException',
    })
    expect(calls('Decrypt')).toBe(1)
  })
})

describe('verification', () => {
  test('assumes the role afresh every time', async () => {
    const copies = await service.wrap(customer.authority, PLAINTEXT, context)
    await service.verify(customer.authority, copies, context)
    await service.verify(customer.authority, copies, context)
    expect(calls('AssumeRole')).toBe(3)
    expect(calls('Decrypt')).toBe(4)
  })

  test('learns of a trust policy that denies, although earlier credentials still decrypt', async () => {
    const copies = await service.wrap(customer.authority, PLAINTEXT, context)
    await customer.denyRole(true)
    await service.unwrap(customer.authority, copies, context)
    const error = await rejection(service.verify(customer.authority, copies, context))
    expect(error).toMatchObject({
      name: 'KeyAccessDenied',
      reason: 'access-denied',
      awsError: 'AccessDenied',
    })
  })

  test('is denied by the second region at once while the first does not answer', async () => {
    const copies = await service.wrap(customer.authority, PLAINTEXT, context)
    await customer.disableKey(REGIONS[1])
    customer.local.faults.add({ kind: 'hang', service: 'kms', region: REGIONS[0]! })
    const error = await rejection(service.verify(customer.authority, copies, context))
    expect(error).toMatchObject({ name: 'KeyAccessDenied', region: REGIONS[1] })
    const hanging = audit.of('key-service.called').filter(({ region }) => region === REGIONS[0])
    expect(hanging.filter(({ operation }) => operation === 'Decrypt')).toEqual([])
  })

  test('succeeds while one region gives no verdict', async () => {
    const copies = await service.wrap(customer.authority, PLAINTEXT, context)
    customer.local.faults.add({ kind: 'error', service: 'kms', region: REGIONS[0]! })
    await expect(service.verify(customer.authority, copies, context)).resolves.toBeUndefined()
  })

  test('asks STS of the other region when the first fails', async () => {
    const copies = await service.wrap(customer.authority, PLAINTEXT, context)
    customer.local.faults.add({ kind: 'error', status: 503, service: 'sts', region: REGIONS[0]! })
    await expect(service.verify(customer.authority, copies, context)).resolves.toBeUndefined()
  })

  test('during an outage of STS heeds a denial that earlier credentials meet', async () => {
    const copies = await service.wrap(customer.authority, PLAINTEXT, context)
    customer.local.faults.add({ kind: 'error', service: 'sts' })
    expect(await rejection(service.verify(customer.authority, copies, context))).toBeInstanceOf(
      KeyServiceUnavailable,
    )
    await customer.disableKey(REGIONS[1])
    expect(await rejection(service.verify(customer.authority, copies, context))).toBeInstanceOf(
      KeyAccessDenied,
    )
  })
})

describe('without a verdict', () => {
  test('unwrapping goes on to the second region', async () => {
    const copies = await service.wrap(customer.authority, PLAINTEXT, context)
    customer.local.faults.add({ kind: 'throttle', service: 'kms', region: REGIONS[0]! })
    const { plaintext, region } = await service.unwrap(customer.authority, copies, context)
    expect(Buffer.from(plaintext)).toEqual(PLAINTEXT)
    expect(region).toBe(REGIONS[1])
    await service.unwrap(customer.authority, copies, context)
    const first = audit
      .of('key-service.called')
      .filter(({ operation, region: asked }) => operation === 'Decrypt' && asked === REGIONS[0])
    expect(first).toHaveLength(1)
  })

  test.each(['throttle', 'error', 'reset', 'hang'] as const)('%s everywhere is unavailable', async (kind) => {
    const copies = await service.wrap(customer.authority, PLAINTEXT, context)
    customer.local.faults.add({ kind })
    const quick = newService({ attemptTimeoutMs: 100, requestTimeoutMs: 500, verifyTimeoutMs: 300 })
    for (const attempt of [
      () => quick.unwrap(customer.authority, copies, context),
      () => quick.wrap(customer.authority, PLAINTEXT, context),
      () => quick.verify(customer.authority, copies, context),
    ]) {
      expect(await rejection(attempt())).toBeInstanceOf(KeyServiceUnavailable)
    }
    quick.close()
  })

  test('retries stop when the budget of the authority is spent', async () => {
    const copies = await service.wrap(customer.authority, PLAINTEXT, context)
    const frugal = newService({ retryTokensMax: 2, retryRefillIntervalMs: 3_600_000 })
    await frugal.unwrap(customer.authority, copies, context)
    customer.local.faults.add({ kind: 'throttle', service: 'kms' })
    const before = calls('Decrypt')
    for (let index = 0; index < 10; index += 1) {
      await rejection(frugal.unwrap(customer.authority, copies, context))
    }
    // Each call asks both regions once; two rounds more came from the budget.
    expect(calls('Decrypt') - before).toBe(2 * (10 + 2))
    frugal.close()
  })

  test('a transient failure is retried within the budget', async () => {
    const copies = await service.wrap(customer.authority, PLAINTEXT, context)
    customer.local.faults.add({ kind: 'error', service: 'kms', count: 2 })
    const { plaintext } = await service.unwrap(customer.authority, copies, context)
    expect(Buffer.from(plaintext)).toEqual(PLAINTEXT)
  })

  test('an address where nobody listens is unavailable', async () => {
    const copies = await service.wrap(customer.authority, PLAINTEXT, context)
    const nowhere = newService({
      endpoints: { kms: () => 'http://127.0.0.1:1', sts: customer.endpoints.sts },
    })
    expect(await rejection(nowhere.unwrap(customer.authority, copies, context))).toBeInstanceOf(
      KeyServiceUnavailable,
    )
    nowhere.close()
  })

  test('a service that answers garbage suspends nobody', async () => {
    const server = createServer((_request, response) => response.end('<html>welcome to the hotel</html>'))
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    const { port } = server.address() as { port: number }
    const copies = await service.wrap(customer.authority, PLAINTEXT, context)
    const portal = newService({
      endpoints: { kms: () => `http://127.0.0.1:${port}`, sts: customer.endpoints.sts },
    })
    const error = await rejection(portal.unwrap(customer.authority, copies, context))
    expect(error).not.toBeInstanceOf(KeyAccessDenied)
    portal.close()
    await new Promise((resolve) => server.close(resolve))
  })
})

describe('credentials', () => {
  test('that cannot be had are unavailable, whatever their provider says', async () => {
    const denial = Object.assign(new Error('not authorized'), {
      name: 'AccessDenied',
      $metadata: { httpStatusCode: 403 },
    })
    const poor = newService({ baseCredentials: () => Promise.reject(denial) })
    expect(await rejection(poor.wrap(customer.authority, PLAINTEXT, context))).toBeInstanceOf(
      KeyServiceUnavailable,
    )
    poor.close()
  })

  test.each([
    ['unknown', { accessKeyId: 'AKIAAAAAAAAAAAAAAAAA', secretAccessKey: 'unknown' }],
    ['with a wrong secret', undefined],
  ])('of our own that are %s are unavailable', async (_what, credentials) => {
    const { accessKeyId } = customer.gatewayCredentials
    const wrong = newService({ baseCredentials: credentials ?? { accessKeyId, secretAccessKey: 'wrong' } })
    expect(await rejection(wrong.wrap(customer.authority, PLAINTEXT, context))).toBeInstanceOf(
      KeyServiceUnavailable,
    )
    wrong.close()
  })

  test('of a session that AWS no longer accepts are replaced at once', async () => {
    await customer.stop()
    let nowMs = Date.now()
    customer = await Customer.start({ clock: () => nowMs })
    const own = newService()
    const copies = await own.wrap(customer.authority, PLAINTEXT, context)
    nowMs += 3_600_000
    const { plaintext } = await own.unwrap(customer.authority, copies, context)
    expect(Buffer.from(plaintext)).toEqual(PLAINTEXT)
    own.close()
  })

  test('are assumed anew after they were forgotten', async () => {
    const copies = await service.wrap(customer.authority, PLAINTEXT, context)
    await customer.denyRole(true)
    service.forget(customer.authority.id)
    expect(await rejection(service.unwrap(customer.authority, copies, context))).toMatchObject({
      reason: 'access-denied',
    })
  })

  test.each([-3_600_000, 3_600_000])('signed with a clock %i ms off suspend nobody', async (offMs) => {
    const copies = await service.wrap(customer.authority, PLAINTEXT, context)
    await customer.stop()
    customer = await Customer.start({ signingClock: () => Date.now() + offMs })
    const own = newService({ retryTokensMax: 0 })
    for (const attempt of [
      () => own.wrap(customer.authority, PLAINTEXT, context),
      () => own.verify(customer.authority, copies, context),
    ]) {
      expect(await rejection(attempt())).toBeInstanceOf(KeyServiceUnavailable)
      expect(audit.of('key-service.called').at(-1)?.awsError).toBe('SignatureDoesNotMatch')
    }
    own.close()
  })
})
