import { Client, type ClientConfig } from 'pg'

const RETRY_MS = 500

/** A connection of its own that waits for notifications, and comes back whenever it is lost. */
export class ChangeListener {
  readonly #settings: ClientConfig
  readonly #channel: string
  readonly #onError: ((error: unknown) => void) | undefined
  #client: Client | undefined
  #retry: NodeJS.Timeout | undefined
  #closed = false

  constructor(settings: ClientConfig, channel: string, onError?: (error: unknown) => void) {
    // a connection that only waits must not be cut for having nothing to say
    const { query_timeout: _query, statement_timeout: _statement, ...waiting } = settings
    this.#settings = waiting
    this.#channel = channel
    this.#onError = onError
  }

  /** Calls back after every notification, and after every return of the connection: some may have been missed. */
  start(notified: () => void): void {
    void this.#connect(notified)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#retry)
    await this.#client?.end()
  }

  async #connect(notified: () => void): Promise<void> {
    const client = new Client(this.#settings)
    this.#client = client
    let ended = false
    const again = (): void => {
      if (ended || this.#closed) return
      ended = true
      this.#retry = setTimeout(() => void this.#connect(notified), RETRY_MS)
      this.#retry.unref()
    }
    client.on('error', (error) => this.#onError?.(error))
    client.on('end', again)
    client.on('notification', notified)
    try {
      await client.connect()
      await client.query(`LISTEN ${this.#channel}`)
      notified()
    } catch (thrown) {
      this.#onError?.(thrown)
      await client.end().catch(() => undefined)
      again()
    }
  }
}
