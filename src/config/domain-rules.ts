import { readDomainModel } from './domain-model.ts'
import type { RuleFinding } from './finding.ts'
import * as credentials from './rules/credentials.ts'
import * as keySets from './rules/key-sets.ts'
import * as objectStores from './rules/object-stores.ts'
import * as organizations from './rules/organizations.ts'
import type { DomainRule } from './rules/rule.ts'
import * as stores from './rules/stores.ts'

/** Every rule of the domain that a file can break, in the order in which findings are reported for one place. */
const DOMAIN_RULES: readonly DomainRule[] = [
  organizations.organizationIds,
  keySets.knownLocations,
  keySets.accountIds,
  keySets.separateAccounts,
  keySets.roleArns,
  keySets.externalIds,
  keySets.keyRegions,
  keySets.keyArns,
  keySets.distinctKeys,
  keySets.vendorKeysOnce,
  organizations.siteNames,
  organizations.siteHosts,
  organizations.siteApps,
  organizations.appAuthorities,
  stores.storeNames,
  stores.storeMounts,
  stores.storeUpstreams,
  stores.storeClientCertificates,
  stores.storeApps,
  stores.appsAreServed,
  objectStores.objectStoreNames,
  objectStores.objectStoreUpstreams,
  objectStores.accessKeyIds,
  objectStores.accessKeyTenants,
  credentials.credentialNames,
  credentials.credentialSources,
  credentials.distinctCredentials,
  credentials.credentialSites,
]

/** Applies the rules of the domain to plain data of any shape; what the schema refuses is left to the schema. */
export function domainFindings(data: unknown): RuleFinding[] {
  const model = readDomainModel(data)
  return DOMAIN_RULES.flatMap((rule) => rule(model))
}
