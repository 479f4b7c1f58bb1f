import { locationById } from '../config/locations.ts'
import type { Caller, PeerCertificate } from './caller.ts'
import type { AppType, KeyAuthority, TenantApp } from './tenant.ts'
import { type TokenEntry, TokenIndex } from './token-index.ts'
import { CertificateIndex, type CertificateEntry } from './certificate-index.ts'

/** A root key by region. */
type RegionalKeyArns = Readonly<Record<string, string>>

interface KeySet {
  readonly accountId: string
  readonly roleArn: string
  readonly externalId: string
  readonly keys: RegionalKeyArns
}

/** What a directory is built from: a checked configuration, or the registry. */
export interface DirectoryInput {
  readonly organizations: readonly {
    readonly id: string
    readonly name?: string | undefined
    readonly location: string
    readonly byok?: KeySet | undefined
    readonly sites: readonly {
      readonly name: string
      readonly hosts: readonly string[]
      readonly apps: readonly { readonly type: AppType; readonly byok: boolean }[]
    }[]
  }[]
  readonly vendorKeys: readonly (KeySet & { readonly location: string })[]
  readonly tokens: readonly TokenEntry[]
  readonly clientCertificates: readonly CertificateEntry[]
}

/** A site and its apps. */
export class Site {
  readonly name: string
  readonly organization: string
  /** At most one of each type. */
  readonly apps: readonly TenantApp[]

  constructor(name: string, organization: string, apps: readonly TenantApp[]) {
    this.name = name
    this.organization = organization
    this.apps = apps
  }

  /** The app of a type, if the site has it. */
  app(type: string): TenantApp | undefined {
    return this.apps.find(({ app }) => app === type)
  }
}

/** Everything about tenants that a request needs, in memory; immutable once built. */
export class Directory {
  /** BYOK authorities first, then vendor authorities in use or not. */
  readonly authorities: readonly KeyAuthority[]
  readonly sites: ReadonlyMap<string, Site>
  readonly #hosts = new Map<string, Site>()
  readonly #authorityById: ReadonlyMap<string, KeyAuthority>
  readonly #appsByAuthority = new Map<string, TenantApp[]>()
  readonly #tokens: TokenIndex
  readonly #certificates: CertificateIndex

  /** Throws on input that breaks its own references, which a checked configuration never does. */
  constructor(input: DirectoryInput) {
    this.authorities = authoritiesOf(input)
    this.#authorityById = new Map(this.authorities.map((authority) => [authority.id, authority]))
    const sites = new Map<string, Site>()
    for (const organization of input.organizations) {
      for (const entry of organization.sites) {
        if (sites.has(entry.name)) throw new Error(`site ${entry.name} appears twice`)
        const apps = entry.apps.map(({ type, byok }): TenantApp => {
          const authority = this.#requireAuthority(
            byok ? organization.id : vendorAuthorityId(organization.location),
          )
          return { organization: organization.id, site: entry.name, app: type, authority }
        })
        const site = new Site(entry.name, organization.id, apps)
        sites.set(site.name, site)
        for (const host of entry.hosts) this.#hosts.set(host.toLowerCase(), site)
        for (const app of apps) this.#remember(app)
      }
    }
    this.sites = sites
    this.#tokens = new TokenIndex(input.tokens)
    this.#certificates = new CertificateIndex(input.clientCertificates)
  }

  siteByName(name: string): Site | undefined {
    return this.sites.get(name)
  }

  /** The site that a `Host` header selects; its port does not count. */
  siteByHost(host: string): Site | undefined {
    if (this.#hosts.size === 0) return undefined
    return this.#hosts.get(host.replace(/:\d{1,5}$/, '').toLowerCase())
  }

  authorityById(id: string): KeyAuthority | undefined {
    return this.#authorityById.get(id)
  }

  /** All apps whose keys rest on an authority. */
  appsOf(authorityId: string): readonly TenantApp[] {
    return this.#appsByAuthority.get(authorityId) ?? []
  }

  /** The holder of a bearer token. */
  callerByToken(token: string): Caller | undefined {
    return this.#tokens.find(token)
  }

  /** The holder of a client certificate that TLS has verified. */
  callerByCertificate(certificate: PeerCertificate): Caller | undefined {
    return this.#certificates.find(certificate)
  }

  #requireAuthority(id: string): KeyAuthority {
    const authority = this.#authorityById.get(id)
    if (authority === undefined) throw new Error(`authority ${id} is not configured`)
    return authority
  }

  #remember(app: TenantApp): void {
    const known = this.#appsByAuthority.get(app.authority.id)
    if (known === undefined) this.#appsByAuthority.set(app.authority.id, [app])
    else known.push(app)
  }
}

/** Identifier of the vendor's authority for a location. */
function vendorAuthorityId(location: string): string {
  return `vendor:${location}`
}

function authoritiesOf(input: DirectoryInput): KeyAuthority[] {
  const byok = input.organizations.flatMap(({ id, location, byok }): KeyAuthority[] =>
    byok === undefined ? [] : [authorityOf(id, 'byok', location, byok)],
  )
  const vendor = input.vendorKeys.map((set) =>
    authorityOf(vendorAuthorityId(set.location), 'vendor', set.location, set),
  )
  return [...byok, ...vendor]
}

function authorityOf(id: string, kind: KeyAuthority['kind'], location: string, set: KeySet): KeyAuthority {
  const regions = locationById(location)?.regions ?? []
  const keys = regions.map((region) => {
    const keyArn = Object.hasOwn(set.keys, region) ? set.keys[region] : undefined
    if (keyArn === undefined) throw new Error(`authority ${id} has no key in ${region}`)
    return { region, keyArn }
  })
  if (keys.length === 0) throw new Error(`location ${location} of authority ${id} is unknown`)
  const { accountId, roleArn, externalId } = set
  return { id, kind, location, accountId, roleArn, externalId, keys }
}
