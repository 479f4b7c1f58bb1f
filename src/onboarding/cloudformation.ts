import { notificationParameters, notificationResources } from './cloudformation-notification.ts'
import type { GeneratedFile } from './generated-file.ts'
import { IAM_EVENTS_REGION, ruleName } from './notification.ts'
import type { OnboardingPlan } from './plan.ts'
import { keyPolicy, rolePolicy, trustPolicy } from './policies.ts'
import type { PolicyStatement, Reference } from './policies.ts'
import { statementDocument } from './policy-document.ts'
import { Commented, Intrinsic, yamlTemplate } from './yaml-template.ts'

const HOW_TO_REVOKE = [
  'To revoke, do any one of these, in any region; every BYOK app of the organization is locked within seconds:',
  '- change the trust policy of the role to Deny (iam:UpdateAssumeRolePolicy), or delete its policy;',
  '- disable the key (kms:DisableKey), or schedule its deletion;',
  '- take the statement GatewayUse out of the key policy (kms:PutKeyPolicy).',
  'To restore, undo it: the gateway finds out by itself and loses nothing.',
]

/** Stacks for the customer's account: one for each region of the location, and one for IAM events where needed. */
export function cloudFormation(plan: OnboardingPlan): GeneratedFile[] {
  const notifies = plan.notificationEndpoint !== undefined
  return [
    primaryStack(plan),
    ...plan.replicaRegions.map((region) => replicaStack(plan, region)),
    ...(notifies && !plan.regions.includes(IAM_EVENTS_REGION) ? [roleEventsStack(plan)] : []),
  ]
}

function primaryStack(plan: OnboardingPlan): GeneratedFile {
  const region = plan.primaryRegion
  const policy = policyWriter(plan, { roleArn: new Intrinsic('GetAtt', 'GatewayRole.Arn') })
  const keyArn = new Intrinsic('GetAtt', 'RootKey.Arn')
  return stack(plan, region, 'primary', `the role, and the key in ${region}`, {
    parameters: {
      OrganizationId: parameter(
        plan.organization,
        '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?',
        'Your organization at the vendor.',
      ),
      GatewayPrincipalArn: parameter(
        plan.gatewayPrincipalArn,
        'arn:aws:iam::[0-9]{12}:(role|user)/.+',
        'The AWS principal that the gateway runs as.',
      ),
      ExternalId: parameter(
        plan.externalId,
        '[A-Za-z0-9_+=,.@:/-]{2,1224}',
        'The ExternalId that the vendor gave you.',
      ),
    },
    resources: {
      GatewayRole: new Commented('The role that the gateway takes on for every use of the keys.', {
        Type: 'AWS::IAM::Role',
        Properties: {
          RoleName: plan.roleName,
          Description: `Portcullis gateway: keys of ${plan.organization}`,
          MaxSessionDuration: 3600,
          AssumeRolePolicyDocument: policy(trustPolicy()),
        },
      }),
      GatewayRolePolicy: {
        Type: 'AWS::IAM::RolePolicy',
        Properties: {
          RoleName: new Intrinsic('Ref', 'GatewayRole'),
          PolicyName: 'use-root-keys',
          PolicyDocument: policy(rolePolicy(plan)),
        },
      },
      RootKey: new Commented(
        'The root key. Deleting the stack leaves it alone: without it all data of the organization is lost for good.',
        {
          Type: 'AWS::KMS::Key',
          DeletionPolicy: 'Retain',
          UpdateReplacePolicy: 'Retain',
          Properties: {
            Description: `Portcullis root key of ${plan.organization}`,
            MultiRegion: plan.replicaRegions.length > 0,
            EnableKeyRotation: true,
            PendingWindowInDays: 30,
            KeyPolicy: policy(keyPolicy()),
          },
        },
      ),
      ...notificationsOf(plan, region, keyArn, policy),
    },
    outputs: {
      RoleArn: {
        Description: 'Enter this at the gateway.',
        Value: new Intrinsic('GetAtt', 'GatewayRole.Arn'),
      },
      KeyArn: { Description: `Enter this at the gateway for ${region}.`, Value: keyArn },
    },
  })
}

