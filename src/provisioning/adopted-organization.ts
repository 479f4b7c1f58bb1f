import type { AuditSink } from '../audit/sink.ts'
import {
  adoptOrganization,
  adoptSite,
  appsOfSite,
  findOrganization,
  saveApp,
  saveByok,
  sitesOfOrganization,
} from '../registry/control-plane/statements.ts'
import type { SqlWork } from '../registry/sql/statement.ts'
import type { FileTenants } from './catalog.ts'
import { newExternalId } from './external-id.ts'

type FileOrganization = FileTenants['organizations'][number]

/**
 * Makes an organization of the configuration file, which has just been applied, one of the API: exactly as the file has
 * it. Sites and apps that earlier files had and this one has not are removed, as they are for the gateway already.
 */
export function* adopt(entry: FileOrganization, createdAt: string, revision: number): SqlWork<void> {
  const { id, name = null, byok } = entry
  const record = yield* findOrganization(id)
  if (record === undefined) throw new Error(`organization ${id} was not applied`)
  const externalId = byok?.externalId ?? newExternalId(id)
  yield* adoptOrganization({ ...record, name, externalId, revision })
  if (byok !== undefined) {
    const { accountId, roleArn, keys } = byok
    yield* saveByok({ organization: id, accountId, roleArn, keys, createdAt, revision })
  }
  for (const site of yield* sitesOfOrganization(id)) {
    const wanted = entry.sites.find(({ name: siteName }) => siteName === site.name)
    const hosts = wanted?.hosts.map((host) => host.toLowerCase()) ?? []
    yield* adoptSite({ ...site, hosts, removedAt: wanted === undefined ? createdAt : null, revision })
    for (const app of yield* appsOfSite(site.name)) {
      const kept = wanted?.apps.some(({ type }) => type === app.type) === true
      yield* saveApp({ ...app, removedAt: kept ? null : createdAt, revision })
    }
  }
}

/** Puts what was taken over into the audit trails of the organizations. */
export function recordAdoptions(organizations: readonly string[], audit: AuditSink, at: string): void {
  for (const organization of organizations) {
    const change = { change: 'organization.adopted', by: 'the configuration file' }
    audit.record({ type: 'provisioning.changed', at, authority: organization, organization, ...change })
  }
}
