/**
 * Every refusal the outside can see: one row per code, with its HTTP status and its public title.
 * Match on `code`; `detail` may name what the caller sent but never content, keys or credentials.
 */
const ERROR_TABLE = {
  // the request itself
  'request-malformed': { status: 400, title: 'Request is malformed' },
  'body-length-wrong': { status: 400, title: 'Body is longer than Content-Length says' },
  'json-malformed': { status: 400, title: 'Body is not well-formed JSON' },
  'integrity-mismatch': { status: 400, title: 'Body does not match the digest sent with it' },
  'tenant-required': { status: 400, title: 'No tenant was named' },
  'credentials-required': { status: 401, title: 'Credentials are required' },
  'credentials-refused': { status: 403, title: 'Credentials are not valid for this' },
  'route-not-covered': { status: 403, title: 'No coverage rule allows this route' },
  'tenant-unknown': { status: 404, title: 'Tenant is unknown' },
  'resource-unknown': { status: 404, title: 'There is no such thing' },
  'store-unknown': { status: 404, title: 'No store is mounted here' },
  'path-unknown': { status: 404, title: 'Nothing is at this path' },
  'method-not-allowed': { status: 405, title: 'Method is not allowed here' },
  'request-timeout': { status: 408, title: 'Request took too long to arrive' },
  'rule-conflict': { status: 409, title: 'A rule of the domain forbids this as things stand' },
  'request-running': { status: 409, title: 'The same request is running' },
  'length-required': { status: 411, title: 'Content-Length is required' },
  'precondition-failed': { status: 412, title: 'It has changed since' },
  'body-too-large': { status: 413, title: 'Body or value exceeds a limit' },
  'media-type-unsupported': { status: 415, title: 'Media type cannot be encrypted on this route' },
  'expectation-failed': { status: 417, title: 'Expectation cannot be met' },
  'input-invalid': { status: 422, title: 'Input is not as documented' },
  'rule-violated': { status: 422, title: 'Input breaks a rule of the domain' },
  'idempotency-key-reused': { status: 422, title: 'Idempotency-Key belongs to another request' },
  'tenant-suspended': { status: 423, title: 'Tenant is suspended' },
  'too-many-requests': { status: 429, title: 'Too many requests' },
  'headers-too-large': { status: 431, title: 'Request headers exceed a limit' },
  // what lies behind the gateway
  internal: { status: 500, title: 'Internal error' },
  'ciphertext-invalid': { status: 502, title: 'Stored ciphertext does not authenticate' },
  'store-response-invalid': { status: 502, title: 'Store answered with something that cannot be released' },
  'store-unreachable': { status: 502, title: 'Store cannot be reached' },
  'key-service-unavailable': { status: 503, title: 'Key service is unavailable' },
  overloaded: { status: 503, title: 'Gateway is at its limit' },
  draining: { status: 503, title: 'Gateway is shutting down' },
  'store-timeout': { status: 504, title: 'Store did not answer in time' },
} as const satisfies Record<string, { status: number; title: string }>

/** The machine-readable `reason` of a refusal. */
export type ErrorCode = keyof typeof ERROR_TABLE

/** One thing that is wrong with an input, and what to do about it. */
export interface PublicFinding {
  /** Place in the input, such as `keys.eu-west-1`; empty for the whole. */
  readonly path: string
  /** Stable name of the rule. */
  readonly rule: string
  readonly reason: string
  readonly remedy: string
}

/** What a refusal may carry beside its code and detail. */
export interface ErrorOptions {
  /** For logs only; never reaches a response. */
  readonly cause?: unknown
  /** Seconds until a retry is worthwhile; becomes `Retry-After`. */
  readonly retryAfterSeconds?: number
  /** Further response headers. */
  readonly headers?: Readonly<Record<string, string>>
  /** Further members of the problem body (RFC 9457 section 3.2); may override `reason`. */
  readonly members?: Readonly<Record<string, string>>
  /** Everything that is wrong, for the admin plane. */
  readonly findings?: readonly PublicFinding[]
}

/** A refusal with a public face. `cause` is for logs only and never reaches a response. */
export class PortcullisError extends Error {
  readonly code: ErrorCode
  readonly retryAfterSeconds: number | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly members: Readonly<Record<string, string>>
  readonly findings: readonly PublicFinding[]

  constructor(code: ErrorCode, detail: string, options: ErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'PortcullisError'
    this.code = code
    this.retryAfterSeconds = options.retryAfterSeconds
    this.headers = options.headers ?? {}
    this.members = options.members ?? {}
    this.findings = options.findings ?? []
  }

  /** HTTP status of this refusal. */
  get status(): number {
    return ERROR_TABLE[this.code].status
  }

  /** Public title of this refusal, the same for every instance of its code (RFC 9457 section 3.1.3). */
  get title(): string {
    return ERROR_TABLE[this.code].title
  }
}

/** Any thrown value as a `PortcullisError`: an unknown one becomes `internal` and keeps its cause for the log. */
export function asPortcullisError(thrown: unknown): PortcullisError {
  if (thrown instanceof PortcullisError) return thrown
  return new PortcullisError('internal', 'The gateway failed to handle this request.', { cause: thrown })
}
