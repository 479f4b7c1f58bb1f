import type { OnboardingPlan } from './plan.ts'

/** Request header that carries the connection's secret to the notification endpoint. */
export const NOTIFICATION_SECRET_HEADER = 'Portcullis-Notification-Secret'

/** Path of the notification endpoint on the admin listener. */
export const NOTIFICATION_PATH = '/notifications/v1/aws'

/** IAM is a global service: its events exist in this region only. */
export const IAM_EVENTS_REGION = 'us-east-1'

/** Calls on the key after which access may be gone, or back. */
export const KEY_CALLS: readonly string[] = [
  'CancelKeyDeletion',
  'CreateGrant',
  'DisableKey',
  'EnableKey',
  'PutKeyPolicy',
  'RetireGrant',
  'RevokeGrant',
  'ScheduleKeyDeletion',
]

/** Calls on the role after which access may be gone, or back. */
export const ROLE_CALLS: readonly string[] = [
  'AttachRolePolicy',
  'CreateRole',
  'DeleteRole',
  'DeleteRolePermissionsBoundary',
  'DeleteRolePolicy',
  'DetachRolePolicy',
  'PutRolePermissionsBoundary',
  'PutRolePolicy',
  'UpdateAssumeRolePolicy',
]

/** What is left of an event on its way out of the account: enough to verify anew, and nothing about who did it. */
export const EVENT_PATHS: Readonly<Record<string, string>> = {
  id: '$.id',
  time: '$.time',
  account: '$.account',
  region: '$.region',
  call: '$.detail.eventName',
}

/** Pattern for events about the key with this ARN. */
export function keyEventPattern(keyArn: unknown): Record<string, unknown> {
  return {
    source: ['aws.kms'],
    'detail-type': ['AWS API Call via CloudTrail'],
    detail: { eventSource: ['kms.amazonaws.com'], eventName: KEY_CALLS, resources: { ARN: [keyArn] } },
  }
}

/** Pattern for events about the role with this name. */
export function roleEventPattern(roleName: unknown): Record<string, unknown> {
  return {
    source: ['aws.iam'],
    'detail-type': ['AWS API Call via CloudTrail'],
    detail: {
      eventSource: ['iam.amazonaws.com'],
      eventName: ROLE_CALLS,
      requestParameters: { roleName: [roleName] },
    },
  }
}

/** The message that is posted: JSON with the values of {@link EVENT_PATHS}. */
export function eventTemplate(organization: string): string {
  const members = Object.keys(EVENT_PATHS).map((name) => `"${name}": <${name}>`)
  return `{"organization": "${organization}", ${members.join(', ')}}`
}

/** Name of the rule for one kind of event; unique in an account and region. */
export function ruleName(plan: OnboardingPlan, kind: 'key' | 'role'): string {
  return `portcullis-${kind}-${plan.organization}`.slice(0, 64)
}

/** Why there is a rule, for the comments of a template. */
export const RULE_COMMENT =
  'Tells the gateway at once when access may have changed, so that revocation takes effect in about a second ' +
  'instead of a few. An event never locks or unlocks anything by itself: the gateway checks its access anew. ' +
  'EventBridge sees these calls only where a CloudTrail trail records management events in this region.'
