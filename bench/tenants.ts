import { setTimeout as pause } from 'node:timers/promises'
import { type Child, startChild } from './support/child.ts'
import { type Measurement, measureInRounds, type Workload } from './support/measure.ts'
import { siteOf } from './support/tenant-site.ts'
import type { TenantsGateway } from './tenants-gateway.ts'
import type { World } from './world.ts'

/** How the suite runs. */
export interface TenantsOptions {
  readonly tenants: number
  readonly rounds: number
  readonly seconds: number
  readonly connections: number
}

/** What the suite found. */
export interface TenantsMeasurement {
  /** Each connection sends as soon as it has its answer: how much the gateways can do at most. */
  readonly saturated: Measurement
  /** Both are sent the same number of requests a second: `CARRIED_SHARE` of what the one with a single tenant can do. */
  readonly carried: Measurement
  /** As `carried`, but all requests are of one tenant, and whoever else is warm has been idle for long enough. */
  readonly othersIdle: Measurement
  /** What one more warm tenant takes, its locked memory left out. */
  readonly heapBytesPerTenant: number
  /** The same without the wrapped copies of its keys. */
  readonly heapBytesPerTenantBeyondKeys: number
  readonly residentBytesPerTenant: number
  readonly lockedBytesPerTenant: number
}

const CARRIED_SHARE = 0.25
/** Longer than `revocation.idleAfterMs` and the bound, by their defaults: nobody's access is proven any more. */
const IDLE_MS = 36_000
const SUBJECT_CORE = 0
const WORLD_CORE = 1

/** A gateway with one warm tenant beside one with many: what each takes, and what requests to all of them cost. */
export async function benchTenants(options: TenantsOptions): Promise<TenantsMeasurement> {
  const children: { stop(): Promise<void> }[] = []
  try {
    const world = await startChild<World>(['bench/world.ts'], WORLD_CORE)
    children.push(world)
    Object.assign(process.env, world.ready.variables)
    const gateways: { readonly tenants: number; readonly gateway: Child<TenantsGateway> }[] = []
    for (const tenants of [1, options.tenants]) {
      const program = [
        '--expose-gc',
        'bench/tenants-gateway.ts',
        String(tenants),
        String(options.tenants),
        world.ready.configurationFile,
      ]
      const gateway = await startChild<TenantsGateway>(program, SUBJECT_CORE)
      children.push(gateway)
      gateways.push({ tenants, gateway })
    }
    const [one, many] = gateways.map(({ gateway }) => gateway.ready.memory)
    const perTenant = (read: (memory: TenantsGateway['memory']) => number): number =>
      (read(many!) - read(one!)) / (options.tenants - 1)
    const workloadsOf = (asked: (tenants: number) => number): Workload[] =>
      gateways.map(({ tenants, gateway }) => ({
        ...workloadOf(tenants, asked(tenants), gateway.ready.url, world.ready.token),
        pid: gateway.pid,
      }))
    const ofAll = workloadsOf((tenants) => tenants)
    const saturated = await measureInRounds(ofAll, options)
    const rate = CARRIED_SHARE * saturated.rows[0]!.rps
    const carried = await measureInRounds(ofAll, { ...options, rate })
    await pause(IDLE_MS)
    return {
      saturated,
      carried,
      othersIdle: await measureInRounds(
        workloadsOf(() => 1),
        { ...options, rate },
      ),
      heapBytesPerTenant: perTenant(({ heapBytes }) => heapBytes),
      heapBytesPerTenantBeyondKeys: perTenant(({ heapBytes, wrappedBytes }) => heapBytes - wrappedBytes),
      residentBytesPerTenant: perTenant(({ residentBytes, lockedBytes }) => residentBytes - lockedBytes),
      lockedBytesPerTenant: perTenant(({ lockedBytes }) => lockedBytes),
    }
  } finally {
    await Promise.all(children.map((child) => child.stop()))
  }
}

/** Reads of the documents of the first `asked` of a gateway's tenants, in turn. */
function workloadOf(tenants: number, asked: number, url: string, token: string): Omit<Workload, 'pid'> {
  let next = 0
  return {
    name: 'tenants-get-10k',
    subject: `${tenants}-warm`,
    url,
    method: 'GET',
    headers: { 'Portcullis-Authorization': `Bearer ${token}` },
    vary: () => {
      const tenant = next
      next = (next + 1) % asked
      return { path: `/jira/issue/${tenants}-${tenant}`, headers: { 'Portcullis-Tenant': siteOf(tenant) } }
    },
  }
}
