import { isJiraFamily } from './app-types.ts'
import { quoted, type RuleFinding } from './finding.ts'
import { refuse } from './rules/rule.ts'

/** What was applied before and can never change: kept by the registry, entries are never dropped. */
export interface AppliedSnapshot {
  readonly organizations: readonly {
    readonly id: string
    readonly location: string
    readonly sites: readonly {
      readonly name: string
      readonly apps: readonly { readonly type: string; readonly byok: boolean }[]
    }[]
  }[]
}

/**
 * What `next` changes although it never may: the location of an organization, the owner of a site, the BYOK
 * setting of an app, or that of its Jira family through an app that is gone from `next`. Paths are those of `next`.
 */
export function immutabilityFindings(previous: AppliedSnapshot, next: AppliedSnapshot): RuleFinding[] {
  const before = new Map(previous.organizations.map((organization) => [organization.id, organization]))
  const sites = new Map(
    previous.organizations.flatMap((organization) =>
      organization.sites.map((site) => [site.name, { owner: organization.id, apps: site.apps }] as const),
    ),
  )
  return next.organizations.flatMap((organization, index) => {
    const path = ['organizations', index]
    const findings: RuleFinding[] = []
    const earlier = before.get(organization.id)
    if (earlier !== undefined && earlier.location !== organization.location) {
      const reason = `the location of ${quoted(organization.id)} is ${earlier.location} and never changes`
      const remedy = `Write ${earlier.location}; another location takes a new organization and an export of the data`
      findings.push(refuse('location-immutable', [...path, 'location'], reason, remedy))
    }
    organization.sites.forEach((site, siteIndex) => {
      const known = sites.get(site.name)
      if (known === undefined) return
      const sitePath = [...path, 'sites', siteIndex]
      if (known.owner !== organization.id) {
        const reason = `site ${quoted(site.name)} belongs to organization ${quoted(known.owner)}`
        findings.push(
          refuse('site-foreign', [...sitePath, 'name'], reason, 'Choose another name for a new site'),
        )
        return
      }
      site.apps.forEach((app, appIndex) => {
        findings.push(...appFindings(app, known.apps, [...sitePath, 'apps', appIndex, 'byok']))
      })
    })
    return findings
  })
}

type App = AppliedSnapshot['organizations'][number]['sites'][number]['apps'][number]

function appFindings(app: App, earlier: readonly App[], path: RuleFinding['path']): RuleFinding[] {
  const same = earlier.find((other) => other.type === app.type)
  if (same !== undefined) {
    if (same.byok === app.byok) return []
    const reason = `${app.type} was provisioned with byok: ${same.byok} and cannot be converted`
    return [
      refuse(
        'byok-immutable',
        path,
        reason,
        `Write byok: ${same.byok}; for the other setting use a new site`,
      ),
    ]
  }
  const relative = earlier.find((other) => isJiraFamily(other.type) && isJiraFamily(app.type))
  if (relative === undefined || relative.byok === app.byok) return []
  const reason = `${relative.type} of this site was provisioned with byok: ${relative.byok}: they share one database`
  return [refuse('jira-family', path, reason, `Write byok: ${relative.byok}`)]
}
