import type { DataClass, TenantApp } from '../tenant/tenant.ts'

/** What one tenant key protects: one data class of one app. */
export interface KeyScope {
  readonly tenant: TenantApp
  readonly dataClass: DataClass
}
