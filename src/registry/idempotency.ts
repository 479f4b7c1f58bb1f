import { textOrNull, text } from './sql/columns.ts'
import type { SqlEngine } from './sql/engine.ts'
import type { SqlWork } from './sql/statement.ts'
import { sql } from './sql/statement.ts'

/** Whether a request with an idempotency key may run. */
export type IdempotencyVerdict =
  /** It is the first with this key: run it, then `complete` or `abandon`. */
  | { readonly kind: 'begun' }
  /** It ran before: this was its answer. */
  | { readonly kind: 'repeated'; readonly answer: string }
  /** It runs at this moment. */
  | { readonly kind: 'running' }
  /** The key was used for another request. */
  | { readonly kind: 'other-request' }

const KEPT_MS = 24 * 60 * 60_000
/** A request without an answer after this belonged to a process that is gone. */
const RUNNING_MS_MAX = 60_000

/** Answers to requests that a caller may repeat without doing them again; shared by all replicas. */
export class IdempotencyStore {
  readonly #engine: SqlEngine
  readonly #wallTimeMs: () => number

  constructor(engine: SqlEngine, wallTimeMs: () => number = Date.now) {
    this.#engine = engine
    this.#wallTimeMs = wallTimeMs
  }

  /** Begins a request. `fingerprint` is a digest of what it asks for. */
  begin(caller: string, key: string, fingerprint: string): Promise<IdempotencyVerdict> {
    const nowMs = this.#wallTimeMs()
    return this.#engine.transact(() => begin(caller, key, fingerprint, nowMs))
  }

  /** Keeps the answer of a request that succeeded; it must hold no secret. */
  async complete(caller: string, key: string, answer: string): Promise<void> {
    await this.#engine.transact(function* (): SqlWork<void> {
      yield sql`UPDATE idempotent_request SET answer = ${answer}
        WHERE caller = ${caller} AND idempotency_key = ${key}`
    })
  }

  /** Forgets a request that was refused or failed, so that it can be tried again. */
  async abandon(caller: string, key: string): Promise<void> {
    await this.#engine.transact(function* (): SqlWork<void> {
      yield sql`DELETE FROM idempotent_request
        WHERE caller = ${caller} AND idempotency_key = ${key} AND answer IS NULL`
    })
  }
}

function* begin(
  caller: string,
  key: string,
  fingerprint: string,
  nowMs: number,
): SqlWork<IdempotencyVerdict> {
  const at = (ms: number): string => new Date(ms).toISOString()
  yield sql`DELETE FROM idempotent_request WHERE begun_at < ${at(nowMs - KEPT_MS)}`
  yield sql`DELETE FROM idempotent_request
    WHERE caller = ${caller} AND idempotency_key = ${key} AND answer IS NULL
      AND begun_at < ${at(nowMs - RUNNING_MS_MAX)}`
  const [known] = yield sql`SELECT * FROM idempotent_request
    WHERE caller = ${caller} AND idempotency_key = ${key}`
  if (known === undefined) {
    yield sql`INSERT INTO idempotent_request (caller, idempotency_key, fingerprint, begun_at)
      VALUES (${caller}, ${key}, ${fingerprint}, ${at(nowMs)})`
    return { kind: 'begun' }
  }
  if (text(known, 'fingerprint') !== fingerprint) return { kind: 'other-request' }
  const answer = textOrNull(known, 'answer')
  return answer === null ? { kind: 'running' } : { kind: 'repeated', answer }
}
