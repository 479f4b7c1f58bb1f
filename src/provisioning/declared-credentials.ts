import type { Configuration } from '../config/schema.ts'
import type { ManagedBy } from '../registry/control-plane/records.ts'
import type { AppType } from '../tenant/tenant.ts'
import type { Catalog } from './catalog.ts'

/** What the configuration file says about credentials. */
export type CredentialFile = Pick<Configuration, 'tokens' | 'clientCertificates' | 'objectStores'>

/** What is known of every credential; the file has no times, and nobody who made them. */
interface ListedCredential {
  readonly name: string
  readonly managedBy: ManagedBy
  /** RFC 3339. */
  readonly createdAt: string | null
  readonly createdBy: string | null
  /** RFC 3339; null for never. */
  readonly expiresAt: string | null
  /** Counts changes of the registry; 0 for entries of the file. */
  readonly revision: number
}

/** A token or client certificate of the data plane, wherever it comes from. */
export interface ListedToken extends ListedCredential {
  readonly id: string
  readonly kind: 'token' | 'client-certificate'
  /** Sites of the organization that is asked about. */
  readonly sites: readonly string[]
}

/** An S3 access key, wherever it comes from. */
export interface ListedAccessKey extends ListedCredential {
  readonly accessKeyId: string
  readonly site: string
  readonly app: AppType
  readonly buckets: readonly string[]
}

const DECLARED = {
  managedBy: 'file',
  createdAt: null,
  createdBy: null,
  expiresAt: null,
  revision: 0,
} as const

/** Credentials of the configuration file, which reach organizations by the sites that they name. */
export class DeclaredCredentials {
  readonly #file: CredentialFile
  readonly #catalog: Catalog

  constructor(file: CredentialFile, catalog: Catalog) {
    this.#file = file
    this.#catalog = catalog
  }

  tokens(organization: string): ListedToken[] {
    const own = new Set(this.#catalog.sites(organization).map(({ name }) => name))
    const listed = (
      kind: ListedToken['kind'],
      entries: readonly { readonly name: string; readonly sites: readonly string[] }[],
    ): ListedToken[] =>
      entries.flatMap(({ name, sites }) => {
        const reached = sites.filter((site) => own.has(site))
        return reached.length === 0
          ? []
          : [{ id: `file:${kind}:${name}`, kind, name, sites: reached, ...DECLARED }]
      })
    const { tokens, clientCertificates } = this.#file
    return [...listed('token', tokens), ...listed('client-certificate', clientCertificates)]
  }

  accessKeys(organization: string): ListedAccessKey[] {
    return this.#file.objectStores.flatMap(({ accessKeys, apps }) =>
      accessKeys.flatMap(({ accessKeyId, site, app, buckets }): ListedAccessKey[] => {
        const present = this.#catalog.site(organization, site)?.apps.map(({ type }) => type) ?? []
        const writer = app ?? apps.find((type) => present.includes(type))
        if (writer === undefined || !present.includes(writer)) return []
        return [{ accessKeyId, name: accessKeyId, site, app: writer, buckets, ...DECLARED }]
      }),
    )
  }
}
