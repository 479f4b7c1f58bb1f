import { APP_TYPES } from '../../tenant/tenant.ts'
import { integer, oneOf, text, textOrNull, texts } from '../sql/columns.ts'
import type { SqlRow } from '../sql/statement.ts'
import type {
  AccessKeyRecord,
  AdministratorRecord,
  AppRecord,
  AppTokenRecord,
  ByokRecord,
  OrganizationRecord,
  SiteRecord,
} from './records.ts'

const MANAGERS = ['api', 'file'] as const
const BOUND_ROLES = ['org-admin', 'auditor'] as const

function revised(row: SqlRow): { revision: number; createdAt: string } {
  return { revision: integer(row, 'revision'), createdAt: text(row, 'created_at') }
}

function removable(row: SqlRow): { revision: number; createdAt: string; removedAt: string | null } {
  return { ...revised(row), removedAt: textOrNull(row, 'removed_at') }
}

export function organizationRecord(row: SqlRow): OrganizationRecord {
  return {
    id: text(row, 'id'),
    name: textOrNull(row, 'name'),
    location: text(row, 'location'),
    externalId: textOrNull(row, 'external_id'),
    managedBy: oneOf(MANAGERS, row, 'managed_by'),
    ...revised(row),
  }
}

export function byokRecord(row: SqlRow): ByokRecord {
  const keys = JSON.parse(text(row, 'root_keys')) as Record<string, string>
  if (typeof keys !== 'object' || Object.values(keys).some((arn) => typeof arn !== 'string')) {
    throw new TypeError('the registry holds a damaged root_keys')
  }
  return {
    organization: text(row, 'organization'),
    accountId: text(row, 'account_id'),
    roleArn: text(row, 'role_arn'),
    keys,
    ...revised(row),
  }
}

export function siteRecord(row: SqlRow): SiteRecord {
  return {
    name: text(row, 'name'),
    organization: text(row, 'organization'),
    hosts: texts(row, 'hosts'),
    managedBy: oneOf(MANAGERS, row, 'managed_by'),
    ...removable(row),
  }
}

export function appRecord(row: SqlRow): AppRecord {
  return {
    site: text(row, 'site'),
    type: oneOf(APP_TYPES, row, 'type'),
    byok: integer(row, 'byok') === 1,
    ...removable(row),
  }
}

export function appTokenRecord(row: SqlRow): AppTokenRecord {
  return {
    id: text(row, 'id'),
    organization: text(row, 'organization'),
    name: text(row, 'name'),
    sha256: text(row, 'sha256'),
    sites: texts(row, 'sites'),
    createdBy: text(row, 'created_by'),
    expiresAt: textOrNull(row, 'expires_at'),
    ...removable(row),
  }
}

export function accessKeyRecord(row: SqlRow): AccessKeyRecord {
  return {
    accessKeyId: text(row, 'access_key_id'),
    organization: text(row, 'organization'),
    name: text(row, 'name'),
    site: text(row, 'site'),
    app: oneOf(APP_TYPES, row, 'app'),
    buckets: texts(row, 'buckets'),
    sealedSecret: text(row, 'sealed_secret'),
    createdBy: text(row, 'created_by'),
    expiresAt: textOrNull(row, 'expires_at'),
    ...removable(row),
  }
}

export function administratorRecord(row: SqlRow): AdministratorRecord {
  return {
    id: text(row, 'id'),
    organization: text(row, 'organization'),
    name: text(row, 'name'),
    role: oneOf(BOUND_ROLES, row, 'role'),
    sha256: textOrNull(row, 'sha256'),
    subject: textOrNull(row, 'subject'),
    createdBy: text(row, 'created_by'),
    expiresAt: textOrNull(row, 'expires_at'),
    ...removable(row),
  }
}
