import { integer, oneOf, text, textOrNull } from './sql/columns.ts'
import type { SqlEngine } from './sql/engine.ts'
import type { SqlRow, SqlWork } from './sql/statement.ts'
import { sql } from './sql/statement.ts'

/** Long work that survives the process that began it. */
export interface Job {
  readonly id: string
  readonly kind: string
  readonly organization: string
  readonly state: 'queued' | 'running' | 'succeeded' | 'failed'
  /** What is to be done, as JSON of the kind's own shape. */
  readonly work: string
  readonly total: number
  readonly done: number
  readonly createdAt: string
  readonly createdBy: string
  readonly finishedAt: string | null
  readonly error: string | null
}

/** Progress of a job; `state` says whether it goes on. */
export type JobProgress = Pick<Job, 'state' | 'done' | 'error'>

const STATES = ['queued', 'running', 'succeeded', 'failed'] as const

/** Jobs, shared by all replicas: one worker at a time has one, and loses it when it stops reporting. */
export class JobStore {
  readonly #engine: SqlEngine

  constructor(engine: SqlEngine) {
    this.#engine = engine
  }

  /** Queues a job. With `exclusive`, an unfinished one of the same kind and organization is returned instead. */
  add(job: Omit<Job, 'state' | 'done' | 'finishedAt' | 'error'>, exclusive: boolean): Promise<Job> {
    return this.#engine.transact(() => add(job, exclusive))
  }

  async find(organization: string, kind: string, id: string): Promise<Job | undefined> {
    const [row] = await this.#engine.query(
      sql`SELECT * FROM job WHERE id = ${id} AND organization = ${organization} AND kind = ${kind}`,
    )
    return row && jobOf(row)
  }

  /** Newest first; `before` is the identifier of the last job of the page before. */
  async list(organization: string, kind: string, before: string | undefined, limit: number): Promise<Job[]> {
    const rows =
      before === undefined
        ? await this.#engine.query(
            sql`SELECT * FROM job WHERE organization = ${organization} AND kind = ${kind}
              ORDER BY sequence DESC LIMIT ${limit}`,
          )
        : await this.#engine.query(
            sql`SELECT * FROM job WHERE organization = ${organization} AND kind = ${kind}
                AND sequence < (SELECT sequence FROM job WHERE id = ${before})
              ORDER BY sequence DESC LIMIT ${limit}`,
          )
    return rows.map(jobOf)
  }

  /** True when a job waits for a worker; costs one read, where `claim` costs a write. */
  async waiting(kind: string, now: string): Promise<boolean> {
    const rows = await this.#engine.query(
      sql`SELECT id FROM job WHERE finished_at IS NULL AND kind = ${kind}
        AND (worker_until IS NULL OR worker_until < ${now}) LIMIT 1`,
    )
    return rows.length > 0
  }

  /** Takes the oldest job that nobody works on; times are RFC 3339. */
  claim(kind: string, worker: string, now: string, until: string): Promise<Job | undefined> {
    return this.#engine.transact(function* (): SqlWork<Job | undefined> {
      const [row] = yield sql`UPDATE job SET worker = ${worker}, worker_until = ${until}, state = 'running'
        WHERE sequence = (SELECT MIN(sequence) FROM job WHERE finished_at IS NULL AND kind = ${kind}
          AND (worker_until IS NULL OR worker_until < ${now})) RETURNING *`
      return row && jobOf(row)
    })
  }

  /** Reports progress and keeps the job until `until`; false when another worker has it now. */
  report(id: string, worker: string, progress: JobProgress, now: string, until: string): Promise<boolean> {
    const finished = progress.state === 'succeeded' || progress.state === 'failed'
    return this.#engine.transact(function* (): SqlWork<boolean> {
      const rows = yield sql`UPDATE job SET state = ${progress.state}, done = ${progress.done},
          error = ${progress.error}, finished_at = ${finished ? now : null}, worker_until = ${until}
        WHERE id = ${id} AND worker = ${worker} AND finished_at IS NULL RETURNING id`
      return rows.length > 0
    })
  }
}

function* add(job: Omit<Job, 'state' | 'done' | 'finishedAt' | 'error'>, exclusive: boolean): SqlWork<Job> {
  const { id, kind, organization, work, total, createdAt, createdBy } = job
  if (exclusive) {
    const [open] = yield sql`SELECT * FROM job
      WHERE finished_at IS NULL AND organization = ${organization} AND kind = ${kind}`
    if (open !== undefined) return jobOf(open)
  }
  const [row] =
    yield sql`INSERT INTO job (id, kind, organization, state, work, total, done, created_at, created_by)
    VALUES (${id}, ${kind}, ${organization}, 'queued', ${work}, ${total}, 0, ${createdAt}, ${createdBy})
    RETURNING *`
  return jobOf(row!)
}

function jobOf(row: SqlRow): Job {
  return {
    id: text(row, 'id'),
    kind: text(row, 'kind'),
    organization: text(row, 'organization'),
    state: oneOf(STATES, row, 'state'),
    work: text(row, 'work'),
    total: integer(row, 'total'),
    done: integer(row, 'done'),
    createdAt: text(row, 'created_at'),
    createdBy: text(row, 'created_by'),
    finishedAt: textOrNull(row, 'finished_at'),
    error: textOrNull(row, 'error'),
  }
}
