import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent, fetch, type Response } from 'undici'
import type { Terminal } from '../terminal.ts'
import { AdminRequestFailed, UsageError } from './failure.ts'

/** Options that every command of the admin API takes. */
export interface ConnectionOptions {
  readonly url?: string
  readonly tokenFile?: string
  readonly caFile?: string
}

/** A page of a list. */
interface Page<Item> {
  readonly items: readonly Item[]
  readonly next: string | null
}

const URL_DEFAULT = 'http://127.0.0.1:8081'
const TIMEOUT_MS = 120_000
const PAGE_ITEMS = 500
const NDJSON = 'application/x-ndjson'

/** The admin API as the commands use it. */
export class AdminClient {
  readonly #url: string
  readonly #token: () => string
  readonly #dispatcher: Agent

  /** The token is looked for when the first request is made, which rejects with `UsageError` without one. */
  constructor(options: ConnectionOptions, terminal: Terminal) {
    this.#url = (options.url ?? terminal.environment['PORTCULLIS_ADMIN_URL'] ?? URL_DEFAULT).replace(
      /\/$/,
      '',
    )
    if (!URL.canParse(this.#url)) throw new UsageError(`${JSON.stringify(this.#url)} is not a URL`)
    this.#token = () => tokenOf(options, terminal)
    const ca = options.caFile === undefined ? undefined : readFileSync(options.caFile, 'utf8')
    this.#dispatcher = new Agent(ca === undefined ? {} : { connect: { ca } })
  }

  /** Sends one request; with `ifMatch` only while the entity tag is still that one. Rejects with `AdminRequestFailed`. */
  async send<Body>(method: string, path: string, body?: unknown, ifMatch?: string): Promise<Body> {
    const response = await this.#fetch(method, path, 'application/json', body, ifMatch)
    return (response.status === 204 ? undefined : await response.json()) as Body
  }

  get<Body>(path: string): Promise<Body> {
    return this.send('GET', path)
  }

  /** What is there, with its entity tag. */
  async tagged(path: string): Promise<{ body: unknown; etag: string | undefined }> {
    const response = await this.#fetch('GET', path, 'application/json')
    const etag = response.headers.get('etag') ?? undefined
    return { body: await response.json(), etag }
  }

  /** All items of a list, page by page. */
  async all<Item>(path: string): Promise<Item[]> {
    const items: Item[] = []
    let cursor: string | null = null
    do {
      const query = new URLSearchParams({ limit: String(PAGE_ITEMS), ...(cursor === null ? {} : { cursor }) })
      const page: Page<Item> = await this.get(`${path}?${query.toString()}`)
      items.push(...page.items)
      cursor = page.next
    } while (cursor !== null)
    return items
  }

  /** The body of an answer in another media type, in pieces. */
  async *stream(path: string, mediaType: string, method = 'GET'): AsyncGenerator<Uint8Array> {
    const response = await this.#fetch(method, path, mediaType)
    for await (const chunk of response.body ?? []) yield chunk as Uint8Array
  }

  /** The lines of an answer in NDJSON, as they come. */
  async *lines<Line>(path: string, method: string): AsyncGenerator<Line> {
    const decoder = new TextDecoder()
    let rest = ''
    for await (const piece of this.stream(path, NDJSON, method)) {
      const lines = (rest + decoder.decode(piece, { stream: true })).split('\n')
      rest = lines.pop()!
      for (const line of lines) yield JSON.parse(line) as Line
    }
  }

  async close(): Promise<void> {
    await this.#dispatcher.close()
  }

  async #fetch(
    method: string,
    path: string,
    accept: string,
    body?: unknown,
    ifMatch?: string,
  ): Promise<Response> {
    let response: Response
    const token = this.#token()
    try {
      response = await fetch(this.#url + path, {
        method,
        dispatcher: this.#dispatcher,
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
        headers: {
          Accept: accept,
          Authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...(ifMatch === undefined ? {} : { 'If-Match': ifMatch }),
          ...(method === 'POST' ? { 'Idempotency-Key': randomUUID() } : {}),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
    } catch (thrown) {
      const cause = (thrown as { cause?: { code?: string } }).cause?.code ?? (thrown as Error).name
      throw new AdminRequestFailed(`${this.#url} cannot be reached (${cause})`, undefined, { cause: thrown })
    }
    if (response.ok) return response
    throw await refusalOf(response)
  }
}

function tokenOf(options: ConnectionOptions, terminal: Terminal): string {
  const token =
    options.tokenFile === undefined
      ? terminal.environment['PORTCULLIS_ADMIN_TOKEN']
      : readFileSync(options.tokenFile, 'utf8').trim()
  if (token === undefined || token === '') {
    throw new UsageError('no admin token: set PORTCULLIS_ADMIN_TOKEN, or name a file with --token-file')
  }
  if (!/^[\x21-\x7e]+$/.test(token)) throw new UsageError('the admin token has characters that no token has')
  return token
}

async function refusalOf(response: Response): Promise<AdminRequestFailed> {
  const text = await response.text()
  try {
    const problem = JSON.parse(text) as Record<string, unknown>
    return new AdminRequestFailed(String(problem['detail'] ?? problem['title']), problem)
  } catch {
    return new AdminRequestFailed(`the admin API answered ${response.status}`)
  }
}
