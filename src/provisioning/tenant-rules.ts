import { domainFindings } from '../config/domain-rules.ts'
import { APP_TYPES, isJiraFamily } from '../config/app-types.ts'
import type { AppRecord } from '../registry/control-plane/records.ts'
import type { AppType } from '../tenant/tenant.ts'
import type { Catalog } from './catalog.ts'
import { publicFindings, refusedBy, refusedByAll } from './refusal.ts'

/** An organization as the rules of the configuration file read it. */
export interface RuledOrganization {
  readonly id: string
  readonly location: string
  readonly byok?: {
    readonly accountId: string
    readonly roleArn: string
    readonly externalId: string
    readonly keys: Readonly<Record<string, string>>
  }
  readonly sites?: readonly {
    readonly name: string
    readonly hosts: readonly string[]
    readonly apps: readonly { readonly type: AppType; readonly byok: boolean }[]
  }[]
}

/**
 * Applies every rule that a configuration file is judged by to one organization, so that API and file refuse alike.
 * `prefixLength` is the number of path parts between the organization and the body of the request.
 */
export function assertRules(organization: RuledOrganization, catalog: Catalog, prefixLength: number): void {
  const { vendorKeys, stores } = catalog
  const findings = domainFindings({ organizations: [organization], vendorKeys, stores }).filter(
    ({ severity, path }) => severity === 'error' && path[0] === 'organizations',
  )
  if (findings.length > 0) throw refusedByAll(publicFindings(findings, 2 + prefixLength))
}

const JIRA_PRODUCT_DISCOVERY = 'jira-product-discovery'

/** A type of app by its name. Jira Product Discovery is none: it lives in the database of the Jira family. */
export function appTypeOf(name: string, path: string): AppType {
  const type = APP_TYPES.find((candidate) => candidate === name)
  if (type !== undefined) return type
  if (name === JIRA_PRODUCT_DISCOVERY) {
    const reason =
      'Jira Product Discovery is no app of its own: it shares the database of the Jira family, and so its keys and its suspension'
    throw refusedBy('app-type', path, reason, 'Add jira, and send its traffic the same way')
  }
  const reason = `${JSON.stringify(name.slice(0, 64))} is no type of app`
  throw refusedBy('app-type', path, reason, `Choose one of ${APP_TYPES.join(', ')}`)
}

/** A root key whatever its region: the replicas of a multi-region key are one key. */
export function rootKeyIdentity(arn: string): string {
  const [, , , , account, resource = ''] = arn.split(':')
  return resource.startsWith('key/mrk-') ? `${account}/${resource.slice('key/'.length)}` : arn
}

/**
 * Judges a new app by all that its site ever had. Returns the record of the app when it was removed before and may
 * come back.
 */
export function judgeNewApp(
  app: { readonly type: AppType; readonly byok: boolean },
  site: string,
  history: readonly AppRecord[],
  path: string,
): AppRecord | undefined {
  const same = history.find(({ type }) => type === app.type)
  if (same !== undefined && same.removedAt === null && same.byok === app.byok) {
    const remedy = 'Nothing is to be done'
    throw refusedBy('app-duplicate', path, `site ${JSON.stringify(site)} has ${app.type} already`, remedy)
  }
  if (same !== undefined && same.byok !== app.byok) throw conversionRefused(same)
  assertFamily(app, history, path)
  if (app.byok && history.length > 0 && history.every(({ byok }) => !byok)) {
    const reason = `site ${JSON.stringify(site)} has apps and none of them is BYOK`
    const remedy = 'Add the BYOK app to a new site, or to one that already has a BYOK app'
    throw refusedBy('byok-site', path, reason, remedy)
  }
  return same
}

function assertFamily(
  app: { readonly type: AppType; readonly byok: boolean },
  history: readonly AppRecord[],
  path: string,
): void {
  if (!isJiraFamily(app.type)) return
  const relative = history.find((other) => isJiraFamily(other.type) && other.byok !== app.byok)
  if (relative === undefined) return
  const reason = `${relative.type} of this site has byok: ${relative.byok}, and Jira apps of one site share one database`
  throw refusedBy('jira-family', path, reason, `Set byok: ${relative.byok}, or use another site`)
}

/** Why an app is not converted. */
export function conversionRefused(app: { readonly type: AppType; readonly byok: boolean }): Error {
  const reason = `${app.type} was provisioned with byok: ${app.byok} and cannot be converted`
  const remedy = `Add ${app.type} with byok: ${!app.byok} to a new site, and move the data there`
  return refusedBy('byok-immutable', 'byok', reason, remedy)
}
