import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startLocalAws, type LocalAws } from '../../../src/local/aws/local-aws.ts'
import type { Credentials } from './clients.ts'
import { kmsAnswer, sendSigned } from './wire.ts'

let local: LocalAws
let admin: Credentials

beforeAll(async () => {
  local = await startLocalAws()
  admin = await local.createAccount('111122223333')
})

afterAll(() => local.stop())

const ask = (operation: string, members: Record<string, unknown>) =>
  kmsAnswer(local.endpoint, admin, 'eu-central-1', operation, members)

async function errorOf(operation: string, members: Record<string, unknown>): Promise<string> {
  const { Error: error } = (await ask(operation, members)) as { Error?: { Code: string; Message: string } }
  return error === undefined ? 'ok' : `${error.Code}: ${error.Message}`
}

describe('input beyond its limit is refused in AWS’s words', () => {
  test.each<[string, string, Record<string, unknown>, string]>([
    ['an unknown operation', 'Explode', {}, 'UnknownOperationException'],
    [
      'a missing member',
      'DescribeKey',
      {},
      "Value null at 'keyId' failed to satisfy constraint: Member must not be null",
    ],
    [
      'a number for a text',
      'DescribeKey',
      { KeyId: 7 },
      'SerializationException: NUMBER_VALUE cannot be converted',
    ],
    ['a text for a flag', 'CreateKey', { MultiRegion: 'true' }, 'SerializationException'],
    ['a text for a number', 'GenerateRandom', { NumberOfBytes: '12' }, 'SerializationException'],
    ['a fraction', 'GenerateRandom', { NumberOfBytes: 1.5 }, 'SerializationException'],
    ['bytes that are not base64', 'Decrypt', { CiphertextBlob: '%%%' }, 'SerializationException'],
    [
      'a text for a map',
      'Decrypt',
      { CiphertextBlob: 'AA==', EncryptionContext: 'x' },
      'SerializationException',
    ],
    [
      'a number in a map',
      'Decrypt',
      { CiphertextBlob: 'AA==', EncryptionContext: { a: 1 } },
      'SerializationException',
    ],
    ['an empty plaintext', 'Encrypt', { KeyId: 'a', Plaintext: '' }, 'length greater than or equal to 1'],
    [
      'a ciphertext of 6,145 bytes',
      'Decrypt',
      { CiphertextBlob: Buffer.alloc(6145) },
      'less than or equal to 6144',
    ],
    [
      'a ciphertext that is none',
      'Decrypt',
      { CiphertextBlob: Buffer.alloc(6144) },
      'InvalidCiphertextException',
    ],
    [
      'a context of 9,000 bytes',
      'Encrypt',
      { KeyId: 'a', Plaintext: 'AA==', EncryptionContext: { a: 'b'.repeat(9000) } },
      'EncryptionContext is larger',
    ],
    [
      'a policy of 32,769 characters',
      'CreateKey',
      { Policy: 'x'.repeat(32_769) },
      'less than or equal to 32768',
    ],
    [
      'a description of 8,193 characters',
      'CreateKey',
      { Description: 'x'.repeat(8193) },
      'less than or equal to 8192',
    ],
    [
      'a deletion window of 6 days',
      'ScheduleKeyDeletion',
      { KeyId: 'a', PendingWindowInDays: 6 },
      'greater than or equal to 7',
    ],
    [
      'a rotation period of 89 days',
      'EnableKeyRotation',
      { KeyId: 'a', RotationPeriodInDays: 89 },
      'greater than or equal to 90',
    ],
    ['a page of 1,001 keys', 'ListKeys', { Limit: 1001 }, 'less than or equal to 1000'],
    ['a marker that is none', 'ListKeys', { Marker: 'zzz' }, 'InvalidMarkerException'],
    [
      'both KeySpec and NumberOfBytes',
      'GenerateDataKey',
      { KeyId: 'a', KeySpec: 'AES_256', NumberOfBytes: 32 },
      'either number of bytes or key spec',
    ],
    [
      'an enclave recipient',
      'GenerateRandom',
      { NumberOfBytes: 1, Recipient: {} },
      'UnsupportedOperationException',
    ],
    [
      'an ARN of another service',
      'DescribeKey',
      { KeyId: 'arn:aws:s3:::bucket' },
      'NotFoundException: Invalid arn',
    ],
    ['a key id like a prototype member', 'DescribeKey', { KeyId: '__proto__' }, "Invalid keyId '__proto__'"],
  ])('%s', async (_, operation, members, expected) => {
    expect(await errorOf(operation, members)).toContain(expected)
  })

  test('a body that is not JSON, or no object', async () => {
    for (const body of ['{', '[]', '"text"', 'null']) {
      const response = await sendSigned({
        endpoint: local.endpoint,
        service: 'kms',
        region: 'eu-central-1',
        credentials: admin,
        headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'TrentService.ListKeys' },
        body,
      })
      expect(await response.json()).toEqual({ __type: 'SerializationException' })
    }
  })

  test('a body of more than 256 KiB, announced or not', async () => {
    const big = 'x'.repeat(256 * 1024 + 1)
    const sized = await fetch(local.endpoint, { method: 'POST', body: big })
    expect(sized.status).toBe(413)
    const chunked = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from(big))
        controller.close()
      },
    })
    const streamed = await fetch(local.endpoint, {
      method: 'POST',
      body: chunked,
      duplex: 'half',
    })
    expect(streamed.status).toBe(413)
    expect(await errorOf('ListKeys', {})).toBe('ok')
  })

  test('a header section of more than 32 KiB', async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const outgoing = request(
        local.endpoint,
        { method: 'POST', headers: { 'x-long': 'x'.repeat(40_000) } },
        (answer) => {
          answer.resume()
          resolve(answer.statusCode)
        },
      )
      outgoing.on('error', reject)
      outgoing.end()
    })
    expect(status).toBe(431)
  })

  test('a query operation that does not exist, or of no version', async () => {
    const query = async (body: string) => {
      const response = await sendSigned({
        endpoint: local.endpoint,
        service: 'sts',
        region: 'eu-central-1',
        credentials: admin,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body,
      })
      return response.text()
    }
    expect(await query('Action=Explode&Version=2011-06-15')).toContain('<Code>InvalidAction</Code>')
    expect(await query('Action=GetCallerIdentity')).toContain('NO_VERSION_SPECIFIED')
    expect(await query('')).toContain('<Code>MissingAction</Code>')
  })

  test('every answer carries its request id', async () => {
    const response = await fetch(local.endpoint, { method: 'POST' })
    expect(response.headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('lists come in pages', async () => {
    for (let count = 0; count < 5; count++) await ask('CreateKey', {})
    const seen: unknown[] = []
    let Marker: unknown
    do {
      const answer = await ask('ListKeys', { Limit: 2, ...(Marker !== undefined && { Marker }) })
      seen.push(...(answer['Keys'] as unknown[]))
      Marker = answer['NextMarker']
    } while (Marker !== undefined)
    expect(seen).toHaveLength(5)
  })
})
