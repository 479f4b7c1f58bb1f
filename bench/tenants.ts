import { startChild } from './support/child.ts'
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
  /** What one more warm tenant takes, its locked memory left out. */
  readonly heapBytesPerTenant: number
  /** The same without the wrapped copies of its keys. */
  readonly heapBytesPerTenantBeyondKeys: number
  readonly residentBytesPerTenant: number
  readonly lockedBytesPerTenant: number
}

const CARRIED_SHARE = 0.25
const SUBJECT_CORE = 0
const WORLD_CORE = 1

/** A gateway with one warm tenant beside one with many: what each takes, and what requests to all of them cost. */
export async function benchTenants(options: TenantsOptions): Promise<TenantsMeasurement> {
  const children: { stop(): Promise<void> }[] = []
  try {
    const world = await startChild<World>(['bench/world.ts'], WORLD_CORE)
    children.push(world)
    Object.assign(process.env, world.ready.variables)
    const gateways = []
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
    const workloads = gateways.map(({ tenants, gateway }) => ({
      ...workloadOf(tenants, gateway.ready.url, world.ready.token),
      pid: gateway.pid,
    }))
    const saturated = await measureInRounds(workloads, options)
    const rate = CARRIED_SHARE * saturated.rows[0]!.rps
    return {
      saturated,
      carried: await measureInRounds(workloads, { ...options, rate }),
      heapBytesPerTenant: perTenant(({ heapBytes }) => heapBytes),
      heapBytesPerTenantBeyondKeys: perTenant(({ heapBytes, wrappedBytes }) => heapBytes - wrappedBytes),
      residentBytesPerTenant: perTenant(({ residentBytes, lockedBytes }) => residentBytes - lockedBytes),
      lockedBytesPerTenant: perTenant(({ lockedBytes }) => lockedBytes),
    }
  } finally {
    await Promise.all(children.map((child) => child.stop()))
  }
}

function workloadOf(tenants: number, url: string, token: string): Omit<Workload, 'pid'> {
  let next = 0
  return {
    name: 'tenants-get-10k',
    subject: `${tenants}-warm`,
    url,
    method: 'GET',
    headers: { 'Portcullis-Authorization': `Bearer ${token}` },
    vary: () => {
      const tenant = next
      next = (next + 1) % tenants
      return { path: `/jira/issue/${tenants}-${tenant}`, headers: { 'Portcullis-Tenant': siteOf(tenant) } }
    },
  }
}
