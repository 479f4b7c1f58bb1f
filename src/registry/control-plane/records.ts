import type { AppType } from '../../tenant/tenant.ts'

/** Who manages an entry. */
export type ManagedBy = 'api' | 'file'

interface Revised {
  /** Revision of the registry that wrote it last. */
  readonly revision: number
  /** RFC 3339, UTC, milliseconds; for entries of the file, when they were first applied. */
  readonly createdAt: string
}

interface Removable extends Revised {
  /** RFC 3339; null while it is there. */
  readonly removedAt: string | null
}

/** An organization. Entries of the file are kept as well: what can never change is judged by them. */
export interface OrganizationRecord extends Revised {
  readonly id: string
  readonly name: string | null
  readonly location: string
  /** Given by the gateway; null for entries of the file. */
  readonly externalId: string | null
  readonly managedBy: ManagedBy
}

/** The BYOK configuration of an organization that the API manages. */
export interface ByokRecord extends Revised {
  readonly organization: string
  readonly accountId: string
  readonly roleArn: string
  /** Key ARN by region. */
  readonly keys: Readonly<Record<string, string>>
}

/** A site; its name stays reserved for its organization when it is removed. */
export interface SiteRecord extends Removable {
  readonly name: string
  readonly organization: string
  readonly hosts: readonly string[]
  readonly managedBy: ManagedBy
}

/** An app of a site; its setting stands for ever. */
export interface AppRecord extends Removable {
  readonly site: string
  readonly type: AppType
  readonly byok: boolean
}

/** A bearer token of the data plane. */
export interface AppTokenRecord extends Removable {
  readonly id: string
  readonly organization: string
  readonly name: string
  /** 64 lower-case hex digits. */
  readonly sha256: string
  readonly sites: readonly string[]
  readonly createdBy: string
  readonly expiresAt: string | null
}

/** An S3 access key. */
export interface AccessKeyRecord extends Removable {
  readonly accessKeyId: string
  readonly organization: string
  readonly name: string
  readonly site: string
  readonly app: AppType
  /** Buckets that it reaches; empty for all. */
  readonly buckets: readonly string[]
  /** Field envelope of the secret under a tenant key of the app, see `AccessKeySecrets`. */
  readonly sealedSecret: string
  readonly createdBy: string
  readonly expiresAt: string | null
}

/** A role bound to one organization. */
export type BoundRole = 'org-admin' | 'auditor'

/** Who may use the admin API for an organization: the holder of a token or an OIDC subject, never both. */
export interface AdministratorRecord extends Removable {
  readonly id: string
  readonly organization: string
  readonly name: string
  readonly role: BoundRole
  readonly sha256: string | null
  readonly subject: string | null
  readonly createdBy: string
  readonly expiresAt: string | null
}

/** Everything of the control plane that changed after a revision. */
export interface ControlPlaneChanges {
  readonly organizations: readonly OrganizationRecord[]
  readonly byok: readonly ByokRecord[]
  readonly sites: readonly SiteRecord[]
  readonly apps: readonly AppRecord[]
  readonly appTokens: readonly AppTokenRecord[]
  readonly accessKeys: readonly AccessKeyRecord[]
  readonly administrators: readonly AdministratorRecord[]
}
