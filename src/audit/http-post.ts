import { Agent, request } from 'undici'

const TIMEOUT_MS_DEFAULT = 10_000
const ANSWER_BYTES_MAX = 64 * 1024

/** A destination answered that it did not take a delivery, or could not be reached. Carries no payload. */
export class DeliveryFailed extends Error {
  constructor(detail: string, options?: { cause?: unknown }) {
    super(detail, options)
    this.name = 'DeliveryFailed'
  }
}

/** One address that audit entries are posted to. */
export interface HttpDestination {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** Default 10 s. */
  readonly timeoutMs?: number
  /** PEM certificates to trust instead of the system's. */
  readonly caPem?: string
}

/** Posts JSON to one address: no redirects followed, bounded answers, TLS unless the address is loopback. */
export class HttpPoster {
  readonly #destination: HttpDestination
  readonly #agent: Agent

  /** Throws `TypeError` on an address that is not HTTPS and not loopback. */
  constructor(destination: HttpDestination) {
    const { protocol, hostname } = new URL(destination.url)
    const loopback = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/.test(hostname)
    if (protocol !== 'https:' && !(protocol === 'http:' && loopback)) {
      throw new TypeError('audit events leave this machine only over https')
    }
    this.#destination = destination
    const timeoutMs = destination.timeoutMs ?? TIMEOUT_MS_DEFAULT
    this.#agent = new Agent({
      connections: 1,
      pipelining: 1,
      connect: { timeout: timeoutMs, ...(destination.caPem !== undefined && { ca: destination.caPem }) },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    })
  }

  /** Resolves to the answer's text when it is a 2xx; rejects with {@link DeliveryFailed}. */
  async post(body: string, headers: Readonly<Record<string, string>>): Promise<string> {
    let answer
    try {
      answer = await request(this.#destination.url, {
        method: 'POST',
        dispatcher: this.#agent,
        headers: { 'content-type': 'application/json', ...this.#destination.headers, ...headers },
        body,
      })
      const text = await boundedText(answer.body)
      if (answer.statusCode >= 200 && answer.statusCode <= 299) return text
    } catch (cause) {
      throw new DeliveryFailed('the destination cannot be reached', { cause })
    }
    throw new DeliveryFailed(`the destination answered ${answer.statusCode}`)
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }
}

async function boundedText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > ANSWER_BYTES_MAX) break
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
