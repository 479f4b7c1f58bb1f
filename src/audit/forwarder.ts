import { randomUUID } from 'node:crypto'
import type { AuditStore } from './audit-store.ts'
import type { AuditEntry } from './entries.ts'
import type { ChainHead } from './row.ts'
import { Pause } from './waiting.ts'

/** Takes entries to a system outside. `deliver` rejects when it is not certain that they arrived. */
export interface AuditDelivery {
  /** Names the destination; its progress is kept under this name. */
  readonly name: string
  deliver(entries: readonly AuditEntry[]): Promise<void>
  close(): Promise<void>
}

/** Collaborators and limits of a {@link Forwarder}. */
export interface ForwarderOptions {
  readonly store: AuditStore
  readonly delivery: AuditDelivery
  /** Entries per delivery, and all that is held in memory. Default 100. */
  readonly batchEntriesMax?: number
  /** First wait after a failure; it doubles each time. Default 1 s. */
  readonly backoffMsMin?: number
  /** Default 5 minutes. */
  readonly backoffMsMax?: number
  /** Names this process among those that could deliver; unique. Default a random one. */
  readonly holder?: string
  /** How long this process delivers alone without saying so again. Default 30 s. */
  readonly leaseMs?: number
  /** How often rows of other processes are looked for, and whether one that delivers is gone. Default 10 s. */
  readonly pollIntervalMs?: number
  readonly onError?: (error: unknown) => void
  /** Uniform in [0, 1); for jitter only. */
  readonly random?: () => number
}

/** A forwarder's counters and levels, for metrics. */
export interface ForwarderStats {
  readonly delivered: number
  readonly failures: number
  /** Chains that have entries to deliver. */
  readonly chainsBehind: number
}

/**
 * Brings every row and checkpoint to one destination at least once, in order per chain, at the destination's pace.
 * What is to be delivered stays in the store, with a cursor: nothing is dropped however long the destination is
 * away, memory holds one batch, and a restart goes on where the last one stopped. Receivers tell repetitions by `id`.
 * Of several processes on one store one delivers; another takes over when its claim runs out.
 */
export class Forwarder {
  readonly #options: ForwarderOptions
  readonly #pause = new Pause()
  readonly #behind = new Set<string>()
  readonly #polling: NodeJS.Timeout
  #rowCursors = new Map<string, number>()
  #checkpointCursors = new Map<string, number>()
  readonly #holder: string
  readonly #leaseMs: number
  /** Monotonic time of the newest claim. */
  #claimedAt = -Infinity
  /** Another process delivers; asked again at the next poll. */
  #elsewhere = false
  #running: Promise<void> | undefined
  #delivered = 0
  #failures = 0
  #lookWanted = false
  #closing = false

