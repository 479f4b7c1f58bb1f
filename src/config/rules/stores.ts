import { APP_TYPES, isJiraFamily } from '../app-types.ts'
import type { DomainModel, DomainStore } from '../domain-model.ts'
import { quoted, type RuleFinding } from '../finding.ts'
import { duplicates, refuse, warn } from './rule.ts'

/** 1 to 63 lower-case letters, digits and hyphens. */
export const STORE_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const MOUNT = /^(?:\/[A-Za-z0-9._~-]+)+$/

/** Store names are well-formed and unique. */
export function storeNames(model: DomainModel): RuleFinding[] {
  const names = model.stores.map((store) => store.name)
  const malformed = names.flatMap((name) => {
    if (name === undefined || STORE_NAME.test(name.value)) return []
    const remedy = 'Use 1 to 63 lower-case letters, digits and hyphens, no hyphen at either end'
    return [refuse('store-name', name.path, `${quoted(name.value)} cannot be a store name`, remedy)]
  })
  const repeated = duplicates(names, (later, earlier) =>
    refuse('store-duplicate', later.path, `${earlier} is the same name`, 'Give each store a name of its own'),
  )
  return [...malformed, ...repeated]
}

/** Mounts are plain path prefixes, and none lies within another. */
export function storeMounts(model: DomainModel): RuleFinding[] {
  const findings: RuleFinding[] = []
  const earlier: { mount: string; name: string }[] = []
  for (const { mount, name } of model.stores) {
    if (mount === undefined) continue
    const segments = mount.value.split('/')
    if (!MOUNT.test(mount.value) || segments.includes('.') || segments.includes('..')) {
      const remedy =
        'Write a path such as /jira: no slash at the end, no dot segments, nothing percent-encoded'
      findings.push(refuse('store-mount', mount.path, `${quoted(mount.value)} cannot be a mount`, remedy))
      continue
    }
    const other = earlier.find(
      (other) => within(mount.value, other.mount) || within(other.mount, mount.value),
    )
    if (other !== undefined) {
      const reason = `the mount overlaps ${other.mount} of store ${quoted(other.name)}`
      findings.push(refuse('store-mount-overlap', mount.path, reason, 'Choose a prefix outside the other'))
    }
    earlier.push({ mount: mount.value, name: name?.value ?? '' })
  }
  return findings
}

function within(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(`${outer}/`)
}

/** Upstreams are absolute http or https URLs without credentials, query or fragment. */
export function storeUpstreams(model: DomainModel): RuleFinding[] {
  return model.stores.flatMap((store) => {
    if (store.upstream === undefined) return []
    const { value, path } = store.upstream
    const url = URL.canParse(value) ? new URL(value) : undefined
    if (url !== undefined && (url.username !== '' || url.password !== '')) {
      const remedy =
        'Take them out of the URL: the app sends its own Authorization header, which is passed on'
      return [refuse('literal-secret', path, 'a URL must not carry credentials', remedy)]
    }
    if (url === undefined || !/^https?:$/.test(url.protocol) || /[?#]/.test(value)) {
      const remedy = 'Write scheme, host, port and an optional path, such as https://jira-store.internal:8443'
      return [refuse('store-upstream', path, 'this is not a plain http or https URL', remedy)]
    }
    if (store.hasTls && url.protocol === 'http:') {
      return [refuse('store-tls', path, 'tls is set but the URL is plain http', 'Use https, or take tls out')]
    }
    return url.protocol === 'http:' && !isLoopback(url.hostname)
      ? [warn('store-plain-http', path, 'requests leave the machine without TLS', 'Use https')]
      : []
  })
}

/** True for names and addresses of the machine itself. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host)
}

/** A client certificate comes with its key. */
export function storeClientCertificates(model: DomainModel): RuleFinding[] {
  return model.stores.flatMap(({ tlsCertFile, tlsKeyFile }) => {
    if ((tlsCertFile === undefined) === (tlsKeyFile === undefined)) return []
    const path = (tlsCertFile ?? tlsKeyFile)!.path
    return [
      refuse(
        'store-tls',
        path,
        'a client certificate needs both certFile and keyFile',
        'Write both or neither',
      ),
    ]
  })
}

/** A store serves one family, each app once, with the coverage of that family. */
export function storeApps(model: DomainModel): RuleFinding[] {
  return model.stores.flatMap((store) => {
    const types = store.apps.map((app) => app.value)
    const findings = duplicates(store.apps, (later, earlier) =>
      refuse('store-app-duplicate', later.path, `${earlier} is the same app`, 'Keep one of the two'),
    )
    if (types.includes('confluence') && types.some(isJiraFamily)) {
      const remedy = 'Give each family a store with a mount of its own; both may have the same upstream'
      findings.push(
        refuse('store-family', [...store.path, 'apps'], 'Jira and Confluence are different families', remedy),
      )
    } else {
      findings.push(...coverageFindings(store, types))
    }
    return findings
  })
}

function coverageFindings(store: DomainStore, types: readonly string[]): RuleFinding[] {
  if (store.coverage === undefined || isCoverageFile(store.coverage.value)) return []
  const { value, path } = store.coverage
  if (!APP_TYPES.some((type) => type === value)) {
    const remedy = `Write one of ${APP_TYPES.join(', ')}, or the path of a file, which has a slash or ends in .yaml`
    return [refuse('coverage-unknown', path, `there is no coverage preset ${quoted(value)}`, remedy)]
  }
  if (types.length === 0 || types.some((type) => isJiraFamily(type) === isJiraFamily(value))) return []
  const remedy = `Use the preset ${types[0]}, or a coverage file`
  return [
    refuse('coverage-family', path, `preset ${value} does not fit a store of ${types.join(', ')}`, remedy),
  ]
}

/** True when a coverage is a path rather than the name of a preset. */
export function isCoverageFile(coverage: string): boolean {
  return coverage.includes('/') || /\.(?:ya?ml|json)$/.test(coverage)
}

/** Every app type that sites have is served by some store. */
export function appsAreServed(model: DomainModel): RuleFinding[] {
  const served = new Set(model.stores.flatMap((store) => store.apps.map((app) => app.value)))
  const reported = new Set<string>()
  return model.organizations.flatMap((organization) =>
    organization.sites.flatMap((site) =>
      site.apps.flatMap(({ type }) => {
        if (type === undefined || served.has(type.value) || reported.has(type.value)) return []
        reported.add(type.value)
        return [
          warn('app-unserved', type.path, `no store serves ${type.value}`, 'Add a store whose apps name it'),
        ]
      }),
    ),
  )
}
