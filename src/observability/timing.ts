import type { Metric, Registry } from 'prom-client'
import { LabelTree } from './label-tree.ts'
import type { HotMetricOptions } from './tally.ts'

interface Distribution {
  /** How many values fell into each bucket and no lower one; the last is beyond all bounds. */
  readonly counts: Float64Array
  sum: number
}

/** A histogram whose observing costs a few map lookups; rows in the library's shape are made when metrics are read. */
export class Timing {
  readonly #bounds: readonly number[]
  readonly #distributions: LabelTree<Distribution>
  readonly #name: string

  /** `bounds`: upper bounds of the buckets, ascending. */
  constructor(options: HotMetricOptions & { readonly bounds: readonly number[] }) {
    this.#bounds = options.bounds
    this.#name = options.name
    const create = () => ({ counts: new Float64Array(options.bounds.length + 1), sum: 0 })
    this.#distributions = new LabelTree(options.labelNames, options.combinationsMax, create)
    register(options.registry, {
      name: options.name,
      get: () => ({
        help: options.help,
        name: options.name,
        type: 'histogram',
        values: this.#values(),
        aggregator: 'sum',
      }),
      reset: () => {},
    })
  }

  /** Adds one value to the distribution of these label values. */
  observe(value: number, first: string, second?: string, third?: string, fourth?: string): void {
    const distribution = this.#distributions.leaf(first, second, third, fourth)
    distribution.sum += value
    const bounds = this.#bounds
    let bucket = 0
    while (bucket < bounds.length && value > bounds[bucket]!) bucket += 1
    distribution.counts[bucket]! += 1
  }

  #values(): HistogramRow[] {
    return this.#distributions.entries().flatMap(({ labels, leaf }) => {
      let total = 0
      const rows = Array.from(leaf.counts, (count, bucket): HistogramRow => {
        total += count
        const le = this.#bounds[bucket] ?? '+Inf'
        return { metricName: `${this.#name}_bucket`, labels: { ...labels, le }, value: total }
      })
      return [
        ...rows,
        { metricName: `${this.#name}_sum`, labels, value: leaf.sum },
        { metricName: `${this.#name}_count`, labels, value: total },
      ]
    })
  }
}

interface HistogramRow {
  readonly metricName: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

interface ReadableMetric {
  readonly name: string
  get(): { help: string; name: string; type: 'histogram'; values: HistogramRow[]; aggregator: 'sum' }
  reset(): void
}

function register(registry: Registry, metric: ReadableMetric): void {
  // The registry reads metrics through these members only; its declared type names the library's own classes.
  registry.registerMetric(metric as unknown as Metric)
}
