import { createHash } from 'node:crypto'
import { PortcullisError } from '../../errors.ts'
import type { IdempotencyStore } from '../../registry/idempotency.ts'

const KEY = /^[\x21-\x7e]{1,128}$/

/** An answer as it is repeated. */
export interface KeptAnswer {
  readonly status: number
  readonly body: unknown
  readonly etag: string | undefined
}

/** One request with an `Idempotency-Key`. */
export class Repetition {
  readonly #store: IdempotencyStore
  readonly #caller: string
  readonly #key: string

  private constructor(store: IdempotencyStore, caller: string, key: string) {
    this.#store = store
    this.#caller = caller
    this.#key = key
  }

  /**
   * Begins a request, or finds its answer. `asked` is everything that the request asks for.
   * Throws `input-invalid`, `idempotency-key-reused` or `request-running`.
   */
  static async begin(
    store: IdempotencyStore,
    caller: string,
    key: string,
    asked: unknown,
  ): Promise<Repetition | KeptAnswer> {
    if (!KEY.test(key)) {
      throw new PortcullisError('input-invalid', 'Idempotency-Key has 1 to 128 printable characters.')
    }
    const fingerprint = createHash('sha256').update(JSON.stringify(asked)).digest('hex')
    const verdict = await store.begin(caller, key, fingerprint)
    if (verdict.kind === 'begun') return new Repetition(store, caller, key)
    if (verdict.kind === 'repeated') return JSON.parse(verdict.answer) as KeptAnswer
    if (verdict.kind === 'running') {
      const detail = 'A request with this Idempotency-Key is running.'
      throw new PortcullisError('request-running', detail, { retryAfterSeconds: 1 })
    }
    const detail = 'Use another Idempotency-Key for another request.'
    throw new PortcullisError('idempotency-key-reused', detail)
  }

  /** Keeps the answer, without the secret that it may hold. */
  async keep(answer: KeptAnswer, secret: string | undefined): Promise<void> {
    const body = secret === undefined ? answer.body : { ...(answer.body as object), [secret]: null }
    await this.#store.complete(this.#caller, this.#key, JSON.stringify({ ...answer, body }))
  }

  /** The request was refused or failed: it may be sent again. */
  async abandon(): Promise<void> {
    await this.#store.abandon(this.#caller, this.#key)
  }
}
