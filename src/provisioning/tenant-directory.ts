import type { DirectoryInput } from '../tenant/directory.ts'
import type { ControlPlaneSnapshot } from '../registry/control-plane/snapshot.ts'
import type { Catalog } from './catalog.ts'

/** The part of a directory that the configuration file brings beside organizations. */
export type FileCredentials = Pick<DirectoryInput, 'tokens' | 'clientCertificates'>

/** What a directory is built from: file and registry as one, at one moment. */
export function directoryInput(
  catalog: Catalog,
  snapshot: ControlPlaneSnapshot,
  credentials: FileCredentials,
  nowIso: string,
): DirectoryInput {
  const organizations = catalog.organizationIds().map((id) => {
    const { location, name, byok } = catalog.organization(id)!
    const sites = catalog.sites(id).map((site) => ({
      name: site.name,
      hosts: site.hosts,
      // an app whose keys are not known yet comes with the next change
      apps: site.apps.filter((app) => (app.byok ? byok !== undefined : catalog.hasVendorKeys(location))),
    }))
    return { id, name: name ?? undefined, location, byok, sites }
  })
  const tokens = [...snapshot.appTokens.values()]
    .filter(({ expiresAt }) => expiresAt === null || expiresAt > nowIso)
    .map(({ id, name, organization, sha256, sites }) => ({
      name: `${organization}/${name} (${id})`,
      sha256,
      sites,
    }))
  return {
    organizations,
    vendorKeys: catalog.vendorKeys,
    tokens: [...credentials.tokens, ...tokens],
    clientCertificates: credentials.clientCertificates,
  }
}

/** When the next app token or S3 access key expires, RFC 3339; undefined when none will. */
export function nextExpiry(snapshot: ControlPlaneSnapshot, nowIso: string): string | undefined {
  let next: string | undefined
  for (const { expiresAt } of [...snapshot.appTokens.values(), ...snapshot.accessKeys.values()]) {
    if (expiresAt !== null && expiresAt > nowIso && (next === undefined || expiresAt < next)) next = expiresAt
  }
  return next
}
