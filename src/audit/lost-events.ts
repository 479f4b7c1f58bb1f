import { SYSTEM_CHAIN } from './row.ts'

const CHAINS_MAX = 1_000

/** Counts events that could not be kept, by chain, until the chains have been told. */
export class LostEvents {
  readonly #unreported = new Map<string, number>()
  #total = 0

  get total(): number {
    return this.#total
  }

  add(chain: string): void {
    this.#total += 1
    const known = this.#unreported.has(chain) || this.#unreported.size < CHAINS_MAX
    const counted = known ? chain : SYSTEM_CHAIN
    this.#unreported.set(counted, (this.#unreported.get(counted) ?? 0) + 1)
  }

  takeUnreported(): { chain: string; count: number }[] {
    const taken = [...this.#unreported].map(([chain, count]) => ({ chain, count }))
    this.#unreported.clear()
    return taken
  }
}
