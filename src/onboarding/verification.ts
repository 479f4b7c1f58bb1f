import type { AppType, DataClass } from '../tenant/tenant.ts'
import type { PolicyName } from './policies.ts'

/** What the customer applied and entered at the gateway. */
export interface OnboardingSetup {
  readonly organization: string
  readonly accountId: string
  readonly gatewayPrincipalArn: string
  readonly externalId: string
  readonly roleArn: string
  /** One key per region of the location, primary region first. */
  readonly keys: readonly { readonly region: string; readonly keyArn: string }[]
  /** The tenant whose encryption context is tried; matters only where the customer restricts keys by it. */
  readonly tenant?: { readonly site: string; readonly app: AppType; readonly dataClass: DataClass }
}

/** The statement of the templates that a finding is about. */
export interface StatementName {
  readonly policy: PolicyName
  readonly sid: string
}

/** Something to put right. */
export interface VerificationFinding {
  readonly kind:
    /** A statement is missing, or lacks an action, a resource or a right condition. */
    | 'missing'
    /** A statement allows what it must not. */
    | 'too-wide'
    /** An explicit Deny somewhere refuses what the statement allows. */
    | 'denied'
    /** The key itself is not as it must be. */
    | 'setting'
    /** AWS gave no verdict: try again. */
    | 'inconclusive'
  /** The statements that may be the cause: one, or two where AWS does not say which policy refused. */
  readonly statements: readonly StatementName[]
  readonly region: string | undefined
  readonly detail: string
  /** What to do, for a person with access to the account. */
  readonly remedy: string
}

/** One thing that was tried. */
export interface VerificationCheck {
  /** Stable name, for example `encrypt` or `refuses-other-organization`. */
  readonly id: string
  readonly region: string
  readonly title: string
  readonly verdict: 'passed' | 'failed' | 'inconclusive' | 'skipped'
}

/** Result of a verification. */
export interface VerificationReport {
  /** True when every check passed. */
  readonly ok: boolean
  readonly checks: readonly VerificationCheck[]
  readonly findings: readonly VerificationFinding[]
  /** What the gateway cannot look at with the permissions it has, for completeness. */
  readonly notVerifiable: readonly string[]
}

/** A region whose turn it is. */
export interface VerificationStep {
  readonly region: string
  /** Regions before it. */
  readonly done: number
  readonly regions: number
}
