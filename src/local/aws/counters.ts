import type { Service } from './call.ts'

/** Which calls to count; an absent member matches all. */
export interface CallFilter {
  readonly service?: Service
  readonly operation?: string
  readonly region?: string
  /** `ok`, or the AWS error name; faults that answer nothing count as `reset` and `hang`. */
  readonly outcome?: string
}

/** One row of the counters. */
export interface CallCount extends Required<CallFilter> {
  readonly calls: number
}

/** How many calls arrived, by service, operation, region and outcome. */
export class Counters {
  readonly #counts = new Map<string, { -readonly [K in keyof CallCount]: CallCount[K] }>()

  /** Counts one call. */
  record(service: Service, operation: string, region: string, outcome: string): void {
    const name = `${service}\0${operation}\0${region}\0${outcome}`
    const row = this.#counts.get(name)
    if (row) row.calls++
    else this.#counts.set(name, { service, operation, region, outcome, calls: 1 })
  }

  /** The number of calls that match. */
  count(filter: CallFilter = {}): number {
    return this.rows(filter).reduce((sum, row) => sum + row.calls, 0)
  }

  /** The rows that match. */
  rows(filter: CallFilter = {}): CallCount[] {
    const members = Object.entries(filter) as [keyof CallFilter, string | undefined][]
    return [...this.#counts.values()]
      .filter((row) => members.every(([name, value]) => value === undefined || row[name] === value))
      .map((row) => ({ ...row }))
  }

  /** Starts again at zero. */
  reset(): void {
    this.#counts.clear()
  }
}
