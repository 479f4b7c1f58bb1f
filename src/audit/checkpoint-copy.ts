import { readFile, rename, writeFile } from 'node:fs/promises'
import type { AuditStore } from './audit-store.ts'
import type { SignedCheckpoint } from './checkpoint.ts'
import { entryLine, readNdjson } from './ndjson.ts'

const CHAINS_MAX = 100_000

/**
 * The newest checkpoint of every chain that this process signed, in a file outside the store. Whoever removes the end
 * of a chain together with its checkpoints has to remove this as well.
 */
export class CheckpointCopy {
  readonly #path: string
  readonly #newest: Map<string, SignedCheckpoint>
  #changed = false
  #writing: Promise<void> = Promise.resolve()

  private constructor(path: string, newest: Map<string, SignedCheckpoint>) {
    this.#path = path
    this.#newest = newest
  }

  /** Reads what an earlier run left. Rejects when the file holds anything else. */
  static async open(path: string): Promise<CheckpointCopy> {
    const newest = new Map<string, SignedCheckpoint>()
    for await (const entry of readNdjson(bytesOf(path))) {
      if (!('event' in entry) && !('removedBefore' in entry)) newest.set(entry.chain, entry)
    }
    return new CheckpointCopy(path, newest)
  }

  /** Takes a checkpoint in; {@link save} writes it. */
  keep(checkpoint: SignedCheckpoint): void {
    const known = this.#newest.get(checkpoint.chain)
    if (known !== undefined && known.sequence >= checkpoint.sequence) return
    if (known === undefined && this.#newest.size >= CHAINS_MAX) return
    this.#newest.set(checkpoint.chain, checkpoint)
    this.#changed = true
  }

  /**
   * Puts back checkpoints that the store no longer has: its chain then goes on behind them, so that what was removed
   * stays visible as a gap.
   */
  async restoreTo(store: AuditStore): Promise<void> {
    const there = new Map((await store.newestCheckpoints()).map((one) => [one.chain, one.sequence]))
    for (const checkpoint of this.#newest.values()) {
      const { chain, sequence } = checkpoint
      if (sequence <= (there.get(chain) ?? 0)) continue
      if (sequence > ((await store.anchor(chain))?.sequence ?? 0)) await store.addCheckpoint(checkpoint)
    }
  }

  of(chain: string): readonly SignedCheckpoint[] {
    const checkpoint = this.#newest.get(chain)
    return checkpoint === undefined ? [] : [checkpoint]
  }

  /** Writes the file anew where something changed, never half. */
  save(): Promise<void> {
    this.#writing = this.#writing
      .catch(() => undefined)
      .then(async () => {
        if (!this.#changed) return
        this.#changed = false
        const lines = [...this.#newest.values()].map((checkpoint) => `${entryLine(checkpoint)}\n`)
        const unfinished = `${this.#path}.unfinished`
        await writeFile(unfinished, lines.join(''), { mode: 0o600, flush: true })
        await rename(unfinished, this.#path)
      })
    return this.#writing
  }
}

async function* bytesOf(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield await readFile(path)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown
  }
}
