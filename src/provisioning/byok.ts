import type { AccessControl, AccessStatus } from '../access/access-control.ts'
import { cloudFormation } from '../onboarding/cloudformation.ts'
import { explainPlan, type PlanExplanation } from '../onboarding/explain.ts'
import type { GeneratedFile } from '../onboarding/generated-file.ts'
import { notificationSecret } from '../onboarding/notification-secret.ts'
import { NOTIFICATION_SECRET_HEADER } from '../onboarding/notification.ts'
import { type OnboardingPlan, planOnboarding, PlanRefused } from '../onboarding/plan.ts'
import type { AwsProbe } from '../onboarding/probe.ts'
import { terraform } from '../onboarding/terraform.ts'
import type { VerificationReport, VerificationStep } from '../onboarding/verification.ts'
import { verificationSteps } from '../onboarding/verify.ts'
import type { WrappedKeyStore } from '../keyring/wrapped-key-store.ts'
import type { DirectoryHolder } from '../tenant/directory-holder.ts'
import type { AppType } from '../tenant/tenant.ts'
import type { Catalog, CatalogByok, CatalogOrganization } from './catalog.ts'
import { refusedBy, unknown } from './refusal.ts'

/** What this gateway tells customers about itself. */
export interface OnboardingSettings {
  readonly gatewayPrincipalArn?: string | undefined
  readonly notificationEndpoint?: string | undefined
  /** What the secrets of notifications are derived from. */
  readonly notificationKey?: string | undefined
}

/** How EventBridge in a customer's account proves itself to the gateway. */
export interface NotificationCredential {
  readonly endpoint: string | null
  readonly header: string
  readonly secret: string
}

/** Collaborators of {@link ByokService}. */
export interface ByokServiceOptions {
  readonly catalog: Catalog
  readonly directory: DirectoryHolder
  readonly access: Pick<AccessControl, 'status'>
  readonly keys: Pick<WrappedKeyStore, 'ofAuthority'>
  readonly onboarding: OnboardingSettings
  readonly revocationBoundMs: number
  /** Opens a way to AWS for one verification. */
  readonly openProbe: () => AwsProbe
  /** RFC 3339 of the last use of an authority's key in a region that this process saw succeed. */
  readonly verifiedAt: (authorityId: string, region: string) => string | undefined
}

/** A BYOK configuration as it stands. */
export interface ByokView extends CatalogByok {
  readonly organization: CatalogOrganization
  readonly regionalKeys: readonly {
    readonly region: string
    readonly keyArn: string
    readonly verifiedAt: string | undefined
  }[]
  readonly replaceable: boolean
  readonly access: AccessStatus | undefined
  readonly revocationBoundMs: number
}

/** Files for the customer's account, with words to them. */
export interface PlanView {
  readonly plan: OnboardingPlan
  readonly explanation: PlanExplanation
  readonly cloudFormation: readonly GeneratedFile[]
  readonly terraform: readonly GeneratedFile[]
}

interface AppName {
  readonly site: string
  readonly app: AppType
}

/** What a revocation would do now. */
export interface Impact {
  readonly stops: readonly AppName[]
  readonly continues: readonly AppName[]
  readonly transfersCut: number
  readonly withinMs: number
}

/** Shows, plans and verifies BYOK configurations; changes nothing. Every refusal is a `PortcullisError`. */
export class ByokService {
  readonly #options: ByokServiceOptions

  constructor(options: ByokServiceOptions) {
    this.#options = options
  }

  get(id: string): ByokView {
    const { catalog, access, keys, revocationBoundMs, verifiedAt } = this.#options
    const organization = catalog.organization(id)
    if (organization === undefined) throw unknown('organization', id)
    const { byok } = organization
    if (byok === undefined) throw unknown('BYOK configuration of organization', id)
    return {
      ...byok,
      organization,
      regionalKeys: catalog.regionsOf(organization.location).map((region) => ({
        region,
        keyArn: byok.keys[region] ?? '',
        verifiedAt: verifiedAt(id, region),
      })),
      replaceable: organization.managedBy === 'api' && keys.ofAuthority(id).length === 0,
      access: access.status(id),
      revocationBoundMs,
    }
  }

