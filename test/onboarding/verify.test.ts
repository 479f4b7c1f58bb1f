import { UpdateAssumeRolePolicyCommand, IAMClient } from '@aws-sdk/client-iam'
import {
  CreateKeyCommand,
  DisableKeyCommand,
  DisableKeyRotationCommand,
  KMSClient,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/keyring/clock.ts'
import { encryptionContextOf } from '../../src/keyring/encryption-context.ts'
import { AwsKeyService } from '../../src/kms/aws-key-service.ts'
import { startLocalAws } from '../../src/local/aws/local-aws.ts'
import type { LocalAws } from '../../src/local/aws/local-aws.ts'
import { awsProbe } from '../../src/onboarding/aws-probe.ts'
import { cloudFormation } from '../../src/onboarding/cloudformation.ts'
import { planOnboarding } from '../../src/onboarding/plan.ts'
import type { OnboardingPlan } from '../../src/onboarding/plan.ts'
import { verifyOnboarding } from '../../src/onboarding/verify.ts'
import type { OnboardingSetup, VerificationReport } from '../../src/onboarding/verification.ts'
import { applyTemplate } from '../../src/local/apply-template.ts'
import type { Alteration, ApplyTarget } from '../../src/local/apply-template.ts'

const ACCOUNT = '111122223333'

let local: LocalAws
let administrator: { accessKeyId: string; secretAccessKey: string }
let gateway: { accessKeyId: string; secretAccessKey: string; arn: string }

beforeAll(async () => {
  local = await startLocalAws()
  administrator = await local.createAccount(ACCOUNT)
  await local.createAccount('444455556666')
  const policy = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' }],
  }
  gateway = await local.createUser('444455556666', 'gateway', JSON.stringify(policy))
})

afterAll(() => local.stop())

function planFor(location: string): OnboardingPlan {
  return planOnboarding({
    organization: 'acme',
    accountId: ACCOUNT,
    location,
    gatewayPrincipalArn: gateway.arn,
    externalId: 'acme-5f1c7d0e9b3a4286',
    notificationEndpoint: 'https://gateway.example/notifications',
  })
}

function target(region: string): ApplyTarget {
  return { endpoint: local.endpoint, credentials: administrator, accountId: ACCOUNT, region }
}

/** Applies every stack of a plan as the customer would, carrying outputs over; `alter` spoils them first. */
async function apply(location: string, alter: Alteration = () => undefined): Promise<OnboardingSetup> {
  const plan = planFor(location)
  const secret = { NotificationSecret: 's'.repeat(40) }
  const keys: OnboardingSetup['keys'][number][] = []
  let roleArn = ''
  for (const file of cloudFormation(plan)) {
    const parameters = file.fileName.includes('replica')
      ? { ...secret, PrimaryKeyArn: keys[0]!.keyArn }
      : secret
    const outputs = await applyTemplate(file.text, target(file.region!), parameters, alter)
    roleArn = outputs['RoleArn'] ?? roleArn
    if (outputs['KeyArn'] !== undefined) keys.push({ region: file.region!, keyArn: outputs['KeyArn'] })
  }
  const { organization, accountId, gatewayPrincipalArn, externalId } = plan
  return { organization, accountId, gatewayPrincipalArn, externalId, roleArn, keys }
}

async function verify(setup: OnboardingSetup): Promise<VerificationReport> {
  const probe = awsProbe({
    endpoints: { kms: () => local.endpoint, sts: () => local.endpoint },
    baseCredentials: gateway,
  })
  try {
    return await verifyOnboarding(probe, setup)
  } finally {
    probe.close()
  }
}

interface Statement {
  Sid: string
  Action: string | string[]
  Condition?: Record<string, Record<string, unknown>>
}

/** Every policy of a template with its statements. */
function policiesIn(template: Parameters<Alteration>[0]): { Statement: Statement[] }[] {
  return Object.values(template.Resources).flatMap(({ Properties }) =>
    ['AssumeRolePolicyDocument', 'PolicyDocument', 'KeyPolicy'].flatMap((name) =>
      Properties[name] === undefined ? [] : [Properties[name] as { Statement: Statement[] }],
    ),
  )
}

function change(sid: string, edit: (statement: Statement) => void): Alteration {
  return (template) => {
    for (const policy of policiesIn(template))
      for (const one of policy.Statement) if (one.Sid === sid) edit(one)
  }
}

function remove(sid: string): Alteration {
  return (template) => {
    for (const policy of policiesIn(template)) {
      policy.Statement = policy.Statement.filter((statement) => statement.Sid !== sid)
      // a policy without statements is none: the place is kept by one that allows nothing of interest
      if (policy.Statement.length === 0) {
        policy.Statement = [
          {
            Sid: 'Placeholder',
            Effect: 'Deny',
            Principal: { AWS: ACCOUNT },
            Action: 'sts:AssumeRole',
            Condition: { StringEquals: { 'sts:ExternalId': 'nobody' } },
          } as Statement,
        ]
      }
    }
  }
}

