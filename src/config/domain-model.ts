import type { ConfigPath } from './finding.ts'

/** A text in the file and its place; absent when it is missing or no text, which the schema reports. */
export interface Placed<Value> {
  readonly value: Value
  readonly path: ConfigPath
}

export interface DomainKeySet {
  readonly path: ConfigPath
  readonly accountId: Placed<string> | undefined
  readonly roleArn: Placed<string> | undefined
  readonly externalId: Placed<string> | undefined
  /** Undefined when the section is missing. */
  readonly keys: Placed<readonly DomainKey[]> | undefined
}

interface DomainKey {
  readonly region: string
  readonly arn: Placed<string>
}

interface DomainApp {
  readonly path: ConfigPath
  readonly type: Placed<string> | undefined
  readonly byok: boolean
}

export interface DomainSite {
  readonly path: ConfigPath
  readonly name: Placed<string> | undefined
  readonly hosts: readonly Placed<string>[]
  readonly apps: readonly DomainApp[]
}

export interface DomainOrganization {
  readonly path: ConfigPath
  readonly id: Placed<string> | undefined
  readonly location: Placed<string> | undefined
  readonly byok: DomainKeySet | undefined
  readonly sites: readonly DomainSite[]
}

interface DomainVendorKeys extends DomainKeySet {
  readonly location: Placed<string> | undefined
}

export interface DomainStore {
  readonly path: ConfigPath
  readonly name: Placed<string> | undefined
  readonly mount: Placed<string> | undefined
  readonly upstream: Placed<string> | undefined
  readonly coverage: Placed<string> | undefined
  readonly apps: readonly Placed<string>[]
  readonly tlsCertFile: Placed<string> | undefined
  readonly tlsKeyFile: Placed<string> | undefined
  readonly hasTls: boolean
}

export interface DomainObjectStore {
  readonly path: ConfigPath
  readonly name: Placed<string> | undefined
  readonly upstream: Placed<string> | undefined
  readonly apps: readonly Placed<string>[]
  readonly accessKeys: readonly {
    readonly path: ConfigPath
    readonly id: Placed<string> | undefined
    readonly site: Placed<string> | undefined
    readonly app: Placed<string> | undefined
  }[]
}

export interface DomainCredential {
  readonly path: ConfigPath
  readonly name: Placed<string> | undefined
  readonly sources: readonly (Placed<string> & { readonly kind: string })[]
  readonly sites: readonly Placed<string>[]
}

/**
 * The parts of a file that domain rules look at, read tolerantly: a broken entry does not hide what the rules
 * have to say about the others.
 */
export interface DomainModel {
  readonly organizations: readonly DomainOrganization[]
  readonly vendorKeys: readonly DomainVendorKeys[]
  readonly stores: readonly DomainStore[]
  readonly objectStores: readonly DomainObjectStore[]
  readonly tokens: readonly DomainCredential[]
  readonly adminTokens: readonly DomainCredential[]
  readonly clientCertificates: readonly DomainCredential[]
}

/** Reads the model out of plain data of any shape; never throws. */
export function readDomainModel(data: unknown): DomainModel {
  const root: Place = { value: data, path: [] }
  return {
    organizations: entries(child(root, 'organizations')).map(readOrganization),
    vendorKeys: entries(child(root, 'vendorKeys')).map((at) => ({
      ...readKeySet(at),
      location: textAt(at, 'location'),
    })),
    stores: entries(child(root, 'stores')).map(readStore),
    objectStores: entries(child(root, 'objectStores')).map(readObjectStore),
    tokens: entries(child(root, 'tokens')).map((at) => readCredential(at, TOKEN_SOURCES)),
    adminTokens: entries(child(child(root, 'admin'), 'tokens')).map((at) =>
      readCredential(at, TOKEN_SOURCES),
    ),
    clientCertificates: entries(child(root, 'clientCertificates')).map((at) =>
      readCredential(at, CERTIFICATE_SOURCES),
    ),
  }
}

const TOKEN_SOURCES = ['sha256', 'env', 'file']
const CERTIFICATE_SOURCES = ['fingerprintSha256', 'subjectAltName']

type Place = Placed<unknown>

function readOrganization(at: Place): DomainOrganization {
  const byok = child(at, 'byok')
  return {
    path: at.path,
    id: textAt(at, 'id'),
    location: textAt(at, 'location'),
    byok: isRecord(byok.value) ? readKeySet(byok) : undefined,
    sites: entries(child(at, 'sites')).map((site) => ({
      path: site.path,
      name: textAt(site, 'name'),
      hosts: textsAt(site, 'hosts'),
      apps: entries(child(site, 'apps')).map((app) => ({
        path: app.path,
        type: textAt(app, 'type'),
        byok: child(app, 'byok').value === true,
      })),
    })),
  }
}

function readObjectStore(at: Place): DomainObjectStore {
  return {
    path: at.path,
    name: textAt(at, 'name'),
    upstream: textAt(at, 'upstream'),
    apps: textsAt(at, 'apps'),
    accessKeys: entries(child(at, 'accessKeys')).map((key) => ({
      path: key.path,
      id: textAt(key, 'accessKeyId'),
      site: textAt(key, 'site'),
      app: textAt(key, 'app'),
    })),
  }
}

function readKeySet(at: Place): DomainKeySet {
  const keys = child(at, 'keys')
  return {
    path: at.path,
    accountId: textAt(at, 'accountId'),
    roleArn: textAt(at, 'roleArn'),
    externalId: textAt(at, 'externalId'),
    keys: isRecord(keys.value)
      ? {
          path: keys.path,
          value: Object.entries(keys.value).flatMap(([region, arn]) =>
            typeof arn === 'string' ? [{ region, arn: { value: arn, path: [...keys.path, region] } }] : [],
          ),
        }
      : undefined,
  }
}

function readStore(at: Place): DomainStore {
  const tls = child(at, 'tls')
  return {
    path: at.path,
    name: textAt(at, 'name'),
    mount: textAt(at, 'mount'),
    upstream: textAt(at, 'upstream'),
    coverage: textAt(at, 'coverage'),
    apps: textsAt(at, 'apps'),
    tlsCertFile: textAt(tls, 'certFile'),
    tlsKeyFile: textAt(tls, 'keyFile'),
    hasTls: isRecord(tls.value),
  }
}

function readCredential(at: Place, kinds: readonly string[]): DomainCredential {
  return {
    path: at.path,
    name: textAt(at, 'name'),
    sources: kinds.flatMap((kind) => {
      const source = textAt(at, kind)
      return source === undefined ? [] : [{ ...source, kind }]
    }),
    sites: textsAt(at, 'sites'),
  }
}

function child(at: Place, key: string): Place {
  const value = isRecord(at.value) && Object.hasOwn(at.value, key) ? at.value[key] : undefined
  return { value, path: [...at.path, key] }
}

function entries(at: Place): Place[] {
  if (!Array.isArray(at.value)) return []
  return at.value.map((value: unknown, index) => ({ value, path: [...at.path, index] }))
}

function textAt(at: Place, key: string): Placed<string> | undefined {
  const place = child(at, key)
  return typeof place.value === 'string' && place.value !== ''
    ? { value: place.value, path: place.path }
    : undefined
}

function textsAt(at: Place, key: string): Placed<string>[] {
  return entries(child(at, key)).flatMap((place) =>
    typeof place.value === 'string' ? [{ value: place.value, path: place.path }] : [],
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
