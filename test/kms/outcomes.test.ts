import * as kms from '@aws-sdk/client-kms'
import * as sts from '@aws-sdk/client-sts'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { classify } from '../../src/kms/classify.ts'
import type { AwsService, OutcomeRow } from '../../src/kms/outcomes.ts'
import { OUTCOME_TABLE } from '../../src/kms/outcomes.ts'

/** An error as the SDK throws it for an answer of the service. */
function answer(name: string, message = '', httpStatusCode = 400): object {
  return { name, message, $metadata: { httpStatusCode, requestId: 'request-1' } }
}

/** A short name of an outcome: the reason of a denial, or its kind. */
function outcomeOf(service: AwsService, thrown: unknown): string {
  const { outcome } = classify(service, thrown)
  return outcome.kind === 'denied' ? outcome.reason : outcome.kind
}

/** A message that a row's pattern matches. */
const MESSAGES: Record<string, string> = {
  'key-pending-deletion': 'arn:aws:kms:eu-central-1:111122223333:key/1 is pending deletion.',
  'key-disabled': 'arn:aws:kms:eu-central-1:111122223333:key/1 is pending import.',
  unavailable: 'arn:aws:kms:eu-central-1:111122223333:key/1 is unavailable.',
}

function sample(row: OutcomeRow): string {
  if (row.message === undefined) return ''
  const name = row.outcome.kind === 'denied' ? row.outcome.reason : row.outcome.kind
  const candidates = [MESSAGES[name] ?? '', 'arn is disabled.', 'Signature expired: now is later']
  const found = candidates.find((candidate) => row.message!.test(candidate))
  expect(found, `a message for ${row.error} ${String(row.message)}`).toBeDefined()
  return found!
}

describe('the outcome table', () => {
  test.each(OUTCOME_TABLE)('classifies $error ($service, $message) by its row', (row) => {
    const services: AwsService[] = row.service === 'any' ? ['kms', 'sts'] : [row.service]
    for (const service of services) {
      const classified = classify(service, answer(row.error, sample(row)))
      expect(classified).toEqual({ outcome: row.outcome, awsError: row.error, awsRequestId: 'request-1' })
    }
  })

  test('has a row for every exception that the KMS and STS clients know', () => {
    const missing: string[] = []
    for (const [service, client] of Object.entries({ kms, sts })) {
      const names = Object.keys(client).filter(
        (name) => /(Exception|Error)$/.test(name) && !name.endsWith('ServiceException'),
      )
      expect(names.length).toBeGreaterThan(8)
      for (const name of names) {
        const row = OUTCOME_TABLE.find(
          (candidate) =>
            candidate.error === name && (candidate.service === 'any' || candidate.service === service),
        )
        if (row === undefined) missing.push(`${service} ${name}`)
      }
    }
    expect(missing).toEqual([])
  })

  test('has no two rows that mean the same error', () => {
    const names = OUTCOME_TABLE.map(({ error, service, message }) => `${error} ${service} ${String(message)}`)
    expect(new Set(names).size).toBe(names.length)
  })
})

describe('a verdict', () => {
  test.each([
    ['kms', 'AccessDeniedException', 'User: x is not authorized to perform: kms:Decrypt', 'access-denied'],
    ['sts', 'AccessDenied', 'User: x is not authorized to perform: sts:AssumeRole', 'access-denied'],
    ['kms', 'DisabledException', 'arn is disabled.', 'key-disabled'],
    ['kms', 'KMSInvalidStateException', 'arn is pending deletion.', 'key-pending-deletion'],
    ['kms', 'KMSInvalidStateException', 'arn is pending replica deletion.', 'key-pending-deletion'],
    ['kms', 'KMSInvalidStateException', 'arn is pending import.', 'key-disabled'],
    ['kms', 'NotFoundException', "Key 'arn' does not exist", 'key-not-found'],
  ] as const)('of %s: %s %s', (service, name, message, reason) => {
    expect(outcomeOf(service, answer(name, message))).toBe(reason)
  })
})

