import { describe, expect, test } from 'vitest'
import {
  revocationStatement,
  signStatement,
  statementIsGenuine,
} from '../../src/audit/revocation-statement.ts'
import type { RevocationStatement } from '../../src/audit/revocation-statement.ts'
import { newSigningKeyPem, signerFromPem, verifierFromPem } from '../../src/crypto/signature.ts'

const signer = signerFromPem(newSigningKeyPem())
const verifiers = [verifierFromPem(signer.publicKeyPem)]
const suspension = {
  id: 's1',
  reason: 'key-disabled',
  scope: 'organization',
  since: '2026-11-28T10:00:00.000Z',
  endedAt: null,
  region: 'eu-central-1',
  awsError: 'DisabledException',
  awsRequestId: 'r1',
}
const wipedBy = (replica: string, lastAllowedAt: string | null): RevocationStatement['replicas'][number] => ({
  replica,
  confirmed: true,
  wipedAt: '2026-11-28T10:00:00.100Z',
  keysWiped: 2,
  transfersCut: 1,
  lastAllowedAt,
})

function statement(...replicas: RevocationStatement['replicas']): RevocationStatement {
  return signStatement({ organization: 'acme', suspension, replicas }, '2026-11-28T10:01:00.000Z', signer)
}

describe('a statement', () => {
  const whole = statement(wipedBy('a', null), wipedBy('b', '2026-11-28T09:59:59.000Z'))

  test('is genuine after a way through JSON, with members in another order', () => {
    const shuffled = JSON.parse(JSON.stringify(Object.fromEntries(Object.entries(whole).toReversed())))
    expect(statementIsGenuine(revocationStatement.parse(shuffled), verifiers)).toBe(true)
    expect(whole).toMatchObject({ complete: true, lastAllowedAt: '2026-11-28T09:59:59.000Z' })
  })

  test('is not complete while a replica has not confirmed, nor when none is known', () => {
    expect(statement(wipedBy('a', null), { replica: 'b', confirmed: false }).complete).toBe(false)
    expect(statement().complete).toBe(false)
  })

  test.each<[string, Partial<RevocationStatement>]>([
    ['a replica left out', { replicas: whole.replicas.slice(1) }],
    ['another time', { lastAllowedAt: null }],
    ['another organization', { organization: 'globex' }],
    ['completeness', { complete: false }],
    ['another suspension', { suspension: { ...suspension, since: '2026-11-28T10:00:01.000Z' } }],
    ['another signature', { signature: Buffer.alloc(64).toString('base64url') }],
  ])('is refused with %s', (_change, change) => {
    expect(statementIsGenuine({ ...whole, ...change }, verifiers)).toBe(false)
  })

  test('is refused when another key signed it, and with members that nothing covers', () => {
    const stranger = verifierFromPem(signerFromPem(newSigningKeyPem()).publicKeyPem)
    expect(statementIsGenuine(whole, [stranger])).toBe(false)
    expect(revocationStatement.safeParse({ ...whole, note: 'approved' }).success).toBe(false)
  })
})
