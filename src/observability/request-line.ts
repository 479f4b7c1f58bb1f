import { redactError, redactPath } from './redact.ts'

/** A finished request in the log. */
export interface RequestLogEntry {
  readonly requestId: string
  readonly method: string
  /** Request target as received; its query and free text are left out. */
  readonly target: string
  /** Template of the route from the coverage, empty when none matched. */
  readonly route: string
  readonly store: string
  readonly site: string | undefined
  readonly app: string | undefined
  /** Name of the token or certificate. */
  readonly caller: string | undefined
  readonly status: number
  readonly durationMs: number
  readonly requestBytes: number
  readonly responseBytes: number
  /** Code of the refusal, if any. */
  readonly errorCode: string | undefined
  /** What lies behind an internal error; never reaches a response. */
  readonly error?: unknown
}

/** The facts of the line. Names come from the configuration, numbers from the gateway; the path is masked. */
export function requestLine(entry: RequestLogEntry): Record<string, unknown> {
  return {
    requestId: entry.requestId,
    method: entry.method.slice(0, 16),
    path: redactPath(entry.target),
    route: entry.route,
    store: entry.store,
    site: entry.site,
    app: entry.app,
    caller: entry.caller,
    status: entry.status,
    durationMs: Math.round(entry.durationMs * 1_000) / 1_000,
    requestBytes: entry.requestBytes,
    responseBytes: entry.responseBytes,
    errorCode: entry.errorCode,
    ...(entry.error === undefined ? {} : { error: redactError(entry.error) }),
  }
}