  impact(id: string): Impact {
    const { catalog, access, revocationBoundMs } = this.#options
    const apps = catalog
      .sites(id)
      .flatMap((site) => site.apps.map(({ type, byok }) => ({ site: site.name, app: type, byok })))
    const named = (byok: boolean): AppName[] =>
      apps.filter((app) => app.byok === byok).map(({ site, app }) => ({ site, app }))
    return {
      stops: named(true),
      continues: named(false),
      transfersCut: access.status(id)?.transfers ?? 0,
      withinMs: revocationBoundMs,
    }
  }

  plan(id: string, accountId: string | undefined): PlanView {
    const { catalog, onboarding } = this.#options
    const organization = catalog.organization(id)
    if (organization === undefined) throw unknown('organization', id)
    const { gatewayPrincipalArn, notificationEndpoint } = onboarding
    if (gatewayPrincipalArn === undefined) throw unconfigured()
    const account = accountId ?? organization.byok?.accountId
    if (account === undefined) {
      throw refusedBy(
        'account-id',
        'accountId',
        'no AWS account is named',
        'Name the 12 digits of the account',
      )
    }
    if (organization.externalId === null) {
      const reason = 'an organization of the configuration file has its ExternalId there'
      throw refusedBy('managed-by-file', '', reason, 'Write byok into the file first')
    }
    const plan = planned({
      organization: id,
      accountId: account,
      location: organization.location,
      gatewayPrincipalArn,
      externalId: organization.externalId,
      notificationEndpoint,
    })
    return {
      plan,
      explanation: explainPlan(plan),
      cloudFormation: cloudFormation(plan),
      terraform: terraform(plan),
    }
  }

  /** What the customer enters for instant notifications. */
  notifications(id: string): NotificationCredential {
    const { catalog, onboarding } = this.#options
    if (catalog.organization(id) === undefined) throw unknown('organization', id)
    if (onboarding.notificationKey === undefined) {
      const reason = 'this gateway takes no notifications'
      const remedy = 'Let the operator set onboarding.notificationSecret in the configuration'
      throw refusedBy('onboarding-unconfigured', '', reason, remedy)
    }
    return {
      endpoint: onboarding.notificationEndpoint ?? null,
      header: NOTIFICATION_SECRET_HEADER,
      secret: notificationSecret(onboarding.notificationKey, id),
    }
  }

  /** Tries every permission in every region. Yields before each region, and returns the report. */
  async *verification(id: string): AsyncGenerator<VerificationStep, VerificationReport> {
    const { accountId, externalId, roleArn, regionalKeys } = this.get(id)
    const [first] = this.impact(id).stops
    const probe = this.#options.openProbe()
    try {
      return yield* verificationSteps(probe, {
        organization: id,
        accountId,
        externalId,
        roleArn,
        gatewayPrincipalArn: this.#options.onboarding.gatewayPrincipalArn ?? 'of the gateway',
        keys: regionalKeys,
        ...(first === undefined
          ? {}
          : { tenant: { ...first, dataClass: first.app === 'confluence' ? 'page' : 'issue' } }),
      })
    } finally {
      probe.close()
    }
  }
}

function planned(request: Parameters<typeof planOnboarding>[0]): OnboardingPlan {
  try {
    return planOnboarding(request)
  } catch (thrown) {
    if (!(thrown instanceof PlanRefused)) throw thrown
    if (thrown.problems.some(({ member }) => member === 'accountId')) {
      const remedy = 'Write the 12 digits of the account, without hyphens'
      throw refusedBy('account-id', 'accountId', 'an AWS account ID has exactly 12 digits', remedy)
    }
    const reason = thrown.problems.map(({ member, detail }) => `${member} ${detail}`).join(', ')
    const remedy = 'Let the operator correct onboarding in the configuration'
    throw refusedBy('onboarding-unconfigured', '', reason, remedy)
  }
}

function unconfigured(): Error {
  const reason = 'this gateway does not know as which IAM principal it runs'
  const remedy = 'Let the operator set onboarding.gatewayPrincipalArn in the configuration'
  return refusedBy('onboarding-unconfigured', '', reason, remedy)
}
