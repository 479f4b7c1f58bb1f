import { AggregatorRegistry, Counter, Gauge, type PrometheusContentType, Registry } from 'prom-client'

/** One metric with its rows, as a process tells it to another. */
export interface MetricValues {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly aggregator: string
  readonly values: readonly object[]
}

/**
 * What the processes of one replica measure, as one. What an ended process had counted stays counted, as far as it was
 * read, so that its end looks like no reset of the whole.
 */
export class MergedMetrics {
  readonly #newest = new Map<string, readonly MetricValues[]>()
  readonly #own = new Registry()
  readonly #restarts: Counter
  #departed: readonly MetricValues[] = []

  /** `serving`: how many processes serve now. */
  constructor(serving: () => number) {
    const processes = new Gauge({
      name: 'portcullis_processes',
      help: 'Processes of this replica that serve.',
      registers: [],
      collect() {
        this.set(serving())
      },
    })
    this.#own.registerMetric(processes)
    this.#restarts = new Counter({
      name: 'portcullis_process_restarts_total',
      help: 'Processes of this replica that ended and were started anew.',
      registers: [this.#own],
    })
  }

  /** Takes what a process measures now. */
  take(process: string, values: readonly MetricValues[]): void {
    this.#newest.set(process, values)
  }

  /** A process has ended, and another takes its place. */
  ended(process: string): void {
    this.#restarts.inc()
    const counted = (this.#newest.get(process) ?? []).filter(
      ({ type, aggregator }) => aggregator === 'sum' && (type === 'counter' || type === 'histogram'),
    )
    this.#newest.delete(process)
    this.#departed = merged([this.#departed, counted]).getMetricsAsArray() as unknown as MetricValues[]
  }

  /** The exposition text (Prometheus text format 0.0.4) and its media type. */
  async text(): Promise<{ readonly contentType: string; readonly body: string }> {
    const own = (await this.#own.getMetricsAsJSON()) as unknown as MetricValues[]
    const all = merged([...this.#newest.values(), this.#departed, own])
    return { contentType: all.contentType, body: await all.metrics() }
  }
}

function merged(lists: readonly (readonly MetricValues[])[]): Registry {
  return AggregatorRegistry.aggregate<PrometheusContentType>([...lists])
}
