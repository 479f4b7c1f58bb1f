import { randomUUID } from 'node:crypto'
import type { AuditLog } from './audit-log.ts'
import type { AuditEvent } from './event.ts'
import { isProof, KeyUses } from './key-uses.ts'
import { SYSTEM_CHAIN } from './row.ts'
import type { AuditSink } from './sink.ts'
import { UseJournal } from './use-journal.ts'

/** Collaborators and limits of a {@link GatheringSink}. */
export interface GatheringOptions {
  readonly log: Pick<AuditLog, 'record' | 'flush'>
  /** Where uses are kept that are in no row yet. */
  readonly directory: string
  /** How long uses are gathered for one row; 0 gives each its own. */
  readonly intervalMs: number
  readonly onError: (error: unknown) => void
}

/**
 * Gathers the proofs of access, which recur every other second, into one row for each authority and interval. Such a
 * row lists every request ID, so nothing is lost for whoever compares with CloudTrail. What ends access, and every
 * call that AWS did not grant, is written at once, behind a row of what was granted before.
 */
export class GatheringSink implements AuditSink {
  readonly #options: GatheringOptions
  readonly #journal: UseJournal
  readonly #open = new Map<string, { readonly id: string; readonly uses: KeyUses }>()
  readonly #timer: NodeJS.Timeout | undefined
  #turning: Promise<void> = Promise.resolve()

  private constructor(options: GatheringOptions, journal: UseJournal) {
    this.#options = options
    this.#journal = journal
    if (options.intervalMs === 0) return
    this.#timer = setInterval(() => void this.seal(), options.intervalMs)
    this.#timer.unref()
  }

  /** Opens the sink and writes the rows of uses that an earlier run had gathered. */
  static async open(options: GatheringOptions): Promise<GatheringSink> {
    const { log, directory, onError } = options
    const { journal, left, damaged, forget } = await UseJournal.open(directory, onError)
    const rows = new Map<string, KeyUses>()
    for (const { id, use } of left) {
      const uses = rows.get(id) ?? new KeyUses(use)
      uses.add(use)
      rows.set(id, uses)
    }
    // a row that was written before the end has the same id, and so is not written again
    for (const [id, uses] of rows) log.record(uses.event(), id)
    if (damaged > 0) {
      const detail = 'lines of gathered key uses were cut by the end of the process'
      const at = new Date().toISOString()
      log.record({ type: 'audit.repaired', at, authority: SYSTEM_CHAIN, detail, count: damaged })
    }
    log.flush().then(forget).catch(onError)
    return new GatheringSink(options, journal)
  }

  record(event: AuditEvent): void {
    if (this.#options.intervalMs > 0 && isProof(event)) {
      const open = this.#open.get(event.authority) ?? { id: randomUUID(), uses: new KeyUses(event) }
      this.#open.set(event.authority, open)
      open.uses.add(event)
      this.#journal.add(open.id, event)
      if (open.uses.full) this.#write(event.authority)
      return
    }
    this.#write(event.authority)
    this.#options.log.record(event)
  }

  /** Writes the rows of everything gathered so far. */
  async seal(): Promise<void> {
    for (const authority of this.#open.keys()) this.#write(authority)
    this.#turning = this.#turning.then(() => this.#journal.turn(() => this.#options.log.flush()))
    await this.#turning
  }

  /** Seals and stops gathering. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.seal()
  }

  #write(authority: string): void {
    const open = this.#open.get(authority)
    if (open === undefined) return
    this.#open.delete(authority)
    this.#options.log.record(open.uses.event(), open.id)
  }
}