describe('verification of applied templates', () => {
  it.each(['europe', 'usa', 'germany'])(
    'passes every check when the templates for %s are applied as they are',
    async (location) => {
      const report = await verify(await apply(location))
      expect(report.findings).toEqual([])
      expect(report.checks.filter(({ verdict }) => verdict !== 'passed')).toEqual([])
      expect(report.ok).toBe(true)
      expect(new Set(report.checks.map(({ region }) => region))).toEqual(new Set(planFor(location).regions))
    },
  )

  it.each([
    ['trust-policy', 'GatewayAssumesRole'],
    ['role-policy', 'GatewayUsesKeys'],
    ['role-policy', 'GatewayDescribesKeys'],
    ['key-policy', 'GatewayUse'],
    ['key-policy', 'GatewayDescribe'],
  ])('names the statement of the %s when %s is missing', async (policy, sid) => {
    const setup = await apply('europe', remove(sid))
    const report = await verify(setup)
    expect(report.ok).toBe(false)
    expect(report.findings.length).toBeGreaterThan(0)
    for (const finding of report.findings) {
      expect(finding.kind).toBe('missing')
      expect(finding.statements).toEqual([{ policy, sid }])
      expect(finding.remedy).toContain(`"Sid":"${sid}"`)
    }
    expect(new Set(report.findings.map(({ region }) => region))).toEqual(
      new Set(['eu-central-1', 'eu-west-1']),
    )
  })

  it('is refused by AWS itself when the statement for the account is missing', async () => {
    await expect(apply('europe', remove('AccountAdministration'))).rejects.toThrow(
      'The new key policy will not allow you to update the key policy in the future.',
    )
  })

  it.each(['kms:Encrypt', 'kms:Decrypt'])(
    'names action, region and statement when the key policy lacks %s',
    async (action) => {
      const setup = await apply(
        'europe',
        change('GatewayUse', (statement) => {
          statement.Action = (statement.Action as string[]).filter((one) => one !== action)
        }),
      )
      const report = await verify(setup)
      expect(report.findings.map(({ detail }) => detail)).toEqual(
        ['eu-central-1', 'eu-west-1'].map(
          (region) =>
            `${action} is refused in ${region}: statement GatewayUse of the key policy does not allow it`,
        ),
      )
    },
  )

  it('names the region whose key the policy of the role lacks', async () => {
    const setup = await apply('europe', (template) => {
      for (const policy of policiesIn(template)) {
        for (const statement of policy.Statement as (Statement & { Resource?: unknown })[]) {
          if (statement.Sid === 'GatewayUsesKeys')
            statement.Resource = (statement.Resource as unknown[]).slice(0, 1)
        }
      }
    })
    const report = await verify(setup)
    expect(report.findings).toHaveLength(1)
    expect(report.findings[0]).toMatchObject({
      kind: 'missing',
      region: 'eu-west-1',
      statements: [{ policy: 'role-policy', sid: 'GatewayUsesKeys' }],
    })
  })
})

describe('verification of policies that are too wide', () => {
  const tooWide = async (alter: Alteration): Promise<[string, string, string | undefined][]> => {
    const report = await verify(await apply('germany', alter))
    return report.findings.map(({ kind, statements, detail }) => [kind, detail, statements[0]?.sid])
  }

  it('finds a trust policy without ExternalId', async () => {
    expect(await tooWide(change('GatewayAssumesRole', (statement) => delete statement.Condition))).toEqual(
      ['without an ExternalId', 'with a wrong ExternalId'].map((how) => [
        'too-wide',
        `the role can be assumed ${how}: the condition on sts:ExternalId is missing or too wide`,
        'GatewayAssumesRole',
      ]),
    )
  })

  it('finds a key policy that lets the role act for any organization', async () => {
    const found = await tooWide(
      change('GatewayUse', (statement) => delete statement.Condition!['StringEquals']),
    )
    expect(found.map(([kind, detail, sid]) => `${kind} ${sid}: ${detail}`)).toEqual([
      'too-wide GatewayUse: Encrypt for another organization is allowed in eu-central-1',
      'too-wide GatewayUse: Decrypt for another organization is allowed in eu-central-1',
      'too-wide GatewayUse: Encrypt without encryption context is allowed in eu-central-1',
    ])
  })

  it('finds a key policy that takes unknown names in the encryption context', async () => {
    const alter = change(
      'GatewayUse',
      (statement) => delete statement.Condition!['ForAllValues:StringEquals'],
    )
    expect(await tooWide(alter)).toEqual([
      [
        'too-wide',
        'Encrypt with an unknown name in the encryption context is allowed in eu-central-1',
        'GatewayUse',
      ],
    ])
  })

  it('finds more actions than the gateway needs', async () => {
    const widen = (statement: Statement): void => {
      statement.Action = 'kms:*'
    }
    const alter: Alteration = (template) => {
      change('GatewayUse', widen)(template)
      change('GatewayUsesKeys', widen)(template)
    }
    expect(await tooWide(alter)).toEqual([
      ['too-wide', 'GenerateDataKey is allowed in eu-central-1', 'GatewayUse'],
    ])
  })
})

