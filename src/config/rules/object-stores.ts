import type { DomainModel } from '../domain-model.ts'
import { quoted, type RuleFinding } from '../finding.ts'
import { duplicates, refuse, warn } from './rule.ts'
import { isLoopback, STORE_NAME } from './stores.ts'

const ACCESS_KEY_ID = /^[A-Za-z0-9]{16,128}$/

/** Names of S3 stores are well-formed and unique among all stores. */
export function objectStoreNames(model: DomainModel): RuleFinding[] {
  const names = model.objectStores.map((store) => store.name)
  const malformed = names.flatMap((name) => {
    if (name === undefined || STORE_NAME.test(name.value)) return []
    const remedy = 'Use 1 to 63 lower-case letters, digits and hyphens, no hyphen at either end'
    return [refuse('store-name', name.path, `${quoted(name.value)} cannot be a store name`, remedy)]
  })
  const all = [...model.stores.map((store) => store.name), ...names]
  const own = new Set(names)
  const repeated = duplicates(all, (later, earlier) =>
    refuse('store-duplicate', later.path, `${earlier} is the same name`, 'Give each store a name of its own'),
  )
  return [...malformed, ...repeated.filter((finding) => [...own].some((name) => name?.path === finding.path))]
}

/** Endpoints are absolute http or https URLs without credentials, query or fragment. */
export function objectStoreUpstreams(model: DomainModel): RuleFinding[] {
  return model.objectStores.flatMap(({ upstream }) => {
    if (upstream === undefined) return []
    const { value, path } = upstream
    const url = URL.canParse(value) ? new URL(value) : undefined
    if (url === undefined || !/^https?:$/.test(url.protocol) || /[?#@]/.test(value)) {
      const remedy = 'Write scheme, host, port and an optional path, such as https://objects.internal:9000'
      return [refuse('store-upstream', path, 'this is not a plain http or https URL', remedy)]
    }
    return url.protocol === 'http:' && !isLoopback(url.hostname)
      ? [warn('store-plain-http', path, 'requests leave the machine without TLS', 'Use https')]
      : []
  })
}

/** Access key IDs are well-formed and unique, since they alone say whose request it is. */
export function accessKeyIds(model: DomainModel): RuleFinding[] {
  const ids = model.objectStores.flatMap((store) => store.accessKeys.map((key) => key.id))
  const malformed = ids.flatMap((id) =>
    id === undefined || ACCESS_KEY_ID.test(id.value)
      ? []
      : [
          refuse(
            'access-key-id',
            id.path,
            'this cannot be an access key ID',
            'Use 16 to 128 letters and digits',
          ),
        ],
  )
  const repeated = duplicates(ids, (later, earlier) =>
    refuse(
      'access-key-duplicate',
      later.path,
      `${earlier} is the same access key ID`,
      'Make each one unique',
    ),
  )
  return [...malformed, ...repeated]
}

/** An access key names a site that exists and has one of the store's apps. */
export function accessKeyTenants(model: DomainModel): RuleFinding[] {
  const sites = new Map(
    model.organizations.flatMap((organization) =>
      organization.sites.map((site) => [site.name?.value, site.apps.map((app) => app.type?.value)] as const),
    ),
  )
  return model.objectStores.flatMap((store) => {
    const served = store.apps.map((app) => app.value)
    return store.accessKeys.flatMap(({ site, app }) => {
      if (site === undefined) return []
      const apps = sites.get(site.value)
      if (apps === undefined) {
        return [
          refuse(
            'site-unknown',
            site.path,
            `there is no site ${quoted(site.value)}`,
            'Name a site of an organization',
          ),
        ]
      }
      const wanted = app === undefined ? served : [app.value]
      if (wanted.some((type) => served.includes(type) && apps.includes(type))) return []
      const at = app ?? site
      const remedy = 'Name an app that the site has and the store keeps'
      return [refuse('access-key-app', at.path, 'the site has no such app in this store', remedy)]
    })
  })
}
