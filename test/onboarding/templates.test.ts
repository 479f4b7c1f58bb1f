import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { LOCATIONS } from '../../src/config/locations.ts'
import { encryptionContextOf } from '../../src/keyring/encryption-context.ts'
import { cloudFormation } from '../../src/onboarding/cloudformation.ts'
import { planOnboarding } from '../../src/onboarding/plan.ts'
import type { OnboardingPlan } from '../../src/onboarding/plan.ts'
import { terraform } from '../../src/onboarding/terraform.ts'

function planFor(
  location: string,
  change: { organization?: string; notificationEndpoint?: undefined } = {},
): OnboardingPlan {
  return planOnboarding({
    organization: 'acme',
    accountId: '111122223333',
    location,
    gatewayPrincipalArn: 'arn:aws:iam::444455556666:user/gateway',
    externalId: 'acme-5f1c7d0e9b3a4286',
    notificationEndpoint: 'https://gateway.example/notifications',
    ...change,
  })
}

const tags = ['Ref', 'Sub', 'GetAtt'].map((name) => ({
  tag: `!${name}`,
  resolve: (argument: string) => ({ [name]: argument }),
}))

interface Statement {
  readonly Sid: string
  readonly Action: unknown
  readonly Resource: unknown
  readonly Condition: Record<string, Record<string, unknown>>
}

interface Resource {
  readonly Properties: {
    readonly KeyPolicy?: { readonly Statement: readonly Statement[] }
    readonly EventPattern?: {
      readonly detail: {
        readonly eventName: string[]
        readonly resources?: unknown
        readonly requestParameters?: unknown
      }
    }
  }
}

interface Template {
  readonly Parameters: Record<string, { readonly Default?: string; readonly NoEcho?: boolean }>
  readonly Resources: Record<string, Resource>
}

function parsed(text: string): Template {
  return parse(text, { version: '1.1', customTags: tags }) as Template
}

