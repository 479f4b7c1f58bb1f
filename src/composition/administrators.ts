import type { Administrator, AdministratorSources } from '../admin/authorization.ts'
import { OidcAuthorization } from '../admin/oidc.ts'
import type { Catalog } from '../provisioning/catalog.ts'
import type { ControlPlane } from '../registry/control-plane/control-plane.ts'
import type { AdministratorRecord } from '../registry/control-plane/records.ts'
import type { Settings } from './settings.ts'

/** Administrators of organizations, and identities of an OIDC provider. */
export function administratorSources(
  { configuration }: Settings,
  controlPlane: ControlPlane,
  catalog: Catalog,
): AdministratorSources {
  let byDigest = new Map<string, AdministratorRecord>()
  let bySubject = new Map<string, AdministratorRecord>()
  const index = (): void => {
    const records = [...controlPlane.snapshot.administrators.values()]
    byDigest = new Map(records.flatMap((record) => (record.sha256 === null ? [] : [[record.sha256, record]])))
    bySubject = new Map(
      records.flatMap((record) => (record.subject === null ? [] : [[record.subject, record]])),
    )
  }
  index()
  controlPlane.onChange(index)
  const { oidc } = configuration.admin
  const identities =
    oidc &&
    new OidcAuthorization({
      ...oidc,
      bindingOf: (subject) => present(bySubject.get(subject)),
      organizationExists: (id) => catalog.organization(id) !== undefined,
    })
  return {
    byTokenDigest: (sha256) => present(byDigest.get(sha256)),
    ...(identities === undefined ? {} : { byIdentityToken: (token) => identities.authenticate(token) }),
  }
}

function present(record: AdministratorRecord | undefined): Administrator | undefined {
  if (record === undefined) return undefined
  const { id, name, role, organization, expiresAt } = record
  if (expiresAt !== null && expiresAt <= new Date().toISOString()) return undefined
  return { id: `administrator:${id}`, name: `${organization}/${name}`, role, organization }
}
