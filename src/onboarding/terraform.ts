import type { GeneratedFile } from './generated-file.ts'
import { Expression, HclCommented, hclBlock, hclComment, hclString, hclValue } from './hcl.ts'
import { IAM_EVENTS_REGION, ruleName } from './notification.ts'
import type { OnboardingPlan } from './plan.ts'
import { keyPolicy, rolePolicy, trustPolicy } from './policies.ts'
import type { PolicyStatement, Reference } from './policies.ts'
import { statementDocument } from './policy-document.ts'
import { terraformNotifications } from './terraform-notification.ts'
import { identifier, resourceOfKey } from './terraform-names.ts'

const HOW_TO_REVOKE =
  'To revoke, do any one of these, in any region; every BYOK app of the organization is locked within seconds: ' +
  'change the trust policy of the role to Deny, or delete its policy; disable the key, or schedule its deletion; ' +
  'take the statement GatewayUse out of the key policy. To restore, undo it: the gateway finds out by itself.'

/** One configuration for the customer's account, all regions of the location in it. */
export function terraform(plan: OnboardingPlan): GeneratedFile[] {
  const notifies = plan.notificationEndpoint !== undefined
  const parts = [
    hclComment(
      `Portcullis, organization ${plan.organization}: the role and the keys in ${plan.regions.join(' and ')}.`,
    ) + `#\n${hclComment(HOW_TO_REVOKE)}`,
    terraformBlock(),
    ...providers(plan, notifies),
    ...variables(plan, notifies),
    ...['aws_caller_identity', 'aws_partition'].map((type) =>
      hclBlock(`data ${hclString(type)} "current"`, {
        provider: new Expression(`aws.${identifier(plan.primaryRegion)}`),
      }),
    ),
    ...role(plan),
    ...keys(plan),
    ...(notifies ? terraformNotifications(plan, policyOf(plan)) : []),
    ...outputs(plan),
  ]
  return [
    {
      fileName: 'portcullis.tf',
      purpose: `the role, and the keys in ${plan.regions.join(' and ')}`,
      region: undefined,
      text: parts.join('\n'),
      commands: [
        'terraform init',
        notifies ? 'terraform apply -var "notification_secret=$NOTIFICATION_SECRET"' : 'terraform apply',
      ],
    },
  ]
}

function terraformBlock(): string {
  const aws = hclValue({ source: 'hashicorp/aws', version: '>= 5.0' }, 4)
  return `terraform {\n  required_version = ">= 1.3"\n  required_providers {\n    aws = ${aws}\n  }\n}\n`
}

function providers(plan: OnboardingPlan, notifies: boolean): string[] {
  const extra = notifies && !plan.regions.includes(IAM_EVENTS_REGION) ? [IAM_EVENTS_REGION] : []
  return [...plan.regions, ...extra].map((region) => {
    const comment =
      region === extra[0]
        ? hclComment('AWS has events of IAM in this region only; no content comes here.')
        : ''
    // the account stands here so that a mistaken login changes nothing
    const attributes = { alias: identifier(region), region, allowed_account_ids: [plan.accountId] }
    return comment + hclBlock('provider "aws"', attributes)
  })
}

function variables(plan: OnboardingPlan, notifies: boolean): string[] {
  const text = new Expression('string')
  const variable = (name: string, attributes: Record<string, unknown>): string =>
    hclBlock(`variable ${hclString(name)}`, { type: text, ...attributes })
  return [
    variable('organization', { default: plan.organization, description: 'Your organization at the vendor.' }),
    variable('gateway_principal_arn', {
      default: plan.gatewayPrincipalArn,
      description: 'The AWS principal that the gateway runs as.',
    }),
    variable('external_id', {
      default: plan.externalId,
      description: 'The ExternalId that the vendor gave you.',
    }),
    ...(notifies
      ? [
          variable('notification_endpoint', {
            default: plan.notificationEndpoint,
            description: 'Address of the gateway that takes notifications.',
          }),
          variable('notification_secret', {
            sensitive: true,
            description: 'Secret that the gateway gave you for notifications.',
          }),
        ]
      : []),
  ]
}

