import type { WrappedKeyStore, WrappedTenantKey } from '../keyring/wrapped-key-store.ts'
import type { DirectoryHolder } from '../tenant/directory-holder.ts'
import type { Catalog } from './catalog.ts'

/** A tenant key and whether it is the one that encrypts. */
export interface TenantKeyView {
  readonly key: WrappedTenantKey
  readonly encrypts: boolean
}

/** The tenant keys of an organization, those under the vendor's root keys included; newest first. */
export function tenantKeysOf(
  organization: string,
  catalog: Catalog,
  directory: DirectoryHolder,
  store: Pick<WrappedKeyStore, 'newest' | 'ofAuthority'>,
): TenantKeyView[] {
  const authorities = new Set([organization])
  for (const { name } of catalog.sites(organization)) {
    for (const app of directory.current.siteByName(name)?.apps ?? []) authorities.add(app.authority.id)
  }
  return [...authorities]
    .flatMap((authority) => store.ofAuthority(authority))
    .filter((key) => key.organization === organization)
    .sort((a, b) =>
      a.createdAt === b.createdAt ? (a.keyId < b.keyId ? -1 : 1) : a.createdAt < b.createdAt ? 1 : -1,
    )
    .map((key) => ({ key, encrypts: store.newest(key)?.keyId === key.keyId }))
}