function replicaStack(plan: OnboardingPlan, region: string): GeneratedFile {
  const policy = policyWriter(plan, { roleArn: new Intrinsic('Ref', 'RoleArn') })
  const keyArn = new Intrinsic('GetAtt', 'RootKeyReplica.Arn')
  return stack(plan, region, 'replica', `the replica of the key in ${region}`, {
    parameters: {
      OrganizationId: parameter(
        plan.organization,
        '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?',
        'Your organization at the vendor.',
      ),
      RoleArn: parameter(
        plan.roleArn,
        'arn:aws:iam::[0-9]{12}:role/.+',
        'Output RoleArn of the first stack.',
      ),
      PrimaryKeyArn: {
        Type: 'String',
        AllowedPattern: `arn:aws:kms:${plan.primaryRegion}:[0-9]{12}:key/mrk-[0-9a-f]{32}`,
        Description: 'Output KeyArn of the first stack.',
      },
    },
    resources: {
      RootKeyReplica: new Commented(
        'The same key in another region, so that an outage of one region is none of yours. A replica has a policy of its own.',
        {
          Type: 'AWS::KMS::ReplicaKey',
          DeletionPolicy: 'Retain',
          UpdateReplacePolicy: 'Retain',
          Properties: {
            Description: `Portcullis root key of ${plan.organization}`,
            PrimaryKeyArn: new Intrinsic('Ref', 'PrimaryKeyArn'),
            PendingWindowInDays: 30,
            KeyPolicy: policy(keyPolicy()),
          },
        },
      ),
      ...notificationsOf(plan, region, keyArn, policy),
    },
    outputs: { KeyArn: { Description: `Enter this at the gateway for ${region}.`, Value: keyArn } },
  })
}

function roleEventsStack(plan: OnboardingPlan): GeneratedFile {
  const policy = policyWriter(plan, {})
  return stack(
    plan,
    IAM_EVENTS_REGION,
    'role-events',
    'notifications about the role (AWS has IAM events here only; no content comes here)',
    {
      parameters: notificationParameters(plan),
      resources: notificationResources(plan, IAM_EVENTS_REGION, ['role'], undefined, policy),
      outputs: {},
    },
  )
}

function notificationsOf(
  plan: OnboardingPlan,
  region: string,
  keyArn: Intrinsic,
  policy: PolicyWriter,
): Record<string, unknown> {
  if (plan.notificationEndpoint === undefined) return {}
  const kinds = region === IAM_EVENTS_REGION ? (['key', 'role'] as const) : (['key'] as const)
  return notificationResources(plan, region, kinds, keyArn, policy)
}

interface StackParts {
  readonly parameters: Record<string, unknown>
  readonly resources: Record<string, unknown>
  readonly outputs: Record<string, unknown>
}

function stack(
  plan: OnboardingPlan,
  region: string,
  kind: 'primary' | 'replica' | 'role-events',
  purpose: string,
  parts: StackParts,
): GeneratedFile {
  const fileName = `portcullis-${kind}-${region}.yaml`
  const takesNotifications = plan.notificationEndpoint !== undefined && kind !== 'role-events'
  const parameters = { ...parts.parameters, ...(takesNotifications && notificationParameters(plan)) }
  const text = yamlTemplate(
    [`Portcullis, organization ${plan.organization}: ${purpose}.`, '', ...HOW_TO_REVOKE],
    {
      AWSTemplateFormatVersion: '2010-09-09',
      Description: `Portcullis BYOK for ${plan.organization}: ${purpose}`,
      Parameters: parameters,
      Rules: new Commented('Refuses to run in another account or region than it was made for.', {
        RightPlace: {
          Assertions: [
            assertion(plan.accountId, 'AWS::AccountId', `This template is for account ${plan.accountId}.`),
            assertion(region, 'AWS::Region', `This template is for region ${region}.`),
          ],
        },
      }),
      Resources: parts.resources,
      ...(Object.keys(parts.outputs).length > 0 && { Outputs: parts.outputs }),
    },
  )
  return { fileName, purpose, region, text, commands: commands(plan, fileName, region, kind) }
}

