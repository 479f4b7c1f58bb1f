import type { GeneratedFile } from '../../../onboarding/generated-file.ts'
import type { VerificationReport } from '../../../onboarding/verification.ts'
import type { ApiHandlers, ApiServices } from '../handler.ts'
import { accessView, impactView } from '../views.ts'

/** The BYOK configuration: shown, set, planned and verified. */
export const byokHandlers: ApiHandlers<
  'byok.get' | 'byok.put' | 'byok.plan' | 'byok.notifications' | 'byok.status' | 'byok.verify'
> = {
  'byok.get': ({ services, params }) => byokAnswer(services, params['organization']!),

  'byok.put': async ({ services, administrator, params, body, expectedRevision }) => {
    const id = params['organization']!
    await services.organizations.setByok(administrator, id, body, expectedRevision)
    return byokAnswer(services, id)
  },

  'byok.plan': ({ services, params, query }) => {
    const { plan, explanation, cloudFormation, terraform } = services.byok.plan(
      params['organization']!,
      query.accountId,
    )
    return {
      body: {
        organization: plan.organization,
        accountId: plan.accountId,
        location: plan.location,
        roleArn: plan.roleArn,
        externalId: plan.externalId,
        resources: explanation.resources.map(({ region, what }) => ({ region: region ?? null, what })),
        permissions: explanation.permissions.map((permission) => ({
          ...permission,
          actions: [...permission.actions],
        })),
        steps: [...explanation.steps],
        notes: [...explanation.notes],
        cloudFormation: cloudFormation.map(fileView),
        terraform: terraform.map(fileView),
      },
    }
  },

  'byok.notifications': ({ services, params }) => ({
    body: services.byok.notifications(params['organization']!),
  }),

  'byok.status': ({ services, params }) => {
    const { access, organization } = services.byok.get(params['organization']!)
    return {
      body: { access: accessView(access), impact: impactView(services.byok.impact(organization.id)) },
    }
  },

  'byok.verify': async ({ services, params, alternative }) => {
    const { id } = services.byok.get(params['organization']!).organization
    if (alternative) return { stream: verificationLines(services, id) }
    const steps = services.byok.verification(id)
    for (;;) {
      const { done, value } = await steps.next()
      if (done === true) return { body: reportView(services, id, value) }
    }
  },
}

async function* verificationLines(services: ApiServices, id: string): AsyncGenerator<string> {
  const steps = services.byok.verification(id)
  for (;;) {
    const { done, value } = await steps.next()
    const line = done === true ? { report: reportView(services, id, value) } : { step: value }
    yield `${JSON.stringify(line)}\n`
    if (done === true) return
  }
}

function reportView(services: ApiServices, id: string, report: VerificationReport) {
  const { ok, checks, findings, notVerifiable } = report
  return {
    ok,
    at: new Date(services.wallTimeMs()).toISOString(),
    checks: [...checks],
    findings: findings.map((finding) => ({
      ...finding,
      statements: [...finding.statements],
      region: finding.region ?? null,
    })),
    notVerifiable: [...notVerifiable],
    impact: impactView(services.byok.impact(id)),
  }
}

function byokAnswer(services: ApiServices, id: string) {
  const shown = services.byok.get(id)
  const body = {
    organization: id,
    accountId: shown.accountId,
    location: shown.organization.location,
    roleArn: shown.roleArn,
    externalId: shown.externalId,
    keys: shown.regionalKeys.map(({ region, keyArn, verifiedAt }) => ({
      region,
      keyArn,
      verifiedAt: verifiedAt ?? null,
    })),
    managedBy: shown.organization.managedBy,
    createdAt: shown.createdAt,
    replaceable: shown.replaceable,
    revocationBoundMs: shown.revocationBoundMs,
    access: accessView(shown.access),
  }
  return { body, revision: shown.revision }
}

function fileView({ fileName, purpose, region, text, commands }: GeneratedFile) {
  return { fileName, purpose, region: region ?? null, text, commands: [...commands] }
}
