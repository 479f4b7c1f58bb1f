import { randomUUID } from 'node:crypto'
import { auditLogLimits } from './audit-log-options.ts'
import type { AuditLogLimits, AuditLogOptions, AuditLogStats } from './audit-log-options.ts'
import { AuditQueue } from './audit-queue.ts'
import type { AppendResult } from './audit-store.ts'
import { Checkpointer } from './checkpointer.ts'
import type { AuditEvent, AuditTrailDamaged } from './event.ts'
import { eventText } from './event-text.ts'
import { LostEvents } from './lost-events.ts'
import { examineChains } from './recovery.ts'
import { SYSTEM_CHAIN } from './row.ts'
import type { ChainHead, PendingEntry } from './row.ts'
import type { AuditSink } from './sink.ts'
import { SpillFile } from './spill-file.ts'
import { Pause, withTimeout } from './waiting.ts'

const BACKOFF_MS_MIN = 50
const BACKOFF_MS_MAX = 5_000
/** After a failure of the disk. */
const DISK_RETRY_MS = 1_000
const HEADS_KNOWN_MAX = 100_000

/** The event could not be made durable in time; whoever did what it tells must not be told that it is done. */
export class AuditUnavailable extends Error {
  constructor(detail: string) {
    super(detail)
    this.name = 'AuditUnavailable'
  }
}

/**
 * Takes events without ever blocking or throwing, and writes them in batches. What finds no place in memory
 * follows `whenFull`; what is lost even so is counted, and the chain says how much.
 */
export class AuditLog implements AuditSink {
  readonly #options: AuditLogOptions
  readonly #limits: AuditLogLimits
  readonly #queue = new AuditQueue()
  readonly #lost = new LostEvents()
  readonly #heads = new Map<string, number>()
  readonly #listeners = new Set<(heads: readonly ChainHead[]) => void>()
  readonly #pause = new Pause()
  readonly #spill: SpillFile | undefined
  readonly #checkpointer: Checkpointer | undefined
  readonly #checkpointTimer: NodeJS.Timeout | undefined
  readonly #counts = { recorded: 0, written: 0, spilled: 0, appendFailures: 0, chainRegressions: 0 }
  #writer: Promise<void> | undefined
  #spiller: Promise<void> | undefined
  #spillFailed = false
  #closing = false