/** Every text in a value. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}

describe('CloudFormation', () => {
  it('has one stack for each region, and one for IAM events where no region is theirs', () => {
    const regions = (location: string): (string | undefined)[] =>
      cloudFormation(planFor(location)).map(({ region }) => region)
    expect(regions('europe')).toEqual(['eu-central-1', 'eu-west-1', 'us-east-1'])
    expect(regions('usa')).toEqual(['us-east-1', 'us-west-2'])
    expect(regions('japan')).toEqual(['ap-northeast-1', 'us-east-1'])
    expect(cloudFormation(planFor('japan', { notificationEndpoint: undefined }))).toHaveLength(1)
  })

  it('has no wildcard but the resource of a key policy', () => {
    for (const { text } of LOCATIONS.flatMap(({ id }) => cloudFormation(planFor(id)))) {
      for (const resource of Object.values(parsed(text).Resources)) {
        const { KeyPolicy, ...others } = resource.Properties
        expect(textsIn(others).filter((one) => one.includes('*'))).toEqual([])
        for (const statement of KeyPolicy?.Statement ?? []) {
          const { Resource, ...rest } = statement
          expect(Resource).toBe('*')
          expect(textsIn(rest).filter((one) => one.includes('*'))).toEqual([])
        }
      }
    }
  })

  it('keeps the key when a stack is deleted, and makes it multi-region only where there are replicas', () => {
    const key = (location: string): Resource =>
      parsed(cloudFormation(planFor(location))[0]!.text).Resources['RootKey']!
    for (const location of ['europe', 'canada']) {
      expect(key(location)).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' })
      expect(key(location).Properties).toMatchObject({
        EnableKeyRotation: true,
        MultiRegion: location === 'europe',
      })
    }
  })

  it('lets the role use a key only with the names that an encryption context of the keyring has', () => {
    const context = encryptionContextOf({
      organization: 'a',
      site: 's',
      app: 'jira',
      dataClass: 'issue',
      keyId: '0',
    })
    for (const { text } of cloudFormation(planFor('europe')).slice(0, 2)) {
      const { RootKey, RootKeyReplica } = parsed(text).Resources
      const { Statement } = (RootKey ?? RootKeyReplica)!.Properties.KeyPolicy!
      const use = Statement.find((statement) => statement.Sid === 'GatewayUse')!
      expect(use.Action).toEqual(['kms:Encrypt', 'kms:Decrypt'])
      expect(use.Condition['ForAllValues:StringEquals']!['kms:EncryptionContextKeys']).toEqual(
        Object.keys(context),
      )
      expect(use.Condition['StringEquals']).toEqual({
        'kms:EncryptionContext:portcullis:organization': { Ref: 'OrganizationId' },
      })
    }
  })

  it('notifies about every call that can take access away, and about the right key and role only', () => {
    const [primary, , roleEvents] = cloudFormation(planFor('europe')).map(
      ({ text }) => parsed(text).Resources,
    )
    const keyPattern = primary!['KeyChangeRule']!.Properties.EventPattern!.detail
    expect(keyPattern.eventName).toEqual(
      expect.arrayContaining([
        'DisableKey',
        'ScheduleKeyDeletion',
        'PutKeyPolicy',
        'RevokeGrant',
        'RetireGrant',
      ]),
    )
    expect(keyPattern.resources).toEqual({ ARN: [{ GetAtt: 'RootKey.Arn' }] })
    const rolePattern = roleEvents!['RoleChangeRule']!.Properties.EventPattern!.detail
    expect(rolePattern.eventName).toEqual(
      expect.arrayContaining(['UpdateAssumeRolePolicy', 'DeleteRolePolicy', 'PutRolePolicy', 'DeleteRole']),
    )
    expect(rolePattern.requestParameters).toEqual({ roleName: ['portcullis-acme'] })
  })

  it('never holds the notification secret', () => {
    for (const { text } of cloudFormation(planFor('europe'))) {
      expect(parsed(text).Parameters['NotificationSecret']).toMatchObject({ NoEcho: true })
      expect(parsed(text).Parameters['NotificationSecret']!.Default).toBeUndefined()
    }
  })

  it.each(['1e5', 'no', '0123', '12', 'null', 'true'])(
    'keeps the organization %s a text in YAML 1.1',
    (organization) => {
      const [primary] = cloudFormation(planFor('canada', { organization }))
      expect(parsed(primary!.text).Parameters['OrganizationId']!.Default).toBe(organization)
    },
  )

  it('explains every statement in a comment before it', () => {
    for (const { text } of cloudFormation(planFor('europe'))) {
      const lines = text.split('\n')
      const statements = lines.flatMap((line, index) => (line.trim().startsWith('- Sid:') ? [index] : []))
      expect(statements.length).toBeGreaterThan(0)
      for (const index of statements) expect(lines[index - 1]!.trim()).toMatch(/^# /)
    }
  })
})

describe('Terraform', () => {
  it('has a provider for each region, held to the account', () => {
    const { text } = terraform(planFor('europe'))[0]!
    expect([...text.matchAll(/alias\s+= "(\w+)"/g)].map((match) => match[1])).toEqual([
      'eu_central_1',
      'eu_west_1',
      'us_east_1',
    ])
    expect([...text.matchAll(/allowed_account_ids = \["111122223333"\]/g)]).toHaveLength(3)
  })

  it('names every resource it refers to', () => {
    for (const { text } of LOCATIONS.flatMap(({ id }) => terraform(planFor(id)))) {
      const declared = new Set(
        [...text.matchAll(/^(resource|data) "(\w+)" "(\w+)"/gm)].map(([, kind, type, name]) =>
          kind === 'data' ? `data.${type}.${name}` : `${type}.${name}`,
        ),
      )
      for (const [, name] of text.matchAll(/^variable "(\w+)"/gm)) declared.add(`var.${name}`)
      const used = [...text.matchAll(/\b((?:data\.)?aws_\w+\.\w+|var\.\w+)/g)].map((match) => match[1]!)
      expect(used.filter((name) => !declared.has(name))).toEqual([])
      const aliases = new Set([...text.matchAll(/alias\s+= "(\w+)"/g)].map((match) => match[1]))
      expect(
        [...text.matchAll(/provider\s+= aws\.(\w+)/g)].filter((match) => !aliases.has(match[1])),
      ).toEqual([])
    }
  })

  it('has the same statements as CloudFormation', () => {
    const plan = planFor('europe')
    const sids = (texts: readonly string[], pattern: RegExp): string[] => [
      ...new Set(texts.flatMap((text) => [...text.matchAll(pattern)].map((match) => match[1]!))),
    ]
    expect(
      sids(
        terraform(plan).map(({ text }) => text),
        /Sid\s+= "(\w+)"/g,
      ).sort(),
    ).toEqual(
      sids(
        cloudFormation(plan).map(({ text }) => text),
        /Sid: (\w+)/g,
      ).sort(),
    )
  })

  it('protects the keys from being destroyed in passing', () => {
    const { text } = terraform(planFor('europe'))[0]!
    expect([...text.matchAll(/prevent_destroy = true/g)]).toHaveLength(2)
  })
})
