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
  test('verification succeeds', async () => {
    const copies = await service.wrap(customer.authority, PLAINTEXT, context)
    await service.verify(customer.authority, copies, context)
    expect(calls('AssumeRole')).toBe(2)
  })
  test('denied after trust deny', async () => {
    const copies = await service.wrap(customer.authority, PLAINTEXT, context)
    await customer.denyRole(true)
    await service.unwrap(customer.authority, copies, context)
    const error = await rejection(service.verify(customer.authority, copies, context))
    expect(error).toBeInstanceOf(KeyAccessDenied)
    expect(error).toMatchObject({ reason: 'access-denied', awsError: 'AccessDenied' })
    expect(KeyServiceUnavailable).toBeDefined()
  })
})
