import { Worker } from 'node:worker_threads'
import type { SignedAnchor } from './anchor.ts'
import type { AppendResult, AuditStore, RowQuery } from './audit-store.ts'
import type { SignedCheckpoint } from './checkpoint.ts'
import type { AuditRow, ChainHead, PendingEntry } from './row.ts'
import type { SqliteAuditDatabase } from './sqlite-audit-database.ts'

type Method = Exclude<keyof SqliteAuditDatabase, 'constructor'>

/** A call to the thread that owns the database. */
export interface AuditCall {
  readonly id: number
  readonly method: Method
  readonly parameters: readonly unknown[]
}

/** What the thread answers. */
export interface AuditAnswer {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}

interface Waiting {
  readonly resolve: (result: never) => void
  readonly reject: (error: Error) => void
}

/**
 * Audit rows in one SQLite file. The database lives on a thread of its own, so neither a commit's disk
 * synchronisation nor a long export holds up a request.
 */
export class SqliteAuditStore implements AuditStore {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 1
  #failure: Error | undefined

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (answer: AuditAnswer) => this.#settle(answer))
    worker.on('error', (error) => this.#fail(error as Error))
    worker.on('exit', () => this.#fail(new Error('the audit store is closed')))
    worker.unref()
  }

  /** Opens or creates the file. Rejects when it cannot be used. */
  static async open(file: string): Promise<SqliteAuditStore> {
    const worker = new Worker(new URL('./sqlite-audit-worker.ts', import.meta.url), { workerData: { file } })
    const store = new SqliteAuditStore(worker)
    await store.newestCheckpoints()
    return store
  }

  append(entries: readonly PendingEntry[]): Promise<AppendResult[]> {
    return this.#call('append', entries)
  }

  heads(): Promise<ChainHead[]> {
    return this.#call('heads')
  }

  rows(query: RowQuery): Promise<AuditRow[]> {
    return this.#call('rows', query)
  }

  addCheckpoint(checkpoint: SignedCheckpoint): Promise<void> {
    return this.#call('addCheckpoint', checkpoint)
  }

  checkpoints(chain: string, afterSequence: number, limit: number): Promise<SignedCheckpoint[]> {
    return this.#call('checkpoints', chain, afterSequence, limit)
  }

  newestCheckpoints(): Promise<SignedCheckpoint[]> {
    return this.#call('newestCheckpoints')
  }

  cursors(forwarder: string): Promise<ReadonlyMap<string, number>> {
    return this.#call('cursors', forwarder)
  }

  moveCursor(forwarder: string, chain: string, fromSequence: number, toSequence: number): Promise<boolean> {
    return this.#call('moveCursor', forwarder, chain, fromSequence, toSequence)
  }

  claim(forwarder: string, holder: string, leaseMs: number): Promise<boolean> {
    return this.#call('claim', forwarder, holder, leaseMs)
  }

  release(forwarder: string, holder: string): Promise<void> {
    return this.#call('release', forwarder, holder)
  }

  anchor(chain: string): Promise<SignedAnchor | undefined> {
    return this.#call('anchor', chain)
  }

  prune(anchor: SignedAnchor, rowsMax: number): Promise<number> {
    return this.#call('prune', anchor, rowsMax)
  }

  addSigner(keyId: string, publicKeyPem: string): Promise<void> {
    return this.#call('addSigner', keyId, publicKeyPem)
  }

  signers(): Promise<string[]> {
    return this.#call('signers')
  }

  async close(): Promise<void> {
    if (this.#failure !== undefined) return
    await this.#call('close')
    await this.#worker.terminate()
  }

  #call<Result>(method: Method, ...parameters: readonly unknown[]): Promise<Result> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const id = this.#nextId
    this.#nextId += 1
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      // a caller waits: keep the process alive until the answer is there
      this.#worker.ref()
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      this.#worker.postMessage({ id, method, parameters } satisfies AuditCall)
    })
  }

  #settle({ id, result, error }: AuditAnswer): void {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    this.#waiting.delete(id)
    if (this.#waiting.size === 0) this.#worker.unref()
    if (error === undefined) waiting.resolve(result as never)
    else waiting.reject(new Error(error))
  }

  #fail(error: Error): void {
    this.#failure ??= error
    for (const { reject } of this.#waiting.values()) reject(this.#failure)
    this.#waiting.clear()
  }
}
