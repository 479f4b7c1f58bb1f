import { assert, constantFrom, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parsePolicy, PolicyMalformed } from '../../../src/local/aws/policy/document.ts'
import { evaluateIdentityPolicies, evaluateResourcePolicy } from '../../../src/local/aws/policy/evaluate.ts'
import type { ConditionValues } from '../../../src/local/aws/policy/condition.ts'
import { matchesWildcard } from '../../../src/local/aws/policy/wildcard.ts'
import type { Principal } from '../../../src/local/aws/principal.ts'

const ROLE: Principal = {
  kind: 'assumed-role',
  accountId: '111122223333',
  arn: 'arn:aws:sts::111122223333:assumed-role/gateway/session',
  identityArn: 'arn:aws:iam::111122223333:role/gateway',
  principalId: 'AROAEXAMPLE:session',
  accessKeyId: 'ASIAEXAMPLE',
  userName: undefined,
  roleName: 'gateway',
  session: { startedAt: 0, tags: { tags: {}, transitiveKeys: [] } },
}
const RESOURCE = 'arn:aws:kms:eu-central-1:111122223333:key/1234'
const ALLOW = { Effect: 'Allow', Principal: { AWS: ROLE.identityArn }, Action: 'kms:Decrypt', Resource: '*' }

function judge(statements: readonly object[], values: ConditionValues = {}, action = 'kms:decrypt') {
  const policy = parsePolicy(JSON.stringify({ Version: '2012-10-17', Statement: statements }), 'key')
  return evaluateResourcePolicy(policy, { principal: ROLE, action, resource: RESOURCE, values })
}

function holds(condition: object, values: ConditionValues): boolean {
  return judge([{ ...ALLOW, Condition: condition }], values) === 'allow'
}

describe('a resource policy', () => {
  test('is silent without a matching statement', () => {
    expect(judge([{ ...ALLOW, Action: 'kms:Encrypt' }])).toBe('silent')
    expect(judge([{ ...ALLOW, Principal: { AWS: 'arn:aws:iam::111122223333:role/other' } }])).toBe('silent')
    expect(judge([{ ...ALLOW, Resource: 'arn:aws:kms:eu-west-1:*' }])).toBe('silent')
  })

  test('denies whatever else allows', () => {
    const deny = { ...ALLOW, Effect: 'Deny', Principal: '*' }
    expect(judge([ALLOW, deny])).toBe('deny')
    expect(judge([deny, ALLOW])).toBe('deny')
    expect(judge([ALLOW, { ...deny, Principal: { AWS: 'arn:aws:iam::111122223333:root' } }])).toBe('deny')
  })

  test('names a session, its role, everyone or the account', () => {
    for (const principal of [ROLE.arn, ROLE.identityArn, '*']) {
      expect(judge([{ ...ALLOW, Principal: { AWS: principal } }])).toBe('allow')
    }
    for (const principal of ['111122223333', 'arn:aws:iam::111122223333:root']) {
      expect(judge([{ ...ALLOW, Principal: { AWS: principal } }])).toBe('delegated')
    }
    expect(judge([{ ...ALLOW, Principal: { AWS: '999988887777' } }])).toBe('silent')
    expect(judge([{ ...ALLOW, Principal: { Service: 'kms.amazonaws.com' } }])).toBe('silent')
  })

  test('matches actions by wildcard and without case, and by exclusion', () => {
    for (const Action of ['kms:*', '*', 'KMS:decrypt', 'kms:De*', 'kms:?ecrypt']) {
      expect(judge([{ ...ALLOW, Action }])).toBe('allow')
    }
    const { Action: _action, ...rest } = ALLOW
    expect(judge([{ ...rest, NotAction: 'kms:Encrypt' }])).toBe('allow')
    expect(judge([{ ...rest, NotAction: ['kms:D*'] }])).toBe('silent')
  })

  test('excludes principals', () => {
    const { Principal: _principal, ...rest } = ALLOW
    const deny = { ...rest, Effect: 'Deny', NotPrincipal: { AWS: 'arn:aws:iam::111122223333:role/other' } }
    expect(judge([ALLOW, deny])).toBe('deny')
    expect(judge([ALLOW, { ...deny, NotPrincipal: { AWS: ROLE.identityArn } }])).toBe('allow')
  })
})

