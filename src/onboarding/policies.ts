import { encryptionContextOf } from '../keyring/encryption-context.ts'
import type { OnboardingPlan } from './plan.ts'

/** A value that only the customer's account knows, or that a template takes as a parameter. */
export type Reference =
  | {
      readonly to:
        | 'account-id'
        | 'account-root'
        | 'external-id'
        | 'gateway-principal'
        | 'organization'
        | 'role-arn'
    }
  | { readonly to: 'key-arn' | 'destination-arn'; readonly region: string }
  | { readonly to: 'rule-arn'; readonly region: string; readonly rule: 'key' | 'role' }

/** A text in a policy. */
export type PolicyValue = string | Reference

/** Operator -> condition key -> operands. */
export type PolicyCondition = Readonly<
  Record<string, Readonly<Record<string, PolicyValue | readonly PolicyValue[]>>>
>

/** One statement of a policy, and what it is for: templates carry `why` and `revoke` as comments. */
export interface PolicyStatement {
  readonly sid: string
  /** Absent in policies of a role. */
  readonly principal?: { readonly AWS: PolicyValue } | { readonly Service: string }
  readonly actions: readonly string[]
  /** Absent in trust policies. */
  readonly resources?: readonly PolicyValue[]
  readonly condition?: PolicyCondition
  /** Why the statement is there. */
  readonly why: string
  /** What happens when the customer takes it away. */
  readonly revoke: string
}

/** The policies that verification tells apart. */
export type PolicyName = 'trust-policy' | 'role-policy' | 'key-policy'

/** Every name that an encryption context of the gateway has. */
export const CONTEXT_NAMES: readonly string[] = Object.keys(
  encryptionContextOf({ organization: '', site: '', app: '', dataClass: 'issue', keyId: '' }),
)

/** What people do with a key, as against what programs use it for: no Encrypt, Decrypt, data keys or grants. */
const ADMINISTRATION = [
  'kms:CancelKeyDeletion',
  'kms:CreateAlias',
  'kms:DeleteAlias',
  'kms:DescribeKey',
  'kms:DisableKey',
  'kms:DisableKeyRotation',
  'kms:EnableKey',
  'kms:EnableKeyRotation',
  'kms:GetKeyPolicy',
  'kms:GetKeyRotationStatus',
  'kms:ListGrants',
  'kms:ListKeyPolicies',
  'kms:ListKeyRotations',
  'kms:ListResourceTags',
  'kms:PutKeyPolicy',
  'kms:ReplicateKey',
  'kms:RetireGrant',
  'kms:RevokeGrant',
  'kms:RotateKeyOnDemand',
  'kms:ScheduleKeyDeletion',
  'kms:TagResource',
  'kms:UntagResource',
  'kms:UpdateAlias',
  'kms:UpdateKeyDescription',
  'kms:UpdatePrimaryRegion',
]

const USE = ['kms:Encrypt', 'kms:Decrypt']
const LOOK = ['kms:DescribeKey', 'kms:GetKeyRotationStatus']
const ACCOUNT = { AWS: { to: 'account-root' } } as const
const ROLE = { 'aws:PrincipalArn': { to: 'role-arn' } } as const
/** In a key policy, AWS demands it: it means this key. */
const THIS_KEY = ['*']

/** Who may assume the role. */
export function trustPolicy(): PolicyStatement[] {
  return [
    {
      sid: 'GatewayAssumesRole',
      principal: { AWS: { to: 'gateway-principal' } },
      actions: ['sts:AssumeRole'],
      condition: { StringEquals: { 'sts:ExternalId': { to: 'external-id' } } },
      why:
        'Lets the gateway, and nobody else, take on this role. The ExternalId is yours alone, so the gateway cannot ' +
        'be tricked into using this role for another organization (AWS: the confused deputy problem).',
      revoke:
        'To revoke, change Effect to Deny or delete this statement: all BYOK apps of the organization are locked ' +
        'within seconds. To restore, put it back.',
    },
  ]
}

/** What the role may do; the key policy must allow the same. */
export function rolePolicy(plan: Pick<OnboardingPlan, 'regions'>): PolicyStatement[] {
  const resources = plan.regions.map((region): Reference => ({ to: 'key-arn', region }))
  return [
    {
      sid: 'GatewayUsesKeys',
      actions: USE,
      resources,
      why: 'The role may wrap and unwrap tenant keys with these keys and with no other key of the account.',
      revoke: 'To revoke, delete this statement or the whole policy. The key policy limits what for.',
    },
    {
      sid: 'GatewayDescribesKeys',
      actions: LOOK,
      resources,
      why: 'The role may look whether the keys are enabled and rotated, so that verification can tell what is wrong.',
      revoke: 'Taking this away revokes nothing; verification then cannot see the state of the keys.',
    },
  ]
}

/** The policy of the key in every region. */
export function keyPolicy(): PolicyStatement[] {
  return [
    {
      sid: 'AccountAdministration',
      principal: ACCOUNT,
      actions: ADMINISTRATION,
      resources: THIS_KEY,
      condition: { ArnNotEquals: ROLE },
      why:
        'You administer the key through the IAM policies of this account; without this statement nobody could ' +
        'change the key any more. It gives nobody the use of the key, and the role of the gateway nothing at all.',
      revoke:
        'Keep it: DisableKey, ScheduleKeyDeletion and PutKeyPolicy, each of which revokes, are among these actions.',
    },
    {
      sid: 'GatewayUse',
      principal: ACCOUNT,
      actions: USE,
      resources: THIS_KEY,
      condition: {
        ArnEquals: ROLE,
        StringEquals: { 'kms:EncryptionContext:portcullis:organization': { to: 'organization' } },
        'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': CONTEXT_NAMES },
      },
      why:
        'The role may wrap and unwrap tenant keys, only for this organization and only with the encryption context ' +
        'that you read in CloudTrail. The account as principal means that the policy of the role must allow it too.',
      revoke:
        'To revoke, delete this statement or take kms:Decrypt out. To revoke one app or one kind of data, add a ' +
        'condition on kms:EncryptionContext:portcullis:app or kms:EncryptionContext:portcullis:data-class.',
    },
    {
      sid: 'GatewayDescribe',
      principal: ACCOUNT,
      actions: LOOK,
      resources: THIS_KEY,
      condition: { ArnEquals: ROLE },
      why: 'The role may look at the state of the key; AWS knows no encryption context for these calls.',
      revoke: 'Taking this away revokes nothing; verification then cannot see the state of the key.',
    },
  ]
}

/** Who may assume the role that delivers notifications. */
export function eventTrustPolicy(rules: readonly PolicyValue[]): PolicyStatement[] {
  return [
    {
      sid: 'EventBridgeAssumesRole',
      principal: { Service: 'events.amazonaws.com' },
      actions: ['sts:AssumeRole'],
      condition: {
        StringEquals: { 'aws:SourceAccount': { to: 'account-id' } },
        ArnEquals: { 'aws:SourceArn': rules },
      },
      why: 'Lets EventBridge, for these rules of this account, take on the role that delivers notifications.',
      revoke: 'Without it notifications stop; revocation is then found by polling, a few seconds later.',
    },
  ]
}

/** What the role that delivers notifications may do. */
export function eventRolePolicy(destinations: readonly PolicyValue[]): PolicyStatement[] {
  return [
    {
      sid: 'InvokeGatewayNotification',
      actions: ['events:InvokeApiDestination'],
      resources: destinations,
      why: 'The role may call the notification address of the gateway and nothing else.',
      revoke: 'Without it notifications stop; revocation is then found by polling, a few seconds later.',
    },
  ]
}