function role(plan: OnboardingPlan): string[] {
  const policy = policyOf(plan)
  const provider = new Expression(`aws.${identifier(plan.primaryRegion)}`)
  return [
    hclComment('The role that the gateway takes on for every use of the keys.') +
      hclBlock('resource "aws_iam_role" "gateway"', {
        provider,
        name: plan.roleName,
        description: `Portcullis gateway: keys of ${plan.organization}`,
        max_session_duration: 3600,
        assume_role_policy: policy(trustPolicy()),
      }),
    hclBlock('resource "aws_iam_role_policy" "use_root_keys"', {
      provider,
      name: 'use-root-keys',
      role: new Expression('aws_iam_role.gateway.id'),
      policy: policy(rolePolicy(plan)),
    }),
  ]
}

function keys(plan: OnboardingPlan): string[] {
  const policy = policyOf(plan)
  const common = { description: `Portcullis root key of ${plan.organization}`, deletion_window_in_days: 30 }
  // without the key all data is lost for good, so no plan may delete it in passing
  const guard = '  lifecycle {\n    prevent_destroy = true\n  }\n'
  return [
    hclComment('The root key. It cannot be destroyed by mistake: without it all data is lost for good.') +
      hclBlock(
        'resource "aws_kms_key" "root"',
        {
          provider: new Expression(`aws.${identifier(plan.primaryRegion)}`),
          ...common,
          multi_region: plan.replicaRegions.length > 0,
          enable_key_rotation: true,
          policy: policy(keyPolicy()),
        },
        guard,
      ),
    ...plan.replicaRegions.map(
      (region) =>
        hclComment('The same key in another region. A replica has a policy of its own.') +
        hclBlock(
          `resource "aws_kms_replica_key" ${hclString(identifier(region))}`,
          {
            provider: new Expression(`aws.${identifier(region)}`),
            ...common,
            primary_key_arn: new Expression('aws_kms_key.root.arn'),
            policy: policy(keyPolicy()),
          },
          guard,
        ),
    ),
  ]
}

function outputs(plan: OnboardingPlan): string[] {
  const arns = plan.regions.map((region) => [region, new Expression(`${resourceOfKey(plan, region)}.arn`)])
  return [
    hclBlock('output "role_arn"', {
      description: 'Enter this at the gateway.',
      value: new Expression('aws_iam_role.gateway.arn'),
    }),
    hclBlock('output "key_arns"', {
      description: 'Enter these at the gateway.',
      value: Object.fromEntries(arns),
    }),
  ]
}

/** Writes statements as a `jsonencode` expression. */
function policyOf(plan: OnboardingPlan): (statements: readonly PolicyStatement[]) => Expression {
  const resolve = (reference: Reference): Expression => expression(plan, reference)
  return (statements) => {
    const document = {
      Version: '2012-10-17',
      Statement: statements.map(
        (statement) =>
          new HclCommented(`${statement.why} ${statement.revoke}`, statementDocument(statement, resolve)),
      ),
    }
    return new Expression(`jsonencode(${hclValue(document, 2)})`)
  }
}

function expression(plan: OnboardingPlan, reference: Reference): Expression {
  const partition = '${data.aws_partition.current.partition}'
  const account = '${data.aws_caller_identity.current.account_id}'
  switch (reference.to) {
    case 'account-id':
      return new Expression('data.aws_caller_identity.current.account_id')
    case 'account-root':
      return new Expression(`"arn:${partition}:iam::${account}:root"`)
    case 'external-id':
      return new Expression('var.external_id')
    case 'gateway-principal':
      return new Expression('var.gateway_principal_arn')
    case 'organization':
      return new Expression('var.organization')
    case 'role-arn':
      return new Expression('aws_iam_role.gateway.arn')
    case 'key-arn':
      return new Expression(`${resourceOfKey(plan, reference.region)}.arn`)
    case 'destination-arn':
      return new Expression(`aws_cloudwatch_event_api_destination.${identifier(reference.region)}.arn`)
    default: {
      // by name: the rule's target names the role, so the role cannot name the rule
      const name = ruleName(plan, reference.rule)
      return new Expression(`"arn:${partition}:events:${reference.region}:${account}:rule/${name}"`)
    }
  }
}
