import type { AwsService, Outcome, OutcomeRow } from './outcomes.ts'
import { OUTCOME_TABLE } from './outcomes.ts'

/** What was read off an error; carries nothing secret. */
export interface Classified {
  readonly outcome: Outcome
  /** AWS error code, or the name or code of a transport error. */
  readonly awsError: string
  readonly awsRequestId: string | undefined
}

const byError = new Map<string, OutcomeRow[]>()
for (const row of OUTCOME_TABLE) {
  const sameName = byError.get(row.error)
  if (sameName === undefined) byError.set(row.error, [row])
  else sameName.push(row)
}

/**
 * Classifies anything that a KMS or STS call rejected with.
 * A name that the table does not have is unavailable when the HTTP status says so (429, 5xx) and else a defect.
 */
export function classify(service: AwsService, thrown: unknown): Classified {
  const error = shapeOf(thrown)
  const status = error.$metadata?.httpStatusCode
  const awsRequestId = error.$metadata?.requestId
  // An answer that AWS sent is judged by its error code, which the SDK puts into `name`; else by what Node.js reports.
  const answered = typeof status === 'number'
  const names = answered ? [error.Code, error.name] : [error.code, error.name]
  for (const name of names) {
    if (typeof name !== 'string') continue
    const outcome = lookUp(service, name, error.message ?? '')
    if (outcome !== undefined) return { outcome, awsError: name, awsRequestId }
  }
  const awsError = names.find((name): name is string => typeof name === 'string') ?? 'Unknown'
  const unavailable = answered && (status === 429 || status >= 500)
  return { outcome: unavailable ? { kind: 'unavailable' } : { kind: 'defect' }, awsError, awsRequestId }
}

function lookUp(service: AwsService, name: string, message: string): Outcome | undefined {
  return byError
    .get(name)
    ?.find(
      (row) =>
        (row.service === 'any' || row.service === service) &&
        (row.message === undefined || row.message.test(message)),
    )?.outcome
}

interface ErrorShape {
  readonly name?: unknown
  readonly code?: unknown
  readonly Code?: unknown
  readonly message?: string
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string }
}

function shapeOf(thrown: unknown): ErrorShape {
  return typeof thrown === 'object' && thrown !== null ? thrown : { name: typeof thrown }
}
