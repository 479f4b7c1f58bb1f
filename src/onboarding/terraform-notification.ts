import { Expression, hclAttributes, hclBlock, hclComment, hclString, hclValue } from './hcl.ts'
import {
  EVENT_PATHS,
  eventTemplate,
  IAM_EVENTS_REGION,
  keyEventPattern,
  NOTIFICATION_SECRET_HEADER,
  roleEventPattern,
  RULE_COMMENT,
  ruleName,
} from './notification.ts'
import type { OnboardingPlan } from './plan.ts'
import { eventRolePolicy, eventTrustPolicy } from './policies.ts'
import type { PolicyStatement, Reference } from './policies.ts'
import { identifier, resourceOfKey } from './terraform-names.ts'

interface Rule {
  readonly region: string
  readonly rule: 'key' | 'role'
}

/** A rule for each kind of event in its regions, the destinations, and the one role that calls them. */
export function terraformNotifications(
  plan: OnboardingPlan,
  policy: (statements: readonly PolicyStatement[]) => Expression,
): string[] {
  const rules: Rule[] = [
    ...plan.regions.map((region): Rule => ({ region, rule: 'key' })),
    { region: IAM_EVENTS_REGION, rule: 'role' },
  ]
  const regions = [...new Set(rules.map(({ region }) => region))]
  const provider = new Expression(`aws.${identifier(plan.primaryRegion)}`)
  const sources = rules.map((rule): Reference => ({ to: 'rule-arn', ...rule }))
  const destinations = regions.map((region): Reference => ({ to: 'destination-arn', region }))
  return [
    hclBlock('resource "aws_iam_role" "notification"', {
      provider,
      name: `${plan.roleName.slice(0, 52)}-notify`,
      assume_role_policy: policy(eventTrustPolicy(sources)),
    }),
    hclBlock('resource "aws_iam_role_policy" "notification"', {
      provider,
      name: 'invoke-notification',
      role: new Expression('aws_iam_role.notification.id'),
      policy: policy(eventRolePolicy(destinations)),
    }),
    ...regions.flatMap((region) => destination(plan, region)),
    ...rules.flatMap((rule) => ruleAndTarget(plan, rule)),
  ]
}

function destination(plan: OnboardingPlan, region: string): string[] {
  const name = identifier(region)
  const provider = new Expression(`aws.${name}`)
  const apiKey = hclAttributes(
    { key: NOTIFICATION_SECRET_HEADER, value: new Expression('var.notification_secret') },
    6,
  )
  return [
    hclComment('How EventBridge proves to the gateway that a notification is yours.') +
      hclBlock(
        `resource "aws_cloudwatch_event_connection" ${hclString(name)}`,
        { provider, name: `portcullis-${plan.organization}`.slice(0, 64), authorization_type: 'API_KEY' },
        `  auth_parameters {\n    api_key {\n${apiKey}    }\n  }\n`,
      ),
    hclBlock(`resource "aws_cloudwatch_event_api_destination" ${hclString(name)}`, {
      provider,
      name: `portcullis-${plan.organization}`.slice(0, 64),
      connection_arn: new Expression(`aws_cloudwatch_event_connection.${name}.arn`),
      invocation_endpoint: new Expression('var.notification_endpoint'),
      http_method: 'POST',
      invocation_rate_limit_per_second: 10,
    }),
  ]
}

function ruleAndTarget(plan: OnboardingPlan, { region, rule }: Rule): string[] {
  const name = `${rule}_${identifier(region)}`
  const provider = new Expression(`aws.${identifier(region)}`)
  const pattern =
    rule === 'key'
      ? keyEventPattern(new Expression(`${resourceOfKey(plan, region)}.arn`))
      : roleEventPattern(new Expression('aws_iam_role.gateway.name'))
  const transformer = hclAttributes(
    { input_paths: EVENT_PATHS, input_template: eventTemplate(plan.organization) },
    4,
  )
  const retry = hclAttributes({ maximum_event_age_in_seconds: 300, maximum_retry_attempts: 10 }, 4)
  return [
    hclComment(RULE_COMMENT) +
      hclBlock(`resource "aws_cloudwatch_event_rule" ${hclString(name)}`, {
        provider,
        name: ruleName(plan, rule),
        event_pattern: new Expression(`jsonencode(${hclValue(pattern, 2)})`),
      }),
    hclBlock(
      `resource "aws_cloudwatch_event_target" ${hclString(name)}`,
      {
        provider,
        rule: new Expression(`aws_cloudwatch_event_rule.${name}.name`),
        arn: new Expression(`aws_cloudwatch_event_api_destination.${identifier(region)}.arn`),
        role_arn: new Expression('aws_iam_role.notification.arn'),
      },
      `  input_transformer {\n${transformer}  }\n  retry_policy {\n${retry}  }\n`,
    ),
  ]
}
