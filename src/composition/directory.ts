import { locationById } from '../config/locations.ts'
import { Directory } from '../tenant/directory.ts'
import type { Settings } from './settings.ts'

/** The tenants of a configuration. */
export function directoryOf({ configuration, materials }: Settings): Directory {
  return new Directory({
    organizations: configuration.organizations.map((organization) => ({
      ...organization,
      regions: locationById(organization.location)?.regions ?? [],
    })),
    vendorKeys: configuration.vendorKeys,
    tokens: materials.tokens,
    clientCertificates: configuration.clientCertificates,
  })
}
