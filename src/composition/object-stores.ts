import type { ObjectStoreMaterial } from '../config/materials.ts'
import type { Directory } from '../tenant/directory.ts'
import { readableApps, selectApp } from '../tenant/resolve.ts'
import type { DirectoryHolder } from '../tenant/directory-holder.ts'
import type { AccessKey, ObjectMount, SealedAccessKey } from '../protocol/s3/proxy/object-mount.ts'
import { ObjectOrigins } from '../protocol/s3/proxy/object-origins.ts'
import { SocketPool } from '../upstream/socket-pool.ts'
import type { StoreTls } from '../upstream/store-pool.ts'
import type { Settings } from './settings.ts'

type ObjectStoreSettings = Settings['configuration']['objectStores'][number]

/** An S3 store with the socket it is served on. */
export interface ListeningObjectStore {
  readonly mount: ObjectMount
  readonly host: string
  readonly port: number
}

/** Access keys of the admin API at one moment. */
export type IssuedAccessKeys = (
  directory: Directory,
  storeApps: ObjectStoreSettings['apps'],
) => ReadonlyMap<string, SealedAccessKey>

/** The S3 stores of a configuration. Access keys are bound to the tenants of the directory in force. */
export function mountObjectStores(
  settings: Settings,
  directory: DirectoryHolder,
  issuedKeys: IssuedAccessKeys,
): ListeningObjectStore[] {
  return settings.configuration.objectStores.map((store) => ({
    host: store.host,
    port: store.port,
    mount: mountOf(store, settings, directory, issuedKeys),
  }))
}

function mountOf(
  store: ObjectStoreSettings,
  { materials }: Settings,
  directory: DirectoryHolder,
  issuedKeys: IssuedAccessKeys,
): ObjectMount {
  const url = new URL(store.upstream)
  const secrets = materials.objectStores.get(store.name)!
  let keys = accessKeysOf(store, secrets, directory.current)
  let issued = issuedKeys(directory.current, store.apps)
  directory.onSwap((current) => {
    keys = accessKeysOf(store, secrets, current)
    issued = issuedKeys(current, store.apps)
  })
  return {
    name: store.name,
    upstream: new SocketPool({
      url: store.upstream,
      connectionsMax: store.connectionsMax,
      connectTimeoutMs: store.connectTimeoutMs,
      headersTimeoutMs: store.headersTimeoutMs,
      idleTimeoutMs: store.idleTimeoutMs,
      tls: url.protocol === 'https:' ? tlsOf(secrets.ca) : undefined,
    }),
    host: url.host,
    pathPrefix: url.pathname.replace(/\/$/, ''),
    credential: { accessKeyId: store.credentials.accessKeyId, secretAccessKey: secrets.secretAccessKey },
    region: store.region,
    clientRegion: store.clientRegion,
    addressing: { virtualHostDomains: store.virtualHostDomains },
    origins: store.mixed ? new ObjectOrigins() : undefined,
    accessKeyOf: (accessKeyId) => keys.get(accessKeyId),
    sealedAccessKeyOf: (accessKeyId) => (keys.has(accessKeyId) ? undefined : issued.get(accessKeyId)),
  }
}

/** Verified as ever, against an authority of the configuration where it names one. */
function tlsOf(ca: string | undefined): StoreTls {
  return ca === undefined ? {} : { ca }
}

function accessKeysOf(
  store: ObjectStoreSettings,
  secrets: ObjectStoreMaterial,
  directory: Directory,
): ReadonlyMap<string, AccessKey> {
  return new Map(
    store.accessKeys.flatMap((key): [string, AccessKey][] => {
      const site = directory.siteByName(key.site)
      const secretAccessKey = secrets.accessKeySecrets.get(key.accessKeyId)
      if (site === undefined || secretAccessKey === undefined) return []
      const accessKey: AccessKey = {
        accessKeyId: key.accessKeyId,
        secretAccessKey,
        site: site.name,
        writer: selectApp(site, store.apps, key.app),
        readers: readableApps(site, store.apps),
        buckets: key.buckets.length === 0 ? undefined : new Set(key.buckets),
        storeCredential: key.storeCredentials && {
          accessKeyId: key.storeCredentials.accessKeyId,
          secretAccessKey: secrets.storeSecrets.get(key.accessKeyId)!,
        },
      }
      return [[key.accessKeyId, accessKey]]
    }),
  )
}