  private constructor(options: AuditLogOptions, limits: AuditLogLimits, spill: SpillFile | undefined) {
    this.#options = options
    this.#limits = limits
    this.#spill = spill
    if (options.signer !== undefined) {
      this.#checkpointer = new Checkpointer(
        options.store,
        options.signer,
        limits.checkpointRowsMax,
        () => this.#now(),
        options.onCheckpoint,
      )
      this.#checkpointTimer = setInterval(() => void this.#signCheckpoints(true), limits.checkpointIntervalMs)
      this.#checkpointTimer.unref()
    }
  }

  /**
   * Opens the log: looks at the end of every chain, takes up what an earlier run left in the spill file, and
   * writes a marker where it finds damage. Rejects when the store or the spill file cannot be used.
   */
  static async open(options: AuditLogOptions): Promise<AuditLog> {
    const limits = auditLogLimits(options)
    const recovery = await examineChains(options.store)
    const opened = options.spillFile === undefined ? undefined : await SpillFile.open(options.spillFile)
    const log = new AuditLog(options, limits, opened?.spill)
    for (const head of recovery.unsigned) log.#checkpointer?.grew(head, 0)
    for (const { chain, detail, count } of recovery.damage) {
      log.#recordOwn('audit.repaired', chain, detail, count)
    }
    if (opened !== undefined && opened.tornBytes > 0) {
      const detail = `the spill file ended in ${opened.tornBytes} bytes of an event that was never acknowledged`
      log.#recordOwn('audit.repaired', SYSTEM_CHAIN, detail)
    }
    log.#wakeWriter()
    return log
  }

  /** False while the policy demands that requests are refused (503): nothing more may happen unrecorded. */
  get accepting(): boolean {
    if (this.#closing) return false
    if (this.#queue.total < this.#limits.queueEventsMax) return true
    return this.#options.whenFull === 'spill' && this.#canSpill() && this.#queue.total < this.#eventsMax
  }

  /**
   * Takes an event; see {@link AuditSink}. With an `id`, an event that is in its chain already is not written again.
   * False when it found no room.
   */
  record(event: AuditEvent, id?: string): boolean {
    return this.#enqueue(event, id) !== undefined
  }

  /**
   * Takes an event and resolves once it survives a crash. Rejects with {@link AuditUnavailable} when it found no
   * room or took longer than `timeoutMs` (it may still become durable later).
   */
  async recordDurably(event: AuditEvent, timeoutMs = 10_000): Promise<void> {
    const ordinal = this.#enqueue(event)
    if (ordinal === undefined) throw new AuditUnavailable('the audit queue is full')
    const inTime = await withTimeout(this.#queue.durable(ordinal), timeoutMs)
    if (!inTime.done) throw new AuditUnavailable(`the audit event was not durable within ${timeoutMs} ms`)
  }

  /** Resolves when every event taken so far is durable. */
  flush(): Promise<void> {
    return this.#queue.durable()
  }

  /** Signs every chain that this process added to: an export that begins now proves its own end. */
  async checkpoint(): Promise<void> {
    await this.#signCheckpoints(true)
  }

  /** Calls back after rows became durable in the store. Returns the function that ends it. */
  onAppended(listener: (heads: readonly ChainHead[]) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Counters and levels, for metrics. */
  stats(): AuditLogStats {
    return {
      ...this.#counts,
      lost: this.#lost.total,
      checkpoints: this.#checkpointer?.signed ?? 0,
      queued: this.#queue.total,
      spillBytes: this.#spill?.bytes ?? 0,
    }
  }

  /**
   * Writes what is left, signs the chains and stops. What the store does not take within `deadlineMs` goes to the
   * spill file where there is one. Returns how many events could be kept nowhere. The store stays open.
   */
  async close(deadlineMs = 10_000): Promise<number> {
    clearInterval(this.#checkpointTimer)
    const flushed = this.#idle().then(() => this.#signCheckpoints(true))
    await withTimeout(flushed, deadlineMs)
    this.#closing = true
    this.#pause.end()
    await this.#spiller
    if (this.#queue.total > 0 && this.#spill !== undefined) await this.#spillEntries(true)
    await this.#spill?.close()
    return this.#queue.total
  }

  get #eventsMax(): number {
    return this.#limits.queueEventsMax + this.#limits.reserveEventsMax
  }

  #enqueue(event: AuditEvent, id: string = randomUUID()): number | undefined {
    const chain = ('organization' in event ? event.organization : undefined) ?? event.authority
    if (this.#closing || this.#queue.total >= this.#eventsMax) {
      this.#lost.add(chain)
      return undefined
    }
    let entry: PendingEntry
    try {
      entry = { chain, id, event: eventText(event) }
    } catch (thrown) {
      this.#lost.add(SYSTEM_CHAIN)
      this.#options.onError?.(thrown)
      return undefined
    }
    this.#counts.recorded += 1
    const ordinal = this.#queue.push(entry)
    this.#wakeWriter()
    if (this.#options.whenFull === 'spill' && this.#queue.length >= this.#limits.queueEventsMax / 2) {
      this.#startSpilling()
    }
    return ordinal
  }

  #recordOwn(type: AuditTrailDamaged['type'], chain: string, detail: string, count?: number): void {
    const event = { type, at: this.#now(), authority: chain, detail }
    this.#enqueue(count === undefined ? event : { ...event, count })
  }

  #now(): string {
    return new Date((this.#options.wallTimeMs ?? Date.now)()).toISOString()
  }

  #wakeWriter(): void {
    this.#writer ??= this.#write()
      .catch((thrown: unknown) => {
        this.#options.onError?.(thrown)
        return this.#pause.sleep(DISK_RETRY_MS)
      })
      .finally(() => {
        this.#writer = undefined
        if (!this.#closing && this.#hasWork()) this.#wakeWriter()
      })
  }

  #hasWork(): boolean {
    return this.#queue.length > 0 || this.#spill?.isEmpty === false
  }

  async #idle(): Promise<void> {
    while (this.#writer !== undefined || this.#spiller !== undefined) {
      await this.#writer
      await this.#spiller
    }
  }

  async #write(): Promise<void> {
    await this.#pause.sleep(this.#limits.batchDelayMs)
    while (!this.#closing) {
      await this.#spiller
      if (this.#spill?.isEmpty === false) {
        await this.#drainSpill(this.#spill)
      } else {
        if (this.#queue.length === 0) return
        const entries = this.#queue.takeForWriting(this.#limits.batchEventsMax)
        if (await this.#append(entries)) this.#queue.written()
      }
      this.#reportLost()
      await this.#signCheckpoints(false)
    }
  }

  async #drainSpill(spill: SpillFile): Promise<void> {
    const chunk = await spill.read()
    if (chunk.entries.length > 0 && !(await this.#append(chunk.entries))) return
    await spill.drained(chunk.end)
    if (chunk.linesDamaged > 0) {
      this.#recordOwn('audit.repaired', SYSTEM_CHAIN, 'damaged lines in the spill file', chunk.linesDamaged)
    }
  }

  /** Appends until it succeeds; false only when the log closes first. */
  async #append(entries: readonly PendingEntry[]): Promise<boolean> {
    for (
      let backoffMs = BACKOFF_MS_MIN;
      !this.#closing;
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MS_MAX)
    ) {
      try {
        const appended = await withTimeout(this.#options.store.append(entries), this.#limits.storeTimeoutMs)
        if (!appended.done) throw new AuditUnavailable('the audit store did not answer in time')
        this.#counts.written += entries.length
        this.#noteAppended(appended.value)
        return true
      } catch (thrown) {
        this.#counts.appendFailures += 1
        this.#options.onError?.(thrown)
        await this.#pause.sleep(backoffMs)
      }
    }
    return false
  }

  #noteAppended(results: readonly AppendResult[]): void {
    for (const { head, firstSequence } of results) {
      const known = this.#heads.get(head.chain) ?? 0
      this.#heads.delete(head.chain)
      this.#heads.set(head.chain, head.sequence)
      this.#checkpointer?.grew(head, head.sequence - firstSequence + 1)
      if (firstSequence > known) continue
      this.#counts.chainRegressions += 1
      const detail = `the chain had at least ${known} rows, and row ${firstSequence} was added as new`
      this.#recordOwn('audit.chain-regressed', head.chain, detail, known - firstSequence + 1)
    }
    while (this.#heads.size > HEADS_KNOWN_MAX) this.#heads.delete(this.#heads.keys().next().value!)
    const heads = results.map(({ head }) => head)
    for (const listener of this.#listeners) listener(heads)
  }

  #reportLost(): void {
    if (this.#queue.total > 0) return
    for (const { chain, count } of this.#lost.takeUnreported()) {
      this.#recordOwn('audit.events-lost', chain, 'events found no room while the store was behind', count)
    }
  }

  #canSpill(): boolean {
    return this.#spill !== undefined && !this.#spillFailed && this.#spill.bytes < this.#limits.spillBytesMax
  }

  #startSpilling(): void {
    if (this.#spiller !== undefined || this.#spill === undefined) return
    if (this.#spill.bytes >= this.#limits.spillBytesMax) return
    this.#spiller = this.#spillEntries(false).finally(() => {
      this.#spiller = undefined
      this.#wakeWriter()
    })
  }

  async #spillEntries(all: boolean): Promise<void> {
    const entries = this.#queue.takeForSpilling(all)
    try {
      await this.#spill?.append(entries)
      this.#counts.spilled += entries.length
      this.#spillFailed = false
      this.#queue.spilled()
    } catch (thrown) {
      this.#spillFailed = true
      this.#queue.spillFailed()
      this.#options.onError?.(thrown)
      await this.#pause.sleep(DISK_RETRY_MS)
    }
  }

  async #signCheckpoints(all: boolean): Promise<void> {
    try {
      await this.#checkpointer?.sign(all)
    } catch (thrown) {
      this.#options.onError?.(thrown)
    }
  }
}
