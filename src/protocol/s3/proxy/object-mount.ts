import type { Lease } from '../../../access/lease.ts'
import type { SecureMemory } from '../../../crypto/secure-memory.ts'
import type { Keyring } from '../../../keyring/keyring.ts'
import type { ByteBudget } from '../../../listener/byte-budget.ts'
import type { TenantApp } from '../../../tenant/tenant.ts'
import type { Upstream } from '../../../upstream/upstream.ts'
import type { Addressing } from '../address.ts'
import { S3Error } from '../errors.ts'
import type { S3Credential } from '../signing-key.ts'
import type { ObjectOrigins } from './object-origins.ts'

/** An access key of a tenant: what its clients sign with. */
export interface AccessKey extends S3Credential {
  /** Site, for logs and error bodies. */
  readonly site: string
  /** The app whose keys seal. */
  readonly writer: TenantApp
  /** The apps whose keys may open, the writer included; one of another organization is leased as well. */
  readonly readers: readonly TenantApp[]
  /** Buckets that the key may use; undefined for all of the store. */
  readonly buckets: ReadonlySet<string> | undefined
  /** Its own principal at the store; undefined for the store's common one. */
  readonly storeCredential?: S3Credential | undefined
}

/** An access key whose secret is only to be had under a lease: it is sealed under a tenant key of its app. */
export interface SealedAccessKey {
  readonly site: string
  /** The app to admit before the secret is opened. */
  readonly writer: TenantApp
  /** Synchronous while the tenant key is in memory. Fails as the keyring does. */
  open(): AccessKey | Promise<AccessKey>
}

/** An S3 store behind the gateway. */
export interface ObjectMount {
  /** Configured name; part of every stream's context. */
  readonly name: string
  readonly upstream: Upstream
  /** `host[:port]` and path prefix that the upstream sends to, as its signatures must have them. */
  readonly host: string
  readonly pathPrefix: string
  readonly credential: S3Credential
  readonly region: string
  /** Region that clients sign for. */
  readonly clientRegion: string
  readonly addressing: Addressing
  /** Present while the store is migrating: objects that were not sealed here are readable as they are. */
  readonly origins?: ObjectOrigins | undefined
  accessKeyOf(accessKeyId: string): AccessKey | undefined
  /** An access key that `accessKeyOf` does not know because its secret must be opened first. */
  sealedAccessKeyOf?(accessKeyId: string): SealedAccessKey | undefined
}

/** What the S3 protocol works with. */
export interface ObjectProtocolParts {
  readonly keyring: Keyring
  readonly memory: SecureMemory
  readonly budget: ByteBudget
  admit(app: TenantApp): Lease | Promise<Lease>
  /** Milliseconds since the epoch. */
  wallTimeMs(): number
}

/** Throws `AccessDenied` unless the key may use the bucket. */
export function assertBucketAllowed(accessKey: AccessKey, bucket: string): void {
  if (accessKey.buckets !== undefined && !accessKey.buckets.has(bucket)) throw new S3Error('AccessDenied')
}