describe('no suspension comes from', () => {
  test.each([
    ['throttling', 'kms', answer('ThrottlingException', 'Rate exceeded')],
    ['throttling by STS', 'sts', answer('Throttling', 'Rate exceeded')],
    ['an internal error', 'kms', answer('KMSInternalException', '', 500)],
    [
      'a skewed clock at KMS',
      'kms',
      answer('InvalidSignatureException', 'Signature expired: 2026 is now earlier'),
    ],
    [
      'a skewed clock dressed as a denial',
      'kms',
      answer('AccessDeniedException', 'Signature not yet current'),
    ],
    ['a skewed clock at STS', 'sts', answer('SignatureDoesNotMatch', 'Signature expired')],
    ['our own expired credentials', 'sts', answer('ExpiredToken', 'The security token is expired', 403)],
    [
      'our own unknown credentials',
      'sts',
      answer('InvalidClientTokenId', 'The security token is invalid', 403),
    ],
    ['an expired session', 'kms', answer('ExpiredTokenException', 'expired')],
    ['a key that is being created', 'kms', answer('KMSInvalidStateException', 'arn is creating.')],
    ['a key that is being updated', 'kms', answer('KMSInvalidStateException', 'arn is updating.')],
    ['a key store out of reach', 'kms', answer('KMSInvalidStateException', 'arn is unavailable.')],
    ['a region that is switched off', 'sts', answer('RegionDisabledException', 'STS is not activated')],
    ['an account without the region', 'kms', answer('OptInRequired', '', 403)],
    [
      'a refused connection',
      'kms',
      Object.assign(new Error(), { name: 'TimeoutError', code: 'ECONNREFUSED' }),
    ],
    ['a name that does not resolve', 'kms', Object.assign(new Error(), { code: 'ENOTFOUND' })],
    ['a resolver out of reach', 'sts', Object.assign(new Error(), { code: 'EAI_AGAIN' })],
    ['our own timeout', 'kms', Object.assign(new Error('Request aborted'), { name: 'AbortError' })],
    ['a certificate that is over', 'kms', Object.assign(new Error(), { code: 'CERT_HAS_EXPIRED' })],
    ['an unknown error with status 503', 'kms', answer('BrandNewException', '', 503)],
    ['an unknown error with status 429', 'sts', answer('BrandNewException', '', 429)],
  ] as const)('%s: it is unavailable', (_cause, service, thrown) => {
    expect(outcomeOf(service, thrown)).toBe('unavailable')
  })
})

describe('a defect is', () => {
  test.each([
    ['an unknown error with status 400', answer('BrandNewException')],
    ['an unknown state of the key', answer('KMSInvalidStateException', 'arn is in a state nobody knows')],
    ['ciphertext that does not belong', answer('InvalidCiphertextException')],
    ['a key that cannot decrypt', answer('InvalidKeyUsageException')],
    ['the wrong key', answer('IncorrectKeyException')],
    ['a TypeError', new TypeError('x is undefined')],
    ['something thrown that is no error', 'a string'],
    ['nothing', undefined],
  ])('%s', (_cause, thrown) => {
    expect(outcomeOf('kms', thrown)).toBe('defect')
  })
})

const recordings = resolve(import.meta.dirname, '../../../shared/data/aws-recorded')
const recorded = existsSync(recordings)

describe.skipIf(!recorded)('recorded answers of the real AWS (skipped where ../shared is absent)', () => {
  interface Recorded {
    readonly service: AwsService
    readonly name: string
    readonly code: string
    readonly message: string
  }

  function collect(service: AwsService): Recorded[] {
    const found: Recorded[] = []
    const visit = (value: unknown, name: string): void => {
      if (typeof value !== 'object' || value === null) return
      const { Error: error } = value as { Error?: { Code?: string; Message?: string } }
      if (typeof error?.Code === 'string') {
        found.push({ service, name, code: error.Code, message: error.Message ?? '' })
      }
      for (const [key, member] of Object.entries(value)) visit(member, key)
    }
    visit(JSON.parse(readFileSync(resolve(recordings, `${service}.snapshot.json`), 'utf8')), '')
    return found
  }

  const all = recorded ? [...collect('kms'), ...collect('sts')] : []

  test('are all of a name that the table has', () => {
    expect(all.length).toBeGreaterThan(50)
    const unknown = all.filter(({ code }) => !OUTCOME_TABLE.some(({ error }) => error === code))
    expect([...new Set(unknown.map(({ code }) => code))]).toEqual([])
  })

  test('mean what they say', () => {
    const expected: Record<string, string> = {
      DisabledException: 'key-disabled',
      NotFoundException: 'key-not-found',
      InvalidCiphertextException: 'defect',
      IncorrectKeyException: 'defect',
      InvalidKeyUsageException: 'defect',
      ValidationException: 'defect',
      ValidationError: 'defect',
      DryRunOperationException: 'defect',
    }
    for (const { service, code, message } of all) {
      const outcome = outcomeOf(service, answer(code, message))
      if (expected[code] !== undefined) expect(outcome, `${code} ${message}`).toBe(expected[code])
    }
    const imports = all.filter(({ message }) => message.endsWith('is pending import.'))
    expect(imports.length).toBeGreaterThan(0)
    for (const { service, code, message } of imports) {
      expect(outcomeOf(service, answer(code, message))).toBe('key-disabled')
    }
  })
})
