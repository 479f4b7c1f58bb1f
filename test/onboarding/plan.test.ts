import { describe, expect, it } from 'vitest'
import { LOCATIONS } from '../../src/config/locations.ts'
import { explainPlan } from '../../src/onboarding/explain.ts'
import { planOnboarding, PlanRefused } from '../../src/onboarding/plan.ts'
import type { OnboardingRequest } from '../../src/onboarding/plan.ts'

const REQUEST: OnboardingRequest = {
  organization: 'acme',
  accountId: '111122223333',
  location: 'europe',
  gatewayPrincipalArn: 'arn:aws:iam::444455556666:role/portcullis/gateway',
  externalId: 'acme-5f1c7d0e9b3a4286',
  notificationEndpoint: 'https://gateway.example/notifications',
}

function problemsOf(change: Partial<OnboardingRequest>): string[] {
  try {
    planOnboarding({ ...REQUEST, ...change })
    return []
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(PlanRefused)
    return (thrown as PlanRefused).problems.map(({ member }) => member)
  }
}

describe('onboarding plan', () => {
  it.each(LOCATIONS.map(({ id, regions }) => [id, regions] as const))(
    'takes the regions of location %s',
    (location, regions) => {
      const plan = planOnboarding({ ...REQUEST, location })
      expect(plan.regions).toEqual(regions)
      expect([plan.primaryRegion, ...plan.replicaRegions]).toEqual(regions)
    },
  )

  it('names the role after the organization, within the limit of IAM', () => {
    expect(planOnboarding(REQUEST).roleArn).toBe('arn:aws:iam::111122223333:role/portcullis-acme')
    expect(planOnboarding({ ...REQUEST, organization: 'o'.repeat(63) }).roleName).toHaveLength(64)
  })

  it.each([
    ['an 11-digit account id', { accountId: '11112222333' }, 'accountId'],
    ['a 13-digit account id', { accountId: '1111222233334' }, 'accountId'],
    ['an account id with letters', { accountId: '11112222333a' }, 'accountId'],
    ['an account id with spaces', { accountId: '1111 2222 3333' }, 'accountId'],
    ['an unknown location', { location: 'mars' }, 'location'],
    [
      'the root of an account as gateway',
      { gatewayPrincipalArn: 'arn:aws:iam::444455556666:root' },
      'gatewayPrincipalArn',
    ],
    ['everybody as gateway', { gatewayPrincipalArn: '*' }, 'gatewayPrincipalArn'],
    [
      'a wildcard in the gateway',
      { gatewayPrincipalArn: 'arn:aws:iam::444455556666:role/*' },
      'gatewayPrincipalArn',
    ],
    ['a short ExternalId', { externalId: 'x' }, 'externalId'],
    ['an ExternalId with a quote', { externalId: 'a"b' }, 'externalId'],
    ['an organization that could break out of a template', { organization: 'a"\n}' }, 'organization'],
    ['an endpoint without TLS', { notificationEndpoint: 'http://gateway.example/' }, 'notificationEndpoint'],
    [
      'an endpoint with credentials',
      { notificationEndpoint: 'https://a:b@gateway.example/' },
      'notificationEndpoint',
    ],
    [
      'an endpoint with spaces',
      { notificationEndpoint: 'https://gateway.example/a b' },
      'notificationEndpoint',
    ],
  ] as const)('refuses %s', (_, change, member) => {
    expect(problemsOf(change)).toEqual([member])
  })

  it('names everything that is wrong at once', () => {
    expect(problemsOf({ accountId: '1', location: 'mars', externalId: '' })).toEqual([
      'accountId',
      'location',
      'externalId',
    ])
  })
})

describe('explanation of a plan', () => {
  it('says what is made where, and what each statement is for', () => {
    const explanation = explainPlan(planOnboarding(REQUEST))
    expect(explanation.resources.map(({ region }) => region)).toEqual([
      undefined,
      'eu-central-1',
      'eu-west-1',
      'eu-central-1',
      'eu-west-1',
      'us-east-1',
    ])
    expect(explanation.permissions.map(({ sid }) => sid)).toEqual([
      'GatewayAssumesRole',
      'GatewayUsesKeys',
      'GatewayDescribesKeys',
      'AccountAdministration',
      'GatewayUse',
      'GatewayDescribe',
    ])
    expect(explanation.permissions.every(({ why, revoke }) => why !== '' && revoke !== '')).toBe(true)
  })

  it('promises no notification where there is none', () => {
    const { resources, notes } = explainPlan(planOnboarding({ ...REQUEST, notificationEndpoint: undefined }))
    expect(resources.some(({ what }) => what.includes('EventBridge'))).toBe(false)
    expect(notes.join(' ')).toContain('Without notifications')
  })
})
