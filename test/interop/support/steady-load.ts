import { Agent, request, type Dispatcher } from 'undici'

/** One answer as a client of the load balancer saw it. Instants are of this process's monotonic clock. */
export interface Seen {
  readonly path: string
  readonly startedAtMs: number
  readonly endedAtMs: number
  /** 0 where there was no whole answer. */
  readonly status: number
  /** The replica that answered, where the balancer says so. */
  readonly by: string | undefined
  readonly reason: string | undefined
  readonly scope: string | undefined
}

/** A document that the load reads again and again. */
export interface LoadDocument {
  readonly path: string
  /** What every answer of 200 must be. */
  readonly body: string
}

/** What the load is sent to. */
export interface LoadOptions {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly documents: readonly LoadDocument[]
  /** Kept connections, each with one request at a time. */
  readonly connections: number
  /** Pause between two requests of a connection. */
  readonly pauseMs: number
}

/** A write that was answered with success. */
export interface Acknowledged {
  readonly path: string
  readonly body: string
  readonly startedAtMs: number
  readonly endedAtMs: number
}

/** Readers and writers that go on through everything and remember what they saw. */
export class SteadyLoad {
  readonly seen: Seen[] = []
  readonly acknowledged: Acknowledged[] = []
  /** Answers of 200 that were not what had been written; must stay empty. */
  readonly wrong: string[] = []
  readonly #options: LoadOptions
  readonly #agent: Agent
  readonly #running: Promise<void>[] = []
  #writes = 0
  #stopped = false

  constructor(options: LoadOptions) {
    this.#options = options
    this.#agent = new Agent({ connections: options.connections, pipelining: 1 })
  }

  start(): void {
    for (let index = 0; index < this.#options.connections; index += 1) this.#running.push(this.#work(index))
  }

  /** Forgets what was seen so far. */
  forget(): void {
    this.seen.length = 0
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#running)
    await this.#agent.close()
  }

  async #work(index: number): Promise<void> {
    const { documents, pauseMs } = this.#options
    for (let turn = index; !this.#stopped; turn += 1) {
      if (turn % 5 === 4) await this.#write()
      else await this.#read(documents[turn % documents.length]!)
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }

  async #read(document: LoadDocument): Promise<void> {
    const answer = await this.#ask(document.path, { method: 'GET' })
    if (answer.status === 200 && answer.text !== document.body) this.wrong.push(answer.text.slice(0, 200))
  }

  async #write(): Promise<void> {
    this.#writes += 1
    const path = `/jira/comment/write-${this.#writes}`
    const body = JSON.stringify({ id: String(this.#writes), body: `write number ${this.#writes}` })
    const { status, startedAtMs, endedAtMs } = await this.#ask(path, {
      method: 'PUT',
      body,
      headers: { 'content-type': 'application/json' },
    })
    if (status >= 200 && status < 300) this.acknowledged.push({ path, body, startedAtMs, endedAtMs })
  }

  async #ask(
    path: string,
    asking: { method: Dispatcher.HttpMethod; body?: string; headers?: Record<string, string> },
  ): Promise<Seen & { text: string }> {
    const { url, headers } = this.#options
    const startedAtMs = performance.now()
    const seen = { path, startedAtMs, by: undefined, reason: undefined, scope: undefined }
    try {
      const answer = await request(url + path, {
        ...asking,
        headers: { ...headers, ...asking.headers },
        dispatcher: this.#agent,
      })
      const text = await answer.body.text()
      const entry = {
        ...seen,
        endedAtMs: performance.now(),
        status: answer.statusCode,
        by: answer.headers['x-served-by'] as string | undefined,
        reason: answer.headers['suspension-reason'] as string | undefined,
        scope: answer.headers['suspension-scope'] as string | undefined,
      }
      this.seen.push(entry)
      return { ...entry, text }
    } catch {
      const entry = { ...seen, endedAtMs: performance.now(), status: 0 }
      this.seen.push(entry)
      return { ...entry, text: '' }
    }
  }
}
