import type { Signer } from '../crypto/signature.ts'
import type { AuditStore } from './audit-store.ts'
import { signCheckpoint } from './checkpoint.ts'
import type { SignedCheckpoint } from './checkpoint.ts'
import type { ChainHead } from './row.ts'

interface Unsigned {
  head: ChainHead
  rows: number
}

/** Signs the heads of chains that grew, after so many rows or so much time. */
export class Checkpointer {
  readonly #store: AuditStore
  readonly #signer: Signer
  readonly #rowsMax: number
  readonly #now: () => string
  readonly #onSigned: ((checkpoint: SignedCheckpoint) => void) | undefined
  readonly #unsigned = new Map<string, Unsigned>()
  #signed = 0

  constructor(
    store: AuditStore,
    signer: Signer,
    rowsMax: number,
    now: () => string,
    onSigned?: (checkpoint: SignedCheckpoint) => void,
  ) {
    this.#store = store
    this.#signer = signer
    this.#rowsMax = rowsMax
    this.#now = now
    this.#onSigned = onSigned
  }

  /** Checkpoints made. */
  get signed(): number {
    return this.#signed
  }

  /** A chain grew by `rows` up to `head`. */
  grew(head: ChainHead, rows: number): void {
    const known = this.#unsigned.get(head.chain)
    this.#unsigned.set(head.chain, { head, rows: (known?.rows ?? 0) + rows })
  }

  /** Signs chains that have grown enough, or with `all` every one that grew. Rejects when the store fails. */
  async sign(all: boolean): Promise<void> {
    for (const [chain, { head, rows }] of this.#unsigned) {
      if (!all && rows < this.#rowsMax) continue
      const checkpoint = signCheckpoint(head, this.#now(), this.#signer)
      await this.#store.addCheckpoint(checkpoint)
      this.#signed += 1
      this.#onSigned?.(checkpoint)
      if (this.#unsigned.get(chain)?.head === head) this.#unsigned.delete(chain)
    }
  }
}
