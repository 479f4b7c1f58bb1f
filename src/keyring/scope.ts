import type { DataClass, TenantApp } from '../tenant/tenant.ts'

/** What one tenant key protects: one data class of one app. */
export interface KeyScope {
  readonly tenant: TenantApp
  readonly dataClass: DataClass
}

/** A scope as one string, for maps; its parts cannot contain the separator. */
export function scopePath({ tenant, dataClass }: KeyScope): string {
  return `${tenant.organization}\n${tenant.site}\n${tenant.app}\n${dataClass}`
}
