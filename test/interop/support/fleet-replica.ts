import { AccessControl } from '../../../src/access/access-control.ts'
import { KeyServiceProver } from '../../../src/access/prover.ts'
import { TenantSuspended } from '../../../src/access/tenant-suspended.ts'
import { SecureMemory } from '../../../src/crypto/secure-memory.ts'
import { PostgresExchange } from '../../../src/fleet/postgres-exchange.ts'
import { SharedProver } from '../../../src/fleet/shared-prover.ts'
import { systemClock } from '../../../src/keyring/clock.ts'
import { Keyring } from '../../../src/keyring/keyring.ts'
import { AwsKeyService } from '../../../src/kms/aws-key-service.ts'
import { PostgresEngine } from '../../../src/registry/postgres/postgres-engine.ts'
import { Registry } from '../../../src/registry/registry.ts'
import { SqlRegistryDatabase } from '../../../src/registry/sql/sql-database.ts'
import type { DataClass, KeyAuthority, TenantApp } from '../../../src/tenant/tenant.ts'

/** What a replica process is started with. */
export interface ReplicaTask {
  readonly name: string
  readonly url: string
  readonly endpoint: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  readonly authority: KeyAuthority
}

/** What it tells again and again. Times are of the wall clock, which the processes of one machine share. */
export interface ReplicaReport {
  readonly name: string
  readonly allowed: number
  readonly lastAllowedAt: number
  readonly state: 'allowed' | 'suspended' | 'unavailable'
  readonly suspensionId: string | undefined
  readonly keys: number
}

/** Asked of a replica. */
export type ReplicaOrder = { readonly do: 'suspend' } | { readonly do: 'lift' }

process.once('message', (task: ReplicaTask) => void run(task))

async function run(task: ReplicaTask): Promise<void> {
  const clock = systemClock()
  const audit = { record: () => undefined }
  const engine = await PostgresEngine.open({ url: task.url, onError: () => undefined })
  const database = new SqlRegistryDatabase(engine)
  const registry = await Registry.load(database)
  const keyService = new AwsKeyService({
    clock,
    audit,
    baseCredentials: task.credentials,
    endpoints: { kms: () => task.endpoint, sts: () => task.endpoint },
  })
  const keyring = new Keyring({ keyService, store: registry, memory: new SecureMemory(), audit, clock })
  const tenant: TenantApp = {
    organization: 'acme',
    site: 'acme-one',
    app: 'jira',
    authority: task.authority,
  }
  const exchange = await PostgresExchange.open({
    url: task.url,
    replica: task.name,
    onError: () => undefined,
  })
  const shared = new SharedProver({
    prover: new KeyServiceProver({
      keyService,
      store: registry,
      keys: keyring,
      firstScope: () => ({ tenant, dataClass: 'issue' }),
    }),
    exchange,
    clock,
    inUse: (authorityId, withinMs) => keyring.inUse(authorityId, withinMs),
    openSuspensions: () => database.openSuspensions(),
    revocationBoundMs: 5_000,
    idleAfterMs: 60_000,
  })
  const access = new AccessControl({
    prover: shared,
    share: shared,
    keys: keyring,
    suspensions: registry,
    audit,
    clock,
    probeIntervalMsMax: 3_000,
  })
  shared.tell(access)
  access.track([task.authority])
  process.on('message', (order: ReplicaOrder) => {
    if (order.do === 'suspend') access.suspend(task.authority, 'olga')
    else access.lift(task.authority, 'olga')
  })

  let allowed = 0
  let lastAllowedAt = 0
  let state: ReplicaReport['state'] = 'unavailable'
  let suspensionId: string | undefined
  const request = async (dataClass: DataClass): Promise<void> => {
    try {
      const lease = await access.admit(tenant)
      const key = await keyring.active({ tenant, dataClass })
      key.derived('field-1')
      lease.assertValid()
      allowed += 1
      lastAllowedAt = Date.now()
      state = 'allowed'
      suspensionId = undefined
    } catch (thrown) {
      const suspended = thrown instanceof TenantSuspended
      state = suspended ? 'suspended' : 'unavailable'
      suspensionId = suspended ? thrown.suspension.id : undefined
    }
  }
  setInterval(() => {
    process.send?.({ name: task.name, allowed, lastAllowedAt, state, suspensionId, keys: keyring.size })
  }, 20)
  for (;;) {
    await Promise.all([request('issue'), request('comment')])
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