  constructor(options: ForwarderOptions) {
    this.#options = options
    this.#holder = options.holder ?? randomUUID()
    this.#leaseMs = options.leaseMs ?? 30_000
    this.#polling = setInterval(() => {
      this.#elsewhere = false
      this.#start(true)
    }, options.pollIntervalMs ?? 10_000)
    this.#polling.unref()
    this.#start(true)
  }

  /** Rows were added: see `AuditLog.onAppended`. */
  notify(heads: readonly ChainHead[]): void {
    if (this.#elsewhere) return
    for (const { chain } of heads) this.#behind.add(chain)
    this.#start(false)
  }

  stats(): ForwarderStats {
    return { delivered: this.#delivered, failures: this.#failures, chainsBehind: this.#behind.size }
  }

  /** Resolves when everything that is in the store has been delivered, or the forwarder was closed. */
  async settled(): Promise<void> {
    this.#elsewhere = false
    this.#start(true)
    while (this.#running !== undefined) await this.#running
  }

  /** Stops after the delivery under way. */
  async close(): Promise<void> {
    this.#closing = true
    clearInterval(this.#polling)
    this.#pause.end()
    await this.#running
    const { store, delivery, onError } = this.#options
    await store.release(delivery.name, this.#holder).catch((thrown: unknown) => onError?.(thrown))
    await delivery.close()
  }

  #start(look: boolean): void {
    if (look) this.#lookWanted = true
    if (this.#closing || this.#running !== undefined) return
    this.#running = this.#run().finally(() => {
      this.#running = undefined
      if (this.#lookWanted || this.#behind.size > 0) this.#start(false)
    })
  }

  async #run(): Promise<void> {
    const { backoffMsMin = 1_000, backoffMsMax = 300_000, random = Math.random } = this.#options
    for (let wait = backoffMsMin; !this.#closing;) {
      try {
        if (!(await this.#claim())) return
        if (this.#lookWanted) {
          this.#lookWanted = false
          await this.#look()
        }
        const chain = this.#behind.values().next().value
        if (chain === undefined) return
        this.#behind.delete(chain)
        if (await this.#advance(chain)) this.#behind.add(chain)
        wait = backoffMsMin
      } catch (thrown) {
        this.#failures += 1
        this.#options.onError?.(thrown)
        // what was being delivered is found again by its cursor
        this.#lookWanted = true
        await this.#pause.sleep(wait * (0.5 + random() / 2))
        wait = Math.min(wait * 2, backoffMsMax)
      }
    }
  }

  /** False while another process delivers. What it has delivered is read anew when this one takes over. */
  async #claim(): Promise<boolean> {
    const now = performance.now()
    const age = now - this.#claimedAt
    if (age < this.#leaseMs / 3) return true
    const { store, delivery } = this.#options
    if (await store.claim(delivery.name, this.#holder, this.#leaseMs)) {
      if (age >= this.#leaseMs) this.#lookWanted = true
      this.#claimedAt = now
      return true
    }
    this.#elsewhere = true
    this.#lookWanted = false
    this.#behind.clear()
    return false
  }

  /** Reads the cursors and finds every chain that is behind. */
  async #look(): Promise<void> {
    const { store, delivery } = this.#options
    this.#rowCursors = new Map(await store.cursors(delivery.name))
    this.#checkpointCursors = new Map(await store.cursors(checkpointsOf(delivery.name)))
    for (const { chain, sequence } of await store.heads()) {
      if (sequence > (this.#rowCursors.get(chain) ?? 0)) this.#behind.add(chain)
    }
    for (const { chain, sequence } of await store.newestCheckpoints()) {
      if (sequence > (this.#checkpointCursors.get(chain) ?? 0)) this.#behind.add(chain)
    }
  }

  /** Delivers one batch of a chain; true when there may be more. */
  async #advance(chain: string): Promise<boolean> {
    const { store, delivery, batchEntriesMax = 100 } = this.#options
    const rowsFrom = this.#rowCursors.get(chain) ?? 0
    const rows = await store.rows({ chain, afterSequence: rowsFrom, limit: batchEntriesMax })
    if (rows.length > 0) await this.#deliver(chain, rows, delivery.name, this.#rowCursors, rowsFrom)
    const checkpointsFrom = this.#checkpointCursors.get(chain) ?? 0
    const checkpoints = await store.checkpoints(chain, checkpointsFrom, batchEntriesMax)
    if (checkpoints.length > 0) {
      const name = checkpointsOf(delivery.name)
      await this.#deliver(chain, checkpoints, name, this.#checkpointCursors, checkpointsFrom)
    }
    return rows.length === batchEntriesMax || checkpoints.length === batchEntriesMax
  }

  async #deliver(
    chain: string,
    entries: readonly AuditEntry[],
    cursor: string,
    cursors: Map<string, number>,
    fromSequence: number,
  ): Promise<void> {
    await this.#options.delivery.deliver(entries)
    this.#delivered += entries.length
    const toSequence = entries.at(-1)!.sequence
    if (await this.#options.store.moveCursor(cursor, chain, fromSequence, toSequence)) {
      cursors.set(chain, toSequence)
      return
    }
    // another process delivers to the same destination: go on from where it stands
    const moved = await this.#options.store.cursors(cursor)
    cursors.set(chain, moved.get(chain) ?? 0)
  }
}

function checkpointsOf(name: string): string {
  return `${name}/checkpoints`
}
