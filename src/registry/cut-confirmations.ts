import { integer, text, textOrNull } from './sql/columns.ts'
import type { SqlEngine } from './sql/engine.ts'
import type { SqlRow, SqlWork } from './sql/statement.ts'
import { sql } from './sql/statement.ts'

/** What one replica says that it did when a suspension began. Times are RFC 3339, UTC, with milliseconds. */
export interface CutConfirmation {
  readonly suspensionId: string
  readonly replica: string
  /** When it last allowed a use of what is suspended; null when it never did. */
  readonly lastAllowedAt: string | null
  /** When the keys were gone from its memory. */
  readonly wipedAt: string
  readonly keysWiped: number
  readonly transfersCut: number
}

/** A replica that ran when a suspension began. */
export interface ExpectedReplica {
  readonly replica: string
  readonly startedAt: string
}

/** A replica that was last seen so long before an instant still counts as running then. */
const PRESENT_MS = 90_000
/** Replicas that ended long ago are forgotten; what they confirmed is not. */
const FORGOTTEN_AFTER_MS = 400 * 86_400_000

/** Which replicas there are and what each of them confirmed; every replica writes only of itself. */
export class CutConfirmations {
  readonly #engine: SqlEngine

  constructor(engine: SqlEngine) {
    this.#engine = engine
  }

  /** Notes that a replica runs at `nowMs`. */
  async present(replica: string, startedAt: string, nowMs: number): Promise<void> {
    await this.#engine.transact(() => present(replica, startedAt, nowMs))
  }

  /** Notes that a replica has ended in an orderly way: from then on nothing is expected of it. */
  async stopped(replica: string, at: string): Promise<void> {
    await this.#engine.transact(() => stopped(replica, at))
  }

  /** Durably adds what a replica did; the first word counts. */
  async confirm(confirmation: CutConfirmation): Promise<void> {
    await this.#engine.transact(() => confirm(confirmation))
  }

  async of(suspensionId: string): Promise<readonly CutConfirmation[]> {
    const rows = await this.#engine.query(
      sql`SELECT * FROM cut_confirmation WHERE suspension_id = ${suspensionId} ORDER BY replica`,
    )
    return rows.map(confirmationOf)
  }

  /** Replicas that ran at an instant, as far as is known: those that may have ended without a word as well. */
  async expectedAt(at: string): Promise<readonly ExpectedReplica[]> {
    const seenSince = new Date(Date.parse(at) - PRESENT_MS).toISOString()
    const rows = await this.#engine.query(
      sql`SELECT name, started_at FROM replica WHERE started_at <= ${at} AND seen_at >= ${seenSince}
        AND (stopped_at IS NULL OR stopped_at > ${at}) ORDER BY name`,
    )
    return rows.map((row) => ({ replica: text(row, 'name'), startedAt: text(row, 'started_at') }))
  }
}

function* present(replica: string, startedAt: string, nowMs: number): SqlWork<void> {
  const now = new Date(nowMs).toISOString()
  yield sql`INSERT INTO replica (name, started_at, seen_at) VALUES (${replica}, ${startedAt}, ${now})
    ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at`
  yield sql`DELETE FROM replica WHERE seen_at < ${new Date(nowMs - FORGOTTEN_AFTER_MS).toISOString()}`
}

function* stopped(replica: string, at: string): SqlWork<void> {
  yield sql`UPDATE replica SET stopped_at = ${at} WHERE name = ${replica}`
}

function* confirm(confirmation: CutConfirmation): SqlWork<void> {
  const { suspensionId, replica, lastAllowedAt, wipedAt, keysWiped, transfersCut } = confirmation
  yield sql`INSERT INTO cut_confirmation (suspension_id, replica, last_allowed_at, wiped_at, keys_wiped, transfers_cut)
    VALUES (${suspensionId}, ${replica}, ${lastAllowedAt}, ${wipedAt}, ${keysWiped}, ${transfersCut})
    ON CONFLICT (suspension_id, replica) DO NOTHING`
}

function confirmationOf(row: SqlRow): CutConfirmation {
  return {
    suspensionId: text(row, 'suspension_id'),
    replica: text(row, 'replica'),
    lastAllowedAt: textOrNull(row, 'last_allowed_at'),
    wipedAt: text(row, 'wiped_at'),
    keysWiped: integer(row, 'keys_wiped'),
    transfersCut: integer(row, 'transfers_cut'),
  }
}
