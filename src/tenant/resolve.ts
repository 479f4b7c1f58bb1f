import { PortcullisError } from '../errors.ts'
import type { Caller, PeerCertificate } from './caller.ts'
import type { Directory, Site } from './directory.ts'
import type { AppType, TenantApp } from './tenant.ts'

/** The parts of a request that say who asks and for which tenant; header values as received. */
export interface TenantClaim {
  /** `Portcullis-Authorization`. */
  readonly authorization: string | undefined
  /** `Portcullis-Tenant`. */
  readonly tenant: string | undefined
  /** `Portcullis-App`. */
  readonly tenantApp: string | undefined
  readonly host: string | undefined
}

/** A request that may go on, in terms of the directory. */
export interface ResolvedTenant {
  readonly caller: Caller
  readonly site: Site
  /** The app that writes. */
  readonly app: TenantApp
}

const BEARER = /^bearer +([\x21-\x7e]+) *$/i

/**
 * Credentials, then tenant, then app: the order in which refusals are decided.
 * Throws `credentials-required`, `credentials-refused`, `tenant-required`, `tenant-unknown` or `request-malformed`.
 *
 * @param storeApps apps of the store that the request is for, in the store's order
 * @param certificate of the connection, only when TLS has verified it
 */
export function resolveTenant(
  directory: Directory,
  claim: TenantClaim,
  storeApps: readonly AppType[],
  certificate?: PeerCertificate,
): ResolvedTenant {
  const caller = authenticate(directory, claim.authorization, certificate)
  const site = selectSite(directory, claim)
  if (!caller.sites.has(site.name)) {
    throw new PortcullisError('credentials-refused', 'These credentials are not for this tenant.')
  }
  return { caller, site, app: selectApp(site, storeApps, claim.tenantApp) }
}

/** Who asks. A token decides alone when there is one; a certificate counts without one. */
function authenticate(
  directory: Directory,
  authorization: string | undefined,
  certificate?: PeerCertificate,
): Caller {
  if (authorization !== undefined) {
    const token = BEARER.exec(authorization)?.[1]
    const caller = token === undefined ? undefined : directory.callerByToken(token)
    if (caller === undefined)
      throw new PortcullisError('credentials-refused', 'The bearer token is not valid.')
    return caller
  }
  if (certificate === undefined) {
    throw new PortcullisError(
      'credentials-required',
      'Send Portcullis-Authorization: Bearer <app token>, or a client certificate.',
    )
  }
  const caller = directory.callerByCertificate(certificate)
  if (caller === undefined)
    throw new PortcullisError('credentials-refused', 'The client certificate is not registered.')
  return caller
}

/** Which site is meant: the header's or else the host's; two different answers are refused. */
function selectSite(directory: Directory, claim: Pick<TenantClaim, 'tenant' | 'host'>): Site {
  const byHost = claim.host === undefined ? undefined : directory.siteByHost(claim.host)
  if (claim.tenant === undefined) {
    if (byHost !== undefined) return byHost
    throw new PortcullisError(
      'tenant-required',
      'Send Portcullis-Tenant: <site>, or use a host name of the site.',
    )
  }
  const byName = directory.siteByName(claim.tenant)
  if (byName === undefined) throw new PortcullisError('tenant-unknown', 'There is no such tenant.')
  if (byHost !== undefined && byHost !== byName) {
    throw new PortcullisError('request-malformed', 'Host and Portcullis-Tenant name different tenants.')
  }
  return byName
}

/**
 * The app of a site that a store's writes belong to: the requested one, else the first of the store's that the
 * site has. Throws `tenant-unknown` when the site has none of them, `request-malformed` for an app the store has not.
 */
export function selectApp(site: Site, storeApps: readonly AppType[], requested?: string): TenantApp {
  if (requested !== undefined) {
    const type = storeApps.find((type) => type === requested)
    if (type === undefined) {
      throw new PortcullisError(
        'request-malformed',
        `Portcullis-App is one of ${storeApps.join(', ')} for this store.`,
      )
    }
    const app = site.app(type)
    if (app === undefined) throw new PortcullisError('tenant-unknown', `The tenant has no ${type}.`)
    return app
  }
  for (const type of storeApps) {
    const app = site.app(type)
    if (app !== undefined) return app
  }
  throw new PortcullisError('tenant-unknown', 'The tenant has none of the apps of this store.')
}

/** All apps of a site whose data a store keeps: keys of any of them may be read there. */
export function readableApps(site: Site, storeApps: readonly AppType[]): TenantApp[] {
  return storeApps.flatMap((type) => site.app(type) ?? [])
}
