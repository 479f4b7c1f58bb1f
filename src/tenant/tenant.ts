/** Product instances that can exist on a site. */
export const APP_TYPES = ['jira', 'jira-service-management', 'confluence'] as const
export type AppType = (typeof APP_TYPES)[number]

/** What kind of covered content a tenant key protects; part of every encryption context and every AAD. */
export const DATA_CLASSES = [
  'issue',
  'page',
  'comment',
  'attachment',
  'search',
  'board',
  'notification',
  'permission',
  'asset',
  'question',
  'whiteboard',
] as const
export type DataClass = (typeof DATA_CLASSES)[number]

/** The customer root key in one region of a location. */
export interface RegionalKey {
  readonly region: string
  readonly keyArn: string
}

/**
 * Who can cut access: one BYOK configuration of an organization, or the vendor's own account
 * (shared as root by all apps that are not BYOK). Leases, suspensions and KMS credentials are per authority.
 */
export interface KeyAuthority {
  /** Stable identifier: the organization's id for BYOK, `vendor:<location>` for vendor-managed keys. */
  readonly id: string
  readonly kind: 'byok' | 'vendor'
  readonly location: string
  readonly accountId: string
  readonly roleArn: string
  readonly externalId: string
  /** One key per region of the location, primary region first. */
  readonly keys: readonly RegionalKey[]
}

/** One app of one site: the unit that tenant keys belong to. */
export interface TenantApp {
  readonly organization: string
  readonly site: string
  readonly app: AppType
  readonly authority: KeyAuthority
}
