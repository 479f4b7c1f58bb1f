import { IAM_EVENTS_REGION } from './notification.ts'
import type { OnboardingPlan } from './plan.ts'
import { keyPolicy, rolePolicy, trustPolicy } from './policies.ts'
import type { PolicyName, PolicyStatement } from './policies.ts'

/** One thing that applying the templates makes. */
export interface PlannedResource {
  readonly region: string | undefined
  readonly what: string
}

/** One statement in words. */
export interface PlannedPermission {
  readonly policy: PolicyName
  readonly sid: string
  readonly actions: readonly string[]
  readonly why: string
  readonly revoke: string
}

/** What a plan would do, before anything is done. */
export interface PlanExplanation {
  readonly resources: readonly PlannedResource[]
  readonly permissions: readonly PlannedPermission[]
  /** What the customer does next, in order. */
  readonly steps: readonly string[]
  /** What the customer should know beforehand. */
  readonly notes: readonly string[]
}

/** Explains a plan in words; touches nothing. */
export function explainPlan(plan: OnboardingPlan): PlanExplanation {
  const notifies = plan.notificationEndpoint !== undefined
  return {
    resources: [
      {
        region: undefined,
        what: `IAM role ${plan.roleName}, which ${plan.gatewayPrincipalArn} may assume with your ExternalId`,
      },
      ...plan.regions.map((region) => ({ region, what: keyDescription(plan, region) })),
      ...(notifies ? notificationRegions(plan).map(ruleDescription) : []),
    ],
    permissions: [
      ...permissions('trust-policy', trustPolicy()),
      ...permissions('role-policy', rolePolicy(plan)),
      ...permissions('key-policy', keyPolicy()),
    ],
    steps: [
      `Apply the files in account ${plan.accountId}, in the order given.`,
      'Enter the role ARN and the key ARNs, which are outputs, at the gateway.',
      'Run the verification: it tries every permission in every region and changes nothing.',
      'Add sites and apps. What they hold is encrypted under your keys from their first request on.',
    ],
    notes: [
      `Keys and data stay in ${plan.locationName} (${plan.regions.join(', ')}); the location cannot be changed later.`,
      'An app is encrypted under your keys from birth or never; existing apps are not converted.',
      'Disabling the key in any one region locks every BYOK app of the organization; enabling it unlocks them.',
      'Deleting the key for good destroys all data of the organization. Nobody can undo that.',
      ...(notifies
        ? ['Notifications need a CloudTrail trail that records management events in the regions named above.']
        : ['Without notifications a revocation takes effect within the polling bound, a few seconds.']),
    ],
  }
}

function keyDescription(plan: OnboardingPlan, region: string): string {
  if (plan.replicaRegions.length === 0) return 'KMS key, rotated yearly'
  return region === plan.primaryRegion
    ? 'KMS multi-region key (primary), rotated yearly'
    : `replica of the KMS key of ${plan.primaryRegion}`
}

function notificationRegions(plan: OnboardingPlan): string[] {
  return [...new Set([...plan.regions, IAM_EVENTS_REGION])]
}

function ruleDescription(region: string): PlannedResource {
  const about =
    region === IAM_EVENTS_REGION
      ? 'changes of the role, which AWS reports in this region only'
      : 'changes of the key'
  return { region, what: `EventBridge rule that tells the gateway about ${about}` }
}

function permissions(policy: PolicyName, statements: readonly PolicyStatement[]): PlannedPermission[] {
  return statements.map(({ sid, actions, why, revoke }) => ({ policy, sid, actions, why, revoke }))
}
