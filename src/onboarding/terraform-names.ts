import type { OnboardingPlan } from './plan.ts'

/** A region as an HCL identifier. */
export function identifier(region: string): string {
  return region.replaceAll('-', '_')
}

/** Address of the resource that is the root key in a region. */
export function resourceOfKey(plan: OnboardingPlan, region: string): string {
  return region === plan.primaryRegion ? 'aws_kms_key.root' : `aws_kms_replica_key.${identifier(region)}`
}
