import { Counter, type Registry } from 'prom-client'
import { LabelTree } from './label-tree.ts'

/** Options of a metric of the hot path. */
export interface HotMetricOptions {
  readonly name: string
  readonly help: string
  /** At most four. */
  readonly labelNames: readonly string[]
  readonly registry: Registry
  /** Combinations beyond these are counted together under `other`, so no input can grow the metric. */
  readonly combinationsMax: number
}

/** A counter whose adding costs a few map lookups; the library's is only filled when metrics are read. */
export class Tally {
  readonly #sums: LabelTree<{ value: number }>

  constructor(options: HotMetricOptions) {
    const sums = new LabelTree(options.labelNames, options.combinationsMax, () => ({ value: 0 }))
    this.#sums = sums
    const counter = new Counter({
      name: options.name,
      help: options.help,
      labelNames: [...options.labelNames],
      registers: [],
      collect() {
        this.reset()
        for (const { labels, leaf } of sums.entries()) this.inc(labels, leaf.value)
      },
    })
    options.registry.registerMetric(counter)
  }

  /** Adds to the row of these label values, given in the order of the label names. */
  add(amount: number, first: string, second?: string, third?: string, fourth?: string): void {
    this.#sums.leaf(first, second, third, fourth).value += amount
  }
}
