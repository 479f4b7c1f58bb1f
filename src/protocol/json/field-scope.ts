import { FieldContext } from '../../envelope/context.ts'
import type { KeyScope } from '../../keyring/scope.ts'
import type { DataClass, TenantApp } from '../../tenant/tenant.ts'

/** What the fields of one data class of one app in one store have in common. */
export interface FieldScope extends KeyScope {
  readonly store: string
  readonly context: FieldContext
}

/** Lives as long as the tenant stands in the directory; an app has so few that a list is searched sooner than a map. */
const scopes = new WeakMap<TenantApp, FieldScope[]>()

/** The scope of a data class of an app in a store; made once. */
export function fieldScope(tenant: TenantApp, store: string, dataClass: DataClass): FieldScope {
  const ofTenant = scopes.get(tenant)
  if (ofTenant === undefined) {
    const first = newScope(tenant, store, dataClass)
    scopes.set(tenant, [first])
    return first
  }
  for (const scope of ofTenant) {
    if (scope.dataClass === dataClass && scope.store === store) return scope
  }
  const scope = newScope(tenant, store, dataClass)
  ofTenant.push(scope)
  return scope
}

function newScope(tenant: TenantApp, store: string, dataClass: DataClass): FieldScope {
  const { organization, site, app } = tenant
  const context = new FieldContext({ organization, site, app, store, dataClass })
  return { tenant, dataClass, store, context }
}
