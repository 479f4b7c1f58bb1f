import { Client, Pool } from 'pg'
import type { ClientConfig } from 'pg'
import type { Claim, FleetExchange, FleetListener } from './exchange.ts'
import { Gathered } from './gathered.ts'
import type { Mark } from './mark.ts'
import type { FleetMessage } from './message.ts'
import { packMessages, unpackMessages } from './message.ts'
import { migrateFleet } from './postgres-schema.ts'

/** How to reach the meeting place of a fleet in PostgreSQL. */
export interface PostgresExchangeOptions {
  /** `postgres://user:password@host/database?sslmode=verify-full…`; never logged. */
  readonly url: string
  /** Unique among the replicas and processes that run. */
  readonly replica: string
  /** An answer that takes longer is none: the replica then verifies for itself. Default 250 ms. */
  readonly answerTimeoutMs?: number
  /** Told of lost connections; for the log. */
  readonly onError?: (error: unknown) => void
}

const CHANNEL = 'portcullis_fleet'
/** PostgreSQL takes less than 8,000 bytes in one notification. */
const PAYLOAD_BYTES_MAX = 7_900
/** Messages waiting to be sent; older ones are of no use to anybody. */
const MESSAGES_MAX = 2_000
const CLAIMS_MAX = 500
const CONNECT_TIMEOUT_MS = 3_000
const RETRY_MS = 500
/** How often the connection that waits for notifications is asked whether it is still one. */
const ALIVE_INTERVAL_MS = 2_000

/** A mark is given out after the claims were decided; its epoch ends when the server is started anew. */
const MARK = `nextval('fleet_mark') AS count,
  extract(epoch FROM pg_postmaster_start_time())::text || ' ' || coalesce(inet_server_addr()::text, '') AS epoch`
const CLAIM = `
  WITH granted AS (
    INSERT INTO fleet_claim AS held (authority_id, replica, claimed_at)
    SELECT asked.id, $2, clock_timestamp() FROM unnest($1::text[]) AS asked (id) ORDER BY asked.id
    ON CONFLICT (authority_id) DO UPDATE SET replica = excluded.replica, claimed_at = excluded.claimed_at
    WHERE held.replica = excluded.replica
      OR held.claimed_at <= clock_timestamp() - make_interval(secs => $3::double precision / 1000)
      OR held.claimed_at > clock_timestamp() + interval '1 second'
    RETURNING authority_id
  ), decided AS (SELECT coalesce(array_agg(authority_id), '{}') AS ids FROM granted)
  SELECT decided.ids, ${MARK} FROM decided`

interface MarkRow {
  readonly count: string
  readonly epoch: string
}

/** Replicas meet in PostgreSQL: claims in a table, marks from a sequence, messages by `NOTIFY`. */
export class PostgresExchange implements FleetExchange {
  readonly replica: string
  /** For the evidence of this replica, which lies in the same database. */
  readonly pool: Pool
  readonly #options: PostgresExchangeOptions
  readonly #settings: ClientConfig
  readonly #claims: Gathered<{ authorityId: string; holdMs: number }, Claim>
  #listener: FleetListener | undefined
  #waiting: Client | undefined
  #retry: NodeJS.Timeout | undefined
  #alive: NodeJS.Timeout | undefined
  #outbox: FleetMessage[] = []
  #sending = false
  #reachable = true
  /** Questions in a row that had no answer. */
  #failures = 0
  #closed = false