describe('verification of keys and of what the customer did since', () => {
  const kms = (region: string): KMSClient =>
    new KMSClient({ region, endpoint: local.endpoint, credentials: administrator })

  it('says that a key is disabled, where, and what to do', async () => {
    const setup = await apply('europe')
    await kms('eu-west-1').send(new DisableKeyCommand({ KeyId: setup.keys[1]!.keyArn }))
    const report = await verify(setup)
    expect(report.findings[0]).toMatchObject({
      kind: 'setting',
      region: 'eu-west-1',
      detail: 'the key in eu-west-1 is in state Disabled',
      remedy: 'Call kms:EnableKey.',
    })
    expect(report.findings.every(({ region }) => region === 'eu-west-1')).toBe(true)
  })

  it('says that rotation is off', async () => {
    const setup = await apply('germany')
    await kms('eu-central-1').send(new DisableKeyRotationCommand({ KeyId: setup.keys[0]!.keyArn }))
    const report = await verify(setup)
    expect(report.findings.map(({ detail }) => detail)).toEqual([
      'automatic rotation is off for the key in eu-central-1',
    ])
  })

  it('says that the keys are not one multi-region key', async () => {
    const setup = await apply('europe')
    const { KeyMetadata } = await kms('eu-west-1').send(new CreateKeyCommand({}))
    const keys = [setup.keys[0]!, { region: 'eu-west-1', keyArn: KeyMetadata!.Arn! }]
    const report = await verify({ ...setup, keys })
    expect(report.ok).toBe(false)
    expect(report.findings.map(({ region, kind }) => `${region} ${kind}`)).toContain('eu-central-1 setting')
  })

  it('says that a key does not exist', async () => {
    const setup = await apply('germany')
    const keyArn = setup.keys[0]!.keyArn.replace(/[0-9a-f]{12}$/, '0'.repeat(12))
    const report = await verify({ ...setup, keys: [{ region: 'eu-central-1', keyArn }] })
    expect(report.findings[0]?.detail).toContain('NotFoundException')
  })

  it('says that the trust policy denies', async () => {
    const setup = await apply('europe')
    const iam = new IAMClient({ region: 'us-east-1', endpoint: local.endpoint, credentials: administrator })
    const document = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Deny', Principal: { AWS: gateway.arn }, Action: 'sts:AssumeRole' }],
    }
    await iam.send(
      new UpdateAssumeRolePolicyCommand({
        RoleName: 'portcullis-acme',
        PolicyDocument: JSON.stringify(document),
      }),
    )
    const report = await verify(setup)
    expect(report.findings.map(({ statements }) => statements[0]?.sid)).toEqual([
      'GatewayAssumesRole',
      'GatewayAssumesRole',
    ])
    expect(report.checks.some(({ verdict }) => verdict === 'passed')).toBe(false)
  })

  it('gives no verdict when AWS cannot be reached', async () => {
    const setup = await apply('germany')
    const nowhere = 'http://127.0.0.1:9'
    const probe = awsProbe({
      endpoints: { kms: () => nowhere, sts: () => nowhere },
      baseCredentials: gateway,
    })
    const report = await verifyOnboarding(probe, setup)
    probe.close()
    expect(report.ok).toBe(false)
    expect(new Set(report.findings.map(({ kind }) => kind))).toEqual(new Set(['inconclusive']))
  })
})

describe('applied templates in use', () => {
  it('let the gateway wrap, verify and unwrap tenant keys in every region', async () => {
    const { organization, accountId, roleArn, externalId, keys } = await apply('usa')
    const service = new AwsKeyService({
      clock: systemClock(),
      audit: { record: () => undefined },
      baseCredentials: gateway,
      endpoints: { kms: () => local.endpoint, sts: () => local.endpoint },
    })
    const authority = {
      id: organization,
      kind: 'byok',
      location: 'usa',
      accountId,
      roleArn,
      externalId,
      keys,
    } as const
    const context = encryptionContextOf({
      organization,
      site: 'acme',
      app: 'jira',
      dataClass: 'issue',
      keyId: 'ab'.repeat(16),
    })
    const copies = await service.wrap(authority, new Uint8Array(32).fill(7), context)
    expect(copies.map(({ region }) => region)).toEqual(['us-east-1', 'us-west-2'])
    await service.verify(authority, copies, context)
    const { plaintext } = await service.unwrap(authority, copies, context)
    expect([...plaintext]).toEqual(Array.from({ length: 32 }, () => 7))
    service.close()
  })
})
