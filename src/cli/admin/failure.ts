/** One rule that refused something. */
interface Finding {
  readonly path: string
  readonly rule: string
  readonly reason: string
  readonly remedy: string
}

/** The API refused, or cannot be reached. */
export class AdminRequestFailed extends Error {
  /** The problem document (RFC 9457), where there is one. */
  readonly problem: Readonly<Record<string, unknown>> | undefined

  constructor(message: string, problem?: Readonly<Record<string, unknown>>, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AdminRequestFailed'
    this.problem = problem
  }

  /** HTTP status of the refusal; undefined where there was no answer. */
  get status(): number | undefined {
    const status = this.problem?.['status']
    return typeof status === 'number' ? status : undefined
  }

  /** For people: what is wrong, what to do instead, and by which rule; a line for each rule where several refuse. */
  override toString(): string {
    if (typeof this.problem?.['rule'] !== 'string') return this.message
    const findings = (this.problem['errors'] ?? []) as readonly Finding[]
    if (findings.length < 2) return `${this.message} [${this.problem['rule']}]`
    const lines = findings.map(
      ({ path, reason, remedy, rule }) =>
        `\n  ${path === '' ? '' : `${path}: `}${reason}. ${remedy}. [${rule}]`,
    )
    return `${findings.length} things are wrong:${lines.join('')}`
  }
}

/** A command line that cannot be carried out as it is; exit code 2. */
export class UsageError extends Error {}
