/** The API refused, or cannot be reached. */
export class AdminRequestFailed extends Error {
  /** The problem document (RFC 9457), where there is one. */
  readonly problem: Readonly<Record<string, unknown>> | undefined

  constructor(message: string, problem?: Readonly<Record<string, unknown>>, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AdminRequestFailed'
    this.problem = problem
  }
}

/** A command line that cannot be carried out as it is; exit code 2. */
export class UsageError extends Error {}
