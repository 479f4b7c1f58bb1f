import { FieldContext } from '../../envelope/context.ts'
import type { KeyScope } from '../../keyring/scope.ts'
import type { DataClass, TenantApp } from '../../tenant/tenant.ts'

/** What the fields of one data class of one app in one store have in common. */
export interface FieldScope {
  readonly key: KeyScope
  readonly context: FieldContext
}

/** Lives as long as the tenant stands in the directory. */
const scopes = new WeakMap<TenantApp, Map<string, Map<DataClass, FieldScope>>>()

/** The scope of a data class of an app in a store; made once. */
export function fieldScope(tenant: TenantApp, store: string, dataClass: DataClass): FieldScope {
  return scopes.get(tenant)?.get(store)?.get(dataClass) ?? addScope(tenant, store, dataClass)
}

function addScope(tenant: TenantApp, store: string, dataClass: DataClass): FieldScope {
  let stores = scopes.get(tenant)
  if (stores === undefined) scopes.set(tenant, (stores = new Map()))
  let classes = stores.get(store)
  if (classes === undefined) stores.set(store, (classes = new Map()))
  const { organization, site, app } = tenant
  const context = new FieldContext({ organization, site, app, store, dataClass })
  const scope: FieldScope = { key: { tenant, dataClass }, context }
  classes.set(dataClass, scope)
  return scope
}
