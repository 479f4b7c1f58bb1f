import { locationById } from '../config/locations.ts'

const ORGANIZATION = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const ACCOUNT_ID = /^\d{12}$/
/** A role or a user; never an account's root, which would let everybody in that account assume the role. */
const PRINCIPAL_ARN = /^arn:aws:iam::\d{12}:(?:role|user)(?:\/[\w+=,.@-]{1,128}){1,8}$/
/** AWS STS, AssumeRole: parameter ExternalId. */
const EXTERNAL_ID = /^[\w+=,.@:/-]{2,1224}$/
const ENDPOINT_CHARACTERS_MAX = 2048
const ROLE_NAME_CHARACTERS_MAX = 64

/** What onboarding starts from. */
export interface OnboardingRequest {
  readonly organization: string
  /** The customer's AWS account, 12 digits. */
  readonly accountId: string
  /** Identifier of a data residency location. */
  readonly location: string
  /** ARN of the IAM role or user that the gateway runs as. */
  readonly gatewayPrincipalArn: string
  readonly externalId: string
  /** HTTPS address of this gateway for instant revocation; absent: revocation is found by polling alone. */
  readonly notificationEndpoint?: string | undefined
}

/** A request that has been checked, with what follows from it. */
export interface OnboardingPlan extends Omit<OnboardingRequest, 'notificationEndpoint'> {
  readonly notificationEndpoint: string | undefined
  readonly locationName: string
  /** Primary region first. */
  readonly regions: readonly string[]
  readonly primaryRegion: string
  readonly replicaRegions: readonly string[]
  readonly roleName: string
  readonly roleArn: string
}

/** One thing that is wrong with a request. */
export interface PlanProblem {
  readonly member: keyof OnboardingRequest
  readonly detail: string
}

/** The request cannot be planned; names everything that is wrong with it. */
export class PlanRefused extends Error {
  readonly problems: readonly PlanProblem[]

  constructor(problems: readonly PlanProblem[]) {
    super(problems.map(({ member, detail }) => `${member}: ${detail}`).join('; '))
    this.name = 'PlanRefused'
    this.problems = problems
  }
}

/** Checks a request. Throws {@link PlanRefused}. */
export function planOnboarding(request: OnboardingRequest): OnboardingPlan {
  const problems = problemsOf(request)
  const location = locationById(request.location)
  const primaryRegion = location?.regions[0]
  if (problems.length > 0 || location === undefined || primaryRegion === undefined)
    throw new PlanRefused(problems)
  const roleName = `portcullis-${request.organization}`.slice(0, ROLE_NAME_CHARACTERS_MAX)
  return {
    organization: request.organization,
    accountId: request.accountId,
    location: location.id,
    locationName: location.name,
    regions: location.regions,
    primaryRegion,
    replicaRegions: location.regions.slice(1),
    gatewayPrincipalArn: request.gatewayPrincipalArn,
    externalId: request.externalId,
    notificationEndpoint: request.notificationEndpoint,
    roleName,
    roleArn: `arn:aws:iam::${request.accountId}:role/${roleName}`,
  }
}

function problemsOf(request: OnboardingRequest): PlanProblem[] {
  const problems: PlanProblem[] = []
  const refuse = (member: PlanProblem['member'], detail: string): void => {
    problems.push({ member, detail })
  }
  if (!ORGANIZATION.test(request.organization)) {
    refuse('organization', 'must be 1 to 63 lower-case letters, digits and inner hyphens')
  }
  if (!ACCOUNT_ID.test(request.accountId)) {
    refuse(
      'accountId',
      `must be an AWS account ID of exactly 12 digits, not ${request.accountId.length} characters`,
    )
  }
  if (locationById(request.location) === undefined) refuse('location', 'is no data residency location')
  if (!PRINCIPAL_ARN.test(request.gatewayPrincipalArn)) {
    refuse(
      'gatewayPrincipalArn',
      'must be the ARN of an IAM role or user, such as arn:aws:iam::444455556666:role/gateway',
    )
  }
  if (!EXTERNAL_ID.test(request.externalId)) {
    refuse('externalId', 'must be 2 to 1224 letters, digits or any of _+=,.@:/-')
  }
  if (request.notificationEndpoint !== undefined && !isEndpoint(request.notificationEndpoint)) {
    refuse('notificationEndpoint', 'must be an https address without credentials, query or fragment')
  }
  return problems
}

function isEndpoint(text: string): boolean {
  if (text.length > ENDPOINT_CHARACTERS_MAX || !URL.canParse(text)) return false
  const { protocol, username, password, search, hash, href } = new URL(text)
  // written exactly as it is read, so that nothing in it can mean something else in a template
  const exact = href === text || href === `${text}/`
  return exact && protocol === 'https:' && username + password + search + hash === '' && /^[!-~]+$/.test(text)
}
