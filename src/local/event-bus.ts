import type { LocalAws } from './aws/local-aws.ts'
import type { TrailEvent } from './aws/events.ts'
import type { AuthorityResources } from './aws/world.ts'
import {
  KEY_CALLS,
  NOTIFICATION_PATH,
  NOTIFICATION_SECRET_HEADER,
  ROLE_CALLS,
} from '../onboarding/notification.ts'

/** Where the rules of a customer's account send what they match. */
export interface NotificationTarget {
  /** Base URL of the gateway's admin plane. */
  readonly adminUrl: string
  readonly organization: string
  readonly secret: string
}

/**
 * The customer's EventBridge: what the rules of the onboarding templates match in the trail is posted to the gateway.
 * Best effort, once, as the promise of the gateway does not rest on it. Returns the end of it.
 */
export function startEventBus(
  aws: LocalAws,
  customer: AuthorityResources,
  target: NotificationTarget,
): () => void {
  const keyArns = new Set(customer.keys.map(({ keyArn }) => keyArn))
  const roleName = customer.roleArn.split('/').at(-1)
  return aws.parts.events.subscribe((event) => {
    if (!concerns(event, keyArns, roleName) || event.recipientAccountId !== customer.accountId) return
    const body = JSON.stringify({
      organization: target.organization,
      id: event.eventID,
      time: event.eventTime,
      account: event.recipientAccountId,
      region: event.awsRegion,
      call: event.eventName,
    })
    const headers = { 'Content-Type': 'application/json', [NOTIFICATION_SECRET_HEADER]: target.secret }
    fetch(target.adminUrl + NOTIFICATION_PATH, { method: 'POST', headers, body }).catch(() => undefined)
  })
}

function concerns(event: TrailEvent, keyArns: ReadonlySet<string>, roleName: string | undefined): boolean {
  if (event.errorCode !== undefined) return false
  switch (event.eventSource) {
    case 'kms.amazonaws.com':
      return KEY_CALLS.includes(event.eventName) && event.resources.some(({ ARN }) => keyArns.has(ARN))
    case 'iam.amazonaws.com':
      return ROLE_CALLS.includes(event.eventName) && event.requestParameters?.['roleName'] === roleName
    default:
      return false
  }
}
