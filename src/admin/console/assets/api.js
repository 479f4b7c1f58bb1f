/** A refusal or failure of the admin API (RFC 9457), or of the way to it (`status` 0). */
export class Problem extends Error {
  /** @param {number} status @param {Record<string, any>} members @param {number} [retryAfterSeconds] */
  constructor(status, members, retryAfterSeconds) {
    super(members.detail ?? members.title ?? `The gateway answered ${status}.`)
    this.status = status
    /** @type {string | undefined} */
    this.reason = members.reason
    /** @type {string | undefined} */
    this.rule = members.rule
    /** @type {string | undefined} */
    this.remedy = members.remedy
    /** @type {{ path: string, rule: string, reason: string, remedy: string }[]} */
    this.errors = members.errors ?? []
    /** @type {string | undefined} */
    this.requestId = members.requestId
    this.retryAfterSeconds = retryAfterSeconds
  }
}

const TOKEN = /^[\x21-\x7e]{1,4096}$/
const REQUEST_TIMEOUT_MS = 30_000

/**
 * The admin API with one caller's credentials. The token goes into the Authorization header of each request and
 * nowhere else: no cookie, so nothing that another site could make the browser send.
 */
export class Api {
  #token
  #onRefused

  /** @param {string} token @param {() => void} onRefused told when the token is not, or no longer, valid */
  constructor(token, onRefused) {
    if (!TOKEN.test(token))
      throw new Problem(0, { detail: 'A token has no spaces and only ASCII characters.' })
    this.#token = token
    this.#onRefused = onRefused
  }

  /** Reads. @param {string} path @param {AbortSignal} [signal] */
  async get(path, signal) {
    return (await this.read(path, signal)).value
  }

  /**
   * Reads with the entity tag of what is there, null where there is none.
   * @param {string} path @param {AbortSignal} [signal] @returns {Promise<{ value: any, etag: string | null }>}
   */
  async read(path, signal) {
    const response = await this.#fetch('GET', path, { signal })
    return { value: await response.json(), etag: response.headers.get('ETag') }
  }

  /**
   * Changes. Each call has its own idempotency key, so that a repeat by the network is not a second change.
   * With the entity tag of what was shown, the change happens only to that.
   * @param {'POST' | 'PUT' | 'PATCH' | 'DELETE'} method @param {string} path @param {unknown} [body]
   * @param {string | null} [etag]
   */
  async send(method, path, body, etag) {
    /** @type {Record<string, string>} */
    const headers = method === 'POST' ? { 'Idempotency-Key': crypto.randomUUID() } : {}
    if (etag) headers['If-Match'] = etag
    if (body !== undefined) headers['Content-Type'] = 'application/json'
    const response = await this.#fetch(method, path, {
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    return response.status === 204 ? undefined : response.json()
  }

  /** A file in another media type. @param {string} path @param {string} mediaType @returns {Promise<Blob>} */
  async download(path, mediaType) {
    const response = await this.#fetch('GET', path, { headers: { Accept: mediaType } })
    return response.blob()
  }

  /** @param {string} method @param {string} path @param {Omit<RequestInit, 'headers'> & { headers?: Record<string, string> }} options */
  async #fetch(method, path, { signal, headers, ...rest }) {
    const limit = AbortSignal.timeout(REQUEST_TIMEOUT_MS)
    /** @type {Response} */
    let response
    try {
      response = await fetch(path, {
        ...rest,
        method,
        headers: { Accept: 'application/json', ...headers, Authorization: `Bearer ${this.#token}` },
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
        cache: 'no-store',
        credentials: 'omit',
        redirect: 'error',
        referrerPolicy: 'no-referrer',
      })
    } catch (error) {
      if (signal?.aborted) throw error
      throw new Problem(0, { detail: 'The gateway cannot be reached.' })
    }
    if (response.ok) return response
    const members = await response.json().catch(() => ({}))
    const problem = new Problem(
      response.status,
      members,
      Number(response.headers.get('Retry-After')) || undefined,
    )
    if (problem.reason === 'credentials-refused' || response.status === 401) this.#onRefused()
    throw problem
  }
}

/**
 * A path below that of the organization named first: `` organizationPath`${id}/byok` ``. Values are escaped.
 * @param {TemplateStringsArray} parts @param {...string} values
 */
export function organizationPath(parts, ...values) {
  const below = parts.reduce(
    (text, part, index) => `${text}${encodeURIComponent(values[index - 1] ?? '')}${part}`,
  )
  return `admin/v1/organizations/${below}`
}
