import type { Clock } from '../keyring/clock.ts'

/** How long a region that gave no verdict is asked last. */
const MEMORY_MS = 10_000

/** Orders regions as configured, but those that failed a moment ago last: an outage should not cost every call its timeout. */
export class RegionOrder {
  readonly #clock: Clock
  readonly #failedUntilMs = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `subject` keeps apart what fails for one authority only; empty for all. */
  ordered(subject: string, regions: readonly string[]): string[] {
    if (this.#failedUntilMs.size === 0) return [...regions]
    const well = regions.filter((region) => !this.#isFailed(subject, region))
    return [...well, ...regions.filter((region) => !well.includes(region))]
  }

  failed(subject: string, region: string): void {
    this.#failedUntilMs.set(`${subject} ${region}`, this.#clock.now() + MEMORY_MS)
  }

  succeeded(subject: string, region: string): void {
    if (this.#failedUntilMs.size > 0) this.#failedUntilMs.delete(`${subject} ${region}`)
  }

  #isFailed(subject: string, region: string): boolean {
    const name = `${subject} ${region}`
    const untilMs = this.#failedUntilMs.get(name)
    if (untilMs === undefined) return false
    if (this.#clock.now() < untilMs) return true
    this.#failedUntilMs.delete(name)
    return false
  }
}