describe('a condition', () => {
  const context = { 'kms:encryptioncontext:portcullis:site': 'one', 'kms:encryptioncontextkeys': ['a', 'b'] }

  test('needs its key unless it is negated or says IfExists', () => {
    const key = 'kms:EncryptionContext:portcullis:site'
    expect(holds({ StringEquals: { [key]: 'one' } }, context)).toBe(true)
    expect(holds({ StringEquals: { [key]: ['two', 'one'] } }, context)).toBe(true)
    expect(holds({ StringEquals: { [key]: 'two' } }, context)).toBe(false)
    expect(holds({ StringEquals: { [key]: 'one' } }, {})).toBe(false)
    expect(holds({ StringEqualsIfExists: { [key]: 'one' } }, {})).toBe(true)
    expect(holds({ StringNotEquals: { [key]: 'one' } }, {})).toBe(true)
    expect(holds({ StringNotEquals: { [key]: 'one' } }, context)).toBe(false)
    expect(holds({ StringNotEquals: { [key]: ['one', 'two'] } }, context)).toBe(false)
    expect(holds({ StringLike: { [key]: 'o*' } }, context)).toBe(true)
    expect(holds({ StringNotLike: { [key]: 'o*' } }, context)).toBe(false)
    expect(holds({ StringEqualsIgnoreCase: { [key]: 'ONE' } }, context)).toBe(true)
  })

  test('on many values holds for all or for any', () => {
    const key = 'kms:EncryptionContextKeys'
    expect(holds({ 'ForAllValues:StringEquals': { [key]: ['a', 'b', 'c'] } }, context)).toBe(true)
    expect(holds({ 'ForAllValues:StringEquals': { [key]: ['a'] } }, context)).toBe(false)
    expect(holds({ 'ForAllValues:StringEquals': { [key]: ['a'] } }, {})).toBe(true)
    expect(holds({ 'ForAnyValue:StringEquals': { [key]: ['b'] } }, context)).toBe(true)
    expect(holds({ 'ForAnyValue:StringEquals': { [key]: ['c'] } }, context)).toBe(false)
    expect(holds({ 'ForAnyValue:StringEquals': { [key]: ['b'] } }, {})).toBe(false)
  })

  test('all operators and all keys must hold', () => {
    const both = { StringEquals: { 'a:x': '1', 'a:y': '2' } }
    expect(holds(both, { 'a:x': '1', 'a:y': '2' })).toBe(true)
    expect(holds(both, { 'a:x': '1' })).toBe(false)
  })

  test.each([
    [{ Bool: { 'kms:GrantIsForAWSResource': true } }, { 'kms:grantisforawsresource': 'true' }, true],
    [{ Bool: { 'kms:GrantIsForAWSResource': 'true' } }, { 'kms:grantisforawsresource': 'false' }, false],
    [{ Null: { 'sts:ExternalId': 'true' } }, {}, true],
    [{ Null: { 'sts:ExternalId': true } }, { 'sts:externalid': 'x' }, false],
    [{ Null: { 'sts:ExternalId': 'false' } }, { 'sts:externalid': 'x' }, true],
    [{ NumericLessThanEquals: { 'a:n': 7 } }, { 'a:n': '7' }, true],
    [{ NumericGreaterThan: { 'a:n': '7' } }, { 'a:n': '7' }, false],
    [
      { DateLessThan: { 'aws:CurrentTime': '2030-01-01T00:00:00Z' } },
      { 'aws:currenttime': '2029-12-31T00:00:00Z' },
      true,
    ],
    [
      { ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:role/gate*' } },
      { 'aws:principalarn': ROLE.identityArn },
      true,
    ],
    [
      { ArnEquals: { 'aws:PrincipalArn': 'arn:aws:iam::*' } },
      { 'aws:principalarn': ROLE.identityArn },
      false,
    ],
    [{ IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }, { 'aws:sourceip': '10.1.2.3' }, true],
    [{ NotIpAddress: { 'aws:SourceIp': ['10.0.0.0/8'] } }, { 'aws:sourceip': '10.1.2.3' }, false],
    [{ StringEquals: { 'aws:PrincipalArn': '${aws:PrincipalArn}' } }, { 'aws:principalarn': 'x' }, true],
    [{ StringEquals: { 'a:b': '${a:missing}' } }, { 'a:b': '' }, false],
  ])('%j over %j is %s', (condition, values, expected) => {
    expect(holds(condition, values as ConditionValues)).toBe(expected)
  })
})

describe('a malformed policy is refused', () => {
  const text = (statement: object): string =>
    JSON.stringify({ Version: '2012-10-17', Statement: [statement] })
  test.each([
    ['no JSON', '{'],
    ['an unknown version', JSON.stringify({ Version: '2020-01-01', Statement: [ALLOW] })],
    ['an unknown member', text({ ...ALLOW, Principle: '*' })],
    ['an unknown effect', text({ ...ALLOW, Effect: 'allow' })],
    ['no principal', text({ ...ALLOW, Principal: undefined })],
    ['no action', text({ ...ALLOW, Action: undefined })],
    ['no resource', text({ ...ALLOW, Resource: undefined })],
    ['an action without its service', text({ ...ALLOW, Action: 'Decrypt' })],
    ['both Action and NotAction', text({ ...ALLOW, NotAction: 'kms:Encrypt' })],
    ['an unknown operator', text({ ...ALLOW, Condition: { StringIs: { 'a:b': 'c' } } })],
    ['a bad address range', text({ ...ALLOW, Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/99' } } })],
    ['no statement', JSON.stringify({ Version: '2012-10-17', Statement: [] })],
    ['too many statements', JSON.stringify({ Statement: Array.from({ length: 300 }, () => ALLOW) })],
  ])('%s', (_, policy) => {
    expect(() => parsePolicy(policy, 'key')).toThrow(PolicyMalformed)
  })

  test('a trust policy names no resource, an identity policy no principal', () => {
    expect(() => parsePolicy(text(ALLOW), 'trust')).toThrow('prohibited field Resource')
    expect(() => parsePolicy(text(ALLOW), 'identity')).toThrow('should not specify a principal')
  })
})

describe('identity policies', () => {
  const policy = (Effect: string, Action: string) =>
    parsePolicy(
      JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect, Action, Resource: '*' }] }),
      'identity',
    )
  const request = { principal: ROLE, action: 'kms:decrypt', resource: RESOURCE, values: {} }

  test('deny wins over allow across policies', () => {
    expect(evaluateIdentityPolicies([policy('Allow', '*'), policy('Deny', 'kms:*')], request)).toBe('deny')
    expect(evaluateIdentityPolicies([policy('Allow', 'kms:*')], request)).toBe('allow')
    expect(evaluateIdentityPolicies([policy('Allow', 's3:*')], request)).toBe('silent')
  })
})

describe('wildcards', () => {
  test('match like the regular expression they stand for', () => {
    const character = constantFrom('a', 'b', '*', '?', ':')
    assert(
      property(
        string({ unit: character, maxLength: 12 }),
        string({ unit: constantFrom('a', 'b', ':'), maxLength: 12 }),
        (pattern, text) => {
          const expression = pattern.replaceAll('*', '.*').replaceAll('?', '.')
          expect(matchesWildcard(pattern, text)).toBe(new RegExp(`^${expression}$`).test(text))
        },
      ),
    )
  })

  test('a hostile pattern stays cheap', () => {
    expect(matchesWildcard(`${'*a'.repeat(2000)}b`, 'a'.repeat(4000))).toBe(false)
  })
})
