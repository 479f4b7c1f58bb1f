import {
  EVENT_PATHS,
  eventTemplate,
  keyEventPattern,
  NOTIFICATION_SECRET_HEADER,
  roleEventPattern,
  RULE_COMMENT,
  ruleName,
} from './notification.ts'
import { eventRolePolicy, eventTrustPolicy } from './policies.ts'
import type { PolicyStatement, Reference } from './policies.ts'
import type { OnboardingPlan } from './plan.ts'
import { Commented, Intrinsic } from './yaml-template.ts'

/** Parameters that a stack with notifications takes. */
export function notificationParameters(plan: OnboardingPlan): Record<string, unknown> {
  return {
    NotificationEndpoint: {
      Type: 'String',
      Default: plan.notificationEndpoint,
      AllowedPattern: 'https://[!-~]+',
      Description: 'Address of the gateway that takes notifications.',
    },
    NotificationSecret: {
      Type: 'String',
      NoEcho: true,
      MinLength: 32,
      MaxLength: 512,
      Description: `Secret that the gateway gave you for notifications; EventBridge sends it as ${NOTIFICATION_SECRET_HEADER}.`,
    },
  }
}

/** Resources of a stack that notifies: a rule for each kind of event, the destination and the role that calls it. */
export function notificationResources(
  plan: OnboardingPlan,
  region: string,
  kinds: readonly ('key' | 'role')[],
  keyArn: unknown,
  policy: (statements: readonly PolicyStatement[]) => unknown,
): Record<string, unknown> {
  const rules = kinds.map((rule): Reference => ({ to: 'rule-arn', region, rule }))
  const patterns = { key: () => keyEventPattern(keyArn), role: () => roleEventPattern(plan.roleName) }
  return {
    NotificationConnection: new Commented(
      'How EventBridge proves to the gateway that a notification is yours.',
      {
        Type: 'AWS::Events::Connection',
        Properties: {
          AuthorizationType: 'API_KEY',
          AuthParameters: {
            ApiKeyAuthParameters: {
              ApiKeyName: NOTIFICATION_SECRET_HEADER,
              ApiKeyValue: new Intrinsic('Ref', 'NotificationSecret'),
            },
          },
        },
      },
    ),
    NotificationDestination: {
      Type: 'AWS::Events::ApiDestination',
      Properties: {
        ConnectionArn: new Intrinsic('GetAtt', 'NotificationConnection.Arn'),
        InvocationEndpoint: new Intrinsic('Ref', 'NotificationEndpoint'),
        HttpMethod: 'POST',
        InvocationRateLimitPerSecond: 10,
      },
    },
    NotificationRole: {
      Type: 'AWS::IAM::Role',
      Properties: {
        AssumeRolePolicyDocument: policy(eventTrustPolicy(rules)),
        Policies: [
          {
            PolicyName: 'invoke-notification',
            PolicyDocument: policy(eventRolePolicy([{ to: 'destination-arn', region }])),
          },
        ],
      },
    },
    ...Object.fromEntries(
      kinds.map((kind) => [
        kind === 'key' ? 'KeyChangeRule' : 'RoleChangeRule',
        new Commented(RULE_COMMENT, {
          Type: 'AWS::Events::Rule',
          Properties: {
            Name: ruleName(plan, kind),
            EventPattern: patterns[kind](),
            Targets: [
              {
                Id: 'gateway',
                Arn: new Intrinsic('GetAtt', 'NotificationDestination.Arn'),
                RoleArn: new Intrinsic('GetAtt', 'NotificationRole.Arn'),
                RetryPolicy: { MaximumEventAgeInSeconds: 300, MaximumRetryAttempts: 10 },
                InputTransformer: {
                  InputPathsMap: EVENT_PATHS,
                  InputTemplate: eventTemplate(plan.organization),
                },
              },
            ],
          },
        }),
      ]),
    ),
  }
}
