import { Gauge, type Registry } from 'prom-client'

/** How one authority stands at this instant. */
export interface AuthorityState {
  readonly authorityId: string
  /** Time since the start of the last proof of access; undefined without a lease. */
  readonly leaseAgeMs: number | undefined
  /** Undefined unless suspended. */
  readonly suspensionReason: string | undefined
  /** True while the key service gives no verdict. */
  readonly unavailable: boolean
}

const STATES = ['active', 'idle', 'suspended', 'unavailable'] as const

/**
 * Gauges per authority, read when metrics are read. At most `authoritiesMax` authorities get rows of their own, the
 * ones in trouble first; the counts by state are always complete. Of the processes of one replica the highest value counts:
 * they know the same authorities.
 */
export function registerAuthorityGauges(
  registry: Registry,
  read: () => Iterable<AuthorityState>,
  authoritiesMax: number,
): void {
  // Read once for all three gauges, which the registry collects one after the other.
  let states: readonly AuthorityState[] = []
  const counts = new Gauge({
    name: 'portcullis_authorities',
    help: 'Authorities by state: active and idle ones are served.',
    labelNames: ['state'],
    registers: [],
    aggregator: 'max',
    collect() {
      states = [...read()]
      for (const state of STATES) this.set({ state }, states.filter((each) => stateOf(each) === state).length)
      states = states.toSorted((left, right) => urgency(right) - urgency(left)).slice(0, authoritiesMax)
    },
  })
  const leaseAge = new Gauge({
    name: 'portcullis_lease_age_seconds',
    help: 'Time since the last proof of access to the keys of an authority.',
    labelNames: ['authority'],
    registers: [],
    aggregator: 'max',
    collect() {
      this.reset()
      for (const { authorityId, leaseAgeMs } of states) {
        if (leaseAgeMs !== undefined) this.set({ authority: authorityId }, leaseAgeMs / 1_000)
      }
    },
  })
  const suspended = new Gauge({
    name: 'portcullis_suspended',
    help: '1 for a suspended authority, with the reason.',
    labelNames: ['authority', 'reason'],
    registers: [],
    aggregator: 'max',
    collect() {
      this.reset()
      for (const { authorityId, suspensionReason } of states) {
        if (suspensionReason !== undefined) this.set({ authority: authorityId, reason: suspensionReason }, 1)
      }
    },
  })
  registry.registerMetric(counts)
  registry.registerMetric(leaseAge)
  registry.registerMetric(suspended)
}

function stateOf(state: AuthorityState): (typeof STATES)[number] {
  if (state.suspensionReason !== undefined) return 'suspended'
  if (state.unavailable) return 'unavailable'
  return state.leaseAgeMs === undefined ? 'idle' : 'active'
}

function urgency(state: AuthorityState): number {
  if (state.suspensionReason !== undefined) return Number.POSITIVE_INFINITY
  if (state.unavailable) return Number.MAX_VALUE
  return state.leaseAgeMs ?? -1
}
