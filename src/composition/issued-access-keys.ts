import type { AccessKey, SealedAccessKey } from '../protocol/s3/proxy/object-mount.ts'
import type { AccessKeySecrets } from '../provisioning/access-key-secrets.ts'
import type { ControlPlaneSnapshot } from '../registry/control-plane/snapshot.ts'
import type { AccessKeyRecord } from '../registry/control-plane/records.ts'
import type { Directory } from '../tenant/directory.ts'
import { readableApps } from '../tenant/resolve.ts'
import type { AppType } from '../tenant/tenant.ts'

/** Access keys that the admin API issued and that a store serves, by access key ID. Expired ones are none. */
export function issuedAccessKeys(
  snapshot: ControlPlaneSnapshot,
  directory: Directory,
  storeApps: readonly AppType[],
  secrets: AccessKeySecrets,
  nowIso: string,
): ReadonlyMap<string, SealedAccessKey> {
  const keys = new Map<string, SealedAccessKey>()
  for (const record of snapshot.accessKeys.values()) {
    if (record.expiresAt !== null && record.expiresAt <= nowIso) continue
    const sealed = sealedKey(record, directory, storeApps, secrets)
    if (sealed !== undefined) keys.set(record.accessKeyId, sealed)
  }
  return keys
}

function sealedKey(
  { accessKeyId, organization, site: siteName, app, buckets, sealedSecret }: AccessKeyRecord,
  directory: Directory,
  storeApps: readonly AppType[],
  secrets: AccessKeySecrets,
): SealedAccessKey | undefined {
  const site = directory.siteByName(siteName)
  const writer = site?.app(app)
  if (site?.organization !== organization || writer === undefined || !storeApps.includes(app))
    return undefined
  const parts = {
    accessKeyId,
    site: siteName,
    writer,
    readers: readableApps(site, storeApps),
    buckets: buckets.length === 0 ? undefined : new Set(buckets),
  }
  // kept so that the signing keys derived from it are; used only while the tenant key opens it anew
  let known: AccessKey | undefined
  const take = (secretAccessKey: string): AccessKey => (known ??= { ...parts, secretAccessKey })
  return {
    site: siteName,
    writer,
    open: () => {
      const secretAccessKey = secrets.open(writer, accessKeyId, sealedSecret)
      return typeof secretAccessKey === 'string' ? take(secretAccessKey) : secretAccessKey.then(take)
    },
  }
}