  private constructor(options: PostgresExchangeOptions, settings: ClientConfig, pool: Pool) {
    this.#options = options
    this.#settings = settings
    this.replica = options.replica
    this.pool = pool
    this.#claims = new Gathered(CLAIMS_MAX, (asked) => this.#claimAll(asked))
    pool.on('error', (error) => this.#lost(error))
  }

  /** Connects and brings the fleet's tables up to date. */
  static async open(options: PostgresExchangeOptions): Promise<PostgresExchange> {
    const answerTimeoutMs = options.answerTimeoutMs ?? 250
    const settings = {
      connectionString: options.url,
      application_name: `portcullis-fleet ${options.replica}`.slice(0, 63),
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
    }
    const starting = new Pool({ ...settings, max: 1 })
    try {
      await migrateFleet(starting)
    } finally {
      await starting.end()
    }
    const pool = new Pool({
      ...settings,
      max: 3,
      connectionTimeoutMillis: answerTimeoutMs,
      query_timeout: answerTimeoutMs,
      statement_timeout: answerTimeoutMs,
    })
    return new PostgresExchange(options, settings, pool)
  }

  get reachable(): boolean {
    return this.#reachable
  }

  claim(authorityId: string, holdMs: number): Promise<Claim> {
    return this.#claims.ask({ authorityId, holdMs })
  }

  async tick(): Promise<Mark> {
    const [row] = await this.#query<MarkRow>(`SELECT ${MARK}`, [])
    return markOf(row!)
  }

  publish(message: FleetMessage): void {
    if (this.#closed) return
    if (this.#outbox.length >= MESSAGES_MAX) this.#outbox.shift()
    this.#outbox.push(message)
    if (!this.#sending) void this.#send()
  }

  listen(listener: FleetListener): void {
    this.#listener = listener
    void this.#connect()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#retry)
    clearInterval(this.#alive)
    await this.#waiting?.end().catch(() => undefined)
    await this.pool.end()
  }

  async #claimAll(asked: readonly { authorityId: string; holdMs: number }[]): Promise<Claim[]> {
    const claims = new Map<object, Claim>()
    for (const [holdMs, group] of Map.groupBy(asked, (one) => one.holdMs)) {
      const ids = [...new Set(group.map(({ authorityId }) => authorityId))]
      const [row] = await this.#query<MarkRow & { ids: string[] }>(CLAIM, [ids, this.replica, holdMs])
      const granted = new Set(row!.ids)
      const mark = markOf(row!)
      for (const one of group) claims.set(one, { granted: granted.has(one.authorityId), mark })
    }
    return asked.map((one) => claims.get(one)!)
  }

  async #send(): Promise<void> {
    this.#sending = true
    // What is published in the same moment travels together.
    await Promise.resolve()
    while (this.#outbox.length > 0 && !this.#closed) {
      const messages = this.#outbox
      this.#outbox = []
      for (const parcel of packMessages(this.replica, messages, PAYLOAD_BYTES_MAX)) {
        try {
          await this.#query('SELECT pg_notify($1, $2)', [CHANNEL, parcel])
        } catch {
          // The others verify for themselves, or hear of it from the registry.
        }
      }
    }
    this.#sending = false
  }

  async #query<Row extends object>(text: string, values: unknown[]): Promise<Row[]> {
    try {
      const { rows } = await this.pool.query<Row>(text, values)
      this.#reachable = true
      this.#failures = 0
      return rows
    } catch (thrown) {
      this.#lost(thrown)
      throw thrown
    }
  }

  #lost(error: unknown): void {
    // Marks go on being asked for; the first answer ends this. One late answer is no news to anybody.
    this.#failures += 1
    if (this.#failures === 2 && !this.#closed) this.#options.onError?.(error)
    this.#reachable = false
  }

  async #connect(): Promise<void> {
    const client = new Client(this.#settings)
    this.#waiting = client
    let ended = false
    const retry = (): void => {
      if (ended || this.#closed) return
      ended = true
      clearInterval(this.#alive)
      this.#retry = setTimeout(() => void this.#connect(), RETRY_MS)
      this.#retry.unref()
    }
    client.on('error', (error) => this.#options.onError?.(error))
    client.on('end', retry)
    client.on('notification', ({ payload }) => this.#receive(payload))
    try {
      await client.connect()
      await client.query(`LISTEN ${CHANNEL}`)
      this.#watch(client)
      this.#listener?.resumed()
    } catch (thrown) {
      this.#options.onError?.(thrown)
      await client.end().catch(() => undefined)
      retry()
    }
  }

  /** A connection that has died without a word would be waited on for ever. */
  #watch(client: Client): void {
    clearInterval(this.#alive)
    let answered = true
    this.#alive = setInterval(() => {
      if (!answered) {
        clearInterval(this.#alive)
        client.connection.stream.destroy(new Error('the connection for notifications is dead'))
        return
      }
      answered = false
      client.query('SELECT 1').then(
        () => {
          answered = true
        },
        () => undefined,
      )
    }, ALIVE_INTERVAL_MS)
    this.#alive.unref()
  }

  #receive(payload: string | undefined): void {
    const parcel = payload === undefined ? undefined : unpackMessages(payload)
    if (parcel === undefined || parcel.from === this.replica) return
    for (const message of parcel.messages) this.#listener?.received(message, parcel.from)
  }
}

function markOf({ count, epoch }: MarkRow): Mark {
  return { epoch, count: Number(count) }
}
