import type { MetricsText } from '../admin/metrics-route.ts'
import { MergedMetrics, type MetricValues } from '../observability/merged-metrics.ts'

/** A process that takes longer is busy or stands still: what it said before counts. */
const ANSWER_TIMEOUT_MS = 1_000

interface Round {
  readonly missing: Set<string>
  readonly done: () => void
}

/** Asks all processes what they measure, whenever somebody wants to know. */
export class Measurement {
  readonly #merged: MergedMetrics
  readonly #ask: (id: number) => readonly string[]
  readonly #rounds = new Map<number, Round>()
  #nextId = 1

  /** `ask` asks every process that serves and returns their names. */
  constructor(serving: () => number, ask: (id: number) => readonly string[]) {
    this.#merged = new MergedMetrics(serving)
    this.#ask = ask
  }

  /** What all processes measure now, as one. */
  async text(): Promise<MetricsText> {
    const id = this.#nextId
    this.#nextId += 1
    await new Promise<void>((resolve) => {
      const timeout = setTimeout(resolve, ANSWER_TIMEOUT_MS)
      const done = (): void => {
        clearTimeout(timeout)
        resolve()
      }
      const missing = new Set(this.#ask(id))
      this.#rounds.set(id, { missing, done })
      if (missing.size === 0) done()
    })
    this.#rounds.delete(id)
    return await this.#merged.text()
  }

  /** Takes a process's answer. */
  take(id: number, process: string, values: readonly MetricValues[]): void {
    this.#merged.take(process, values)
    this.#answered(this.#rounds.get(id), process)
  }

  /** A process has ended. */
  ended(process: string): void {
    this.#merged.ended(process)
    for (const round of this.#rounds.values()) this.#answered(round, process)
  }

  #answered(round: Round | undefined, process: string): void {
    if (round?.missing.delete(process) === true && round.missing.size === 0) round.done()
  }
}