function commands(
  plan: OnboardingPlan,
  fileName: string,
  region: string,
  kind: 'primary' | 'replica' | 'role-events',
): string[] {
  const overrides = [
    ...(kind === 'replica' ? ['PrimaryKeyArn="$PRIMARY_KEY_ARN"'] : []),
    ...(plan.notificationEndpoint === undefined ? [] : ['NotificationSecret="$NOTIFICATION_SECRET"']),
  ]
  const deploy = [
    `aws cloudformation deploy --region ${region} --stack-name portcullis-${kind}-${plan.organization}`,
    `--template-file ${fileName} --capabilities CAPABILITY_NAMED_IAM`,
    ...(overrides.length > 0 ? [`--parameter-overrides ${overrides.join(' ')}`] : []),
  ].join(' ')
  if (kind !== 'replica') return [deploy]
  const lookUp =
    `PRIMARY_KEY_ARN=$(aws cloudformation describe-stacks --region ${plan.primaryRegion} ` +
    `--stack-name portcullis-primary-${plan.organization} ` +
    `--query "Stacks[0].Outputs[?OutputKey=='KeyArn'].OutputValue" --output text)`
  return [lookUp, deploy]
}

type PolicyWriter = (statements: readonly PolicyStatement[]) => unknown

function policyWriter(plan: OnboardingPlan, known: { readonly roleArn?: Intrinsic }): PolicyWriter {
  const resolve = (reference: Reference): Intrinsic => intrinsic(plan, reference, known.roleArn)
  return (statements) => ({
    Version: '2012-10-17',
    Statement: statements.map(
      (statement) =>
        new Commented(`${statement.why} ${statement.revoke}`, statementDocument(statement, resolve)),
    ),
  })
}

function intrinsic(plan: OnboardingPlan, reference: Reference, roleArn: Intrinsic | undefined): Intrinsic {
  switch (reference.to) {
    case 'account-id':
      return new Intrinsic('Ref', 'AWS::AccountId')
    case 'account-root':
      return new Intrinsic('Sub', 'arn:${AWS::Partition}:iam::${AWS::AccountId}:root')
    case 'external-id':
      return new Intrinsic('Ref', 'ExternalId')
    case 'gateway-principal':
      return new Intrinsic('Ref', 'GatewayPrincipalArn')
    case 'organization':
      return new Intrinsic('Ref', 'OrganizationId')
    case 'role-arn':
      return roleArn ?? new Intrinsic('Ref', 'RoleArn')
    case 'key-arn':
      return reference.region === plan.primaryRegion
        ? new Intrinsic('GetAtt', 'RootKey.Arn')
        : new Intrinsic(
            'Sub',
            `arn:\${AWS::Partition}:kms:${reference.region}:\${AWS::AccountId}:key/\${RootKey}`,
          )
    case 'destination-arn':
      return new Intrinsic('GetAtt', 'NotificationDestination.Arn')
    default: {
      const arn = `arn:\${AWS::Partition}:events:${reference.region}:\${AWS::AccountId}:rule/`
      return new Intrinsic('Sub', arn + ruleName(plan, reference.rule))
    }
  }
}

function parameter(value: string, pattern: string, description: string): Record<string, unknown> {
  return { Type: 'String', Default: value, AllowedPattern: pattern, Description: description }
}

function assertion(expected: string, pseudoParameter: string, description: string): Record<string, unknown> {
  return {
    Assert: { 'Fn::Contains': [[expected], new Intrinsic('Ref', pseudoParameter)] },
    AssertDescription: description,
  }
}
